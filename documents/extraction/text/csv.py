"""Loader for CSV and TSV: detect the delimiter, then write the rows as a sheet."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

from documents.extraction.blocks.blocks import tidy
from documents.extraction.blocks.page_writer import PageWriter
from documents.extraction.blocks.sheets import SheetWriter
from documents.extraction.blocks.tables import Cells
from documents.extraction.errors import UnreadableFile
from documents.extraction.pages import Extraction
from documents.extraction.text.plain import read_text

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_LINES = 50  # examined to detect the delimiter
LINE_ENDS = re.compile(r"[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")  # other than a newline, within a cell
DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")
MAX_CELL_LENGTH = 1_000_000


def load(path: Path) -> Extraction:
    """Extract each row as a line. If a quotation mark is never closed, all of them are read literally."""
    text = read_text(path)
    if not text.strip():
        raise UnreadableFile("empty")
    csv.field_size_limit(MAX_CELL_LENGTH)
    delimiter, text = detect_delimiter(text)
    try:
        return build_pages(rows_of(text, delimiter, csv.QUOTE_MINIMAL))
    except csv.Error:
        pass
    try:
        return build_pages(rows_of(text, delimiter, csv.QUOTE_NONE))
    except csv.Error:
        raise UnreadableFile("damaged") from None


def build_pages(rows: Iterator[Cells]) -> Extraction:
    writer = PageWriter()
    SheetWriter(writer).write(rows)
    return writer.extraction()


def detect_delimiter(text: str) -> tuple[str, str]:
    """Return the delimiter, and the text without Excel's `sep=` line."""
    first, _newline, rest = text.partition("\n")
    if first.lower().startswith("sep=") and len(first) == 5:
        return first[4], rest
    lines = text[:100_000].split("\n")[:SAMPLE_LINES]
    found = max(DELIMITERS, key=lambda delimiter: consistency(lines, delimiter))
    is_tie = found == "," and consistency(lines, ";") >= min(1, consistency(lines, ",")) > 0
    return ";" if is_tie and has_decimal_commas(lines) else found, text


def has_decimal_commas(lines: list[str]) -> bool:
    """Whether every comma is between two digits, as in 1,50."""
    return all(line.count(",") == len(DECIMAL_COMMA.findall(line)) for line in lines)


def consistency(lines: list[str], delimiter: str) -> float:
    """The share of rows of equal width with this delimiter; 0 if it separates nothing."""
    try:
        widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter) if row)
    except csv.Error:
        return 0
    if not widths:
        return 0
    width, count = widths.most_common(1)[0]
    return count / widths.total() + width / 1000 if width > 1 else 0


def rows_of(text: str, delimiter: str, quoting: Literal[0, 3]) -> Iterator[Cells]:
    for row in csv.reader(_lines(text), delimiter=delimiter, quoting=quoting):
        cells = enumerate(islice(row, 20_000))
        tidied = ((column, tidy(LINE_ENDS.sub(" ", cell)).replace("\n", " ")) for column, cell in cells)
        yield {column: cell for column, cell in tidied if cell}


def _lines(text: str) -> Iterator[str]:
    """Split at newlines only; other line separators belong to cells."""
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start : end + 1]
        start = end + 1
    yield text[start:]
