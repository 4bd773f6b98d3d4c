"""The format-independent parts of a document: headings, paragraphs, list items and tables."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from documents.extraction.blocks.tables import Cells, looks_like_header
from documents.extraction.cleanup.fold import REMOVED

# Leading characters of a code line that are examined, and spaces that are kept.
MAX_INDENT_LENGTH, MAX_INDENT = 400, 40
# Ligatures and presentation forms, which NFKC may fold; other compatibility characters, such as ², would lose meaning.
FORMS = re.compile(r"[\ufb00-\ufb4f\ufb50-\ufdcf\ufdf0-\ufdfb\ufe70-\ufefc\u2e80-\u2fd5]+")


@dataclass
class Block:
    """A heading, paragraph, list item or table.

    `level` is the heading level from 1, or the depth of a list item; `links` counts the characters inside links.
    """

    kind: str
    text: str = ""
    level: int = 1
    links: int = 0
    table: "Table | None" = None


@dataclass
class Table:
    """Rows of cells, each cell a list of blocks. The first `header_rows` rows are headers."""

    rows: list[list["Cell"]] = field(default_factory=list)
    header_rows: int = 0
    may_have_header: bool = False  # the first row is formatted differently

    @property
    def is_layout(self) -> bool:
        """Whether the table is only layout: a single column, or cells that hold headings or tables."""
        if all(len(row) <= 1 for row in self.rows):
            return True
        return any(
            block.kind in ("heading", "table") for row in self.rows for cell in row for block in cell.blocks
        )

    @property
    def header_row_count(self) -> int:
        """The number of header rows: marked ones, rows of header cells only, or a first row that looks like one."""
        found = self.header_rows
        while (
            found < len(self.rows) and self.rows[found] and all(cell.is_header for cell in self.rows[found])
        ):
            found += 1
        if not found and self.may_have_header and len(self.rows) > 1:
            first = Table(self.rows[:1]).cells()[0]
            found = int(looks_like_header(first, max(len(row) for row in self.rows[:20])))
        return found if found < len(self.rows) else 0

    def cells(self) -> list[Cells]:
        """Each row's texts by column number. A cell that spans rows is repeated in each of them."""
        found: list[Cells] = []
        spanning: dict[int, tuple[int, str]] = {}
        for row in self.rows:
            texts: Cells = {}
            column = 0
            for cell in row:
                while column in spanning:
                    column = _repeat_spanning(spanning, column, texts)
                text = " ".join(block.text.replace("\n", " ") for block in cell.blocks if block.text)
                if cell.is_merged_with_above and not text and found:
                    text = found[-1].get(column, "")
                if text:
                    texts[column] = text
                if cell.rows > 1:
                    spanning[column] = (cell.rows - 1, text)
                column += cell.columns
            for rest in sorted(place for place in spanning if place >= column):
                _repeat_spanning(spanning, rest, texts)
            found.append(texts)
        return found

    def blocks(self) -> Iterator[Block]:
        for row in self.rows:
            for cell in row:
                yield from cell.blocks


@dataclass
class Cell:
    blocks: list[Block] = field(default_factory=list)
    columns: int = 1
    rows: int = 1
    is_header: bool = False  # of a column or row
    is_merged_with_above: bool = False


def _repeat_spanning(spanning: dict[int, tuple[int, str]], column: int, texts: Cells) -> int:
    """Repeat a cell that spans into this row, and return the next column."""
    left, text = spanning.pop(column)
    if text:
        texts[column] = text
    if left > 1:
        spanning[column] = (left - 1, text)
    return column + 1


def tidy(text: str) -> str:
    """Collapse white space within lines, normalize letters, and drop invisible characters and empty lines."""
    if not text.isascii():
        text = REMOVED.sub("", text.replace("\u00ad", ""))
        text = unicodedata.normalize("NFC", FORMS.sub(_plain_letters, text))
    elif not text.isprintable():
        text = REMOVED.sub("", text)
    if "\n" not in text:
        return " ".join(text.split())
    return "\n".join(filter(None, (" ".join(line.split()) for line in text.split("\n"))))


def tidy_code(text: str) -> str:
    """Like `tidy`, but keep the relative indentation of the lines."""
    lines = [
        line[:MAX_INDENT_LENGTH].expandtabs(4).replace("\xa0", " ") + line[MAX_INDENT_LENGTH:]
        for line in text.split("\n")
    ]
    lines = [line for line in lines if line.strip()]
    indents = [len(line) - len(line.lstrip(" ")) for line in lines]
    common = min(indents, default=0)
    tidied = (
        (min(indent - common, MAX_INDENT), tidy(line)) for indent, line in zip(indents, lines, strict=True)
    )
    return "\n".join(" " * indent + line for indent, line in tidied if line).lstrip()


def _plain_letters(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match.group())
