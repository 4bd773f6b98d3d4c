"""The format-independent parts of a document: headings, paragraphs, list items and tables."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from documents.extraction.blocks.tables import Cells, looks_like_header, rows_as_lines
from documents.extraction.cleanup.clean_pages import REMOVED
from documents.extraction.cleanup.garbage import solid_length
from documents.extraction.limits import MAX_CHARACTERS, MAX_PAGES
from documents.extraction.pages import ExtractedPage, Extraction, Heading

PAGE_LENGTH = 20_000  # characters; a longer text is cut into pages
MAX_TITLE_LENGTH = 300
MAX_ITEM_INDENT = 8
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


class PageWriter:
    """Writes blocks as pages. It drops blocks over the limits and marks the extraction as partial.

    A blank line separates blocks, a newline separates list items and rows. A long text is split between blocks.
    """

    def __init__(self) -> None:
        self.pages: list[ExtractedPage] = []
        self.is_partial = False
        self.characters = 0
        self._begin("")

    def begin_page(self, label: str = "") -> None:
        """Start a new page: a slide, a sheet, a chapter."""
        self._end()
        self._begin(label)

    def add(self, blocks: Iterable[Block]) -> None:
        for block in blocks:
            if self.is_full:
                self.is_partial = True
                return
            if block.kind == "table":
                self._add_table(block)
            elif block.text:
                self._add_text(block)

    def add_lines(self, lines: Iterable[str], is_continuation: bool = False) -> None:
        """Write table rows, which may span pages. `is_continuation`: they continue the previous rows."""
        is_first = not is_continuation
        for line in lines:
            if self.is_full:
                self.is_partial = True
                return
            self._append(line, "\n\n" if is_first else "\n")
            is_first = False

    def count_hidden(self, characters: int) -> None:
        """Count characters that this page leaves out because the original hides them."""
        self.hidden += characters

    def mark_hidden_slide(self, characters: int) -> None:
        """Mark this page as a hidden slide, and count its hidden characters."""
        self.count_hidden(characters)
        self.is_hidden_slide = True

    @property
    def is_full(self) -> bool:
        return self.characters > MAX_CHARACTERS or len(self.pages) > MAX_PAGES

    def extraction(self, title: str = "", metadata: dict[str, Any] | None = None) -> Extraction:
        self._end()
        pages = self.pages or [ExtractedPage(1, "1", "")]
        return Extraction(pages, len(pages), tidy(title)[:MAX_TITLE_LENGTH], self.is_partial, metadata or {})

    def _begin(self, label: str) -> None:
        self.label = label
        self.parts: list[str] = []
        self.length = self.hidden = 0
        self.headings: list[Heading] = []
        self.is_hidden_slide = False
        self.has_begun = bool(label)  # a labelled page is kept even if it is empty
        self.was_item = False

    def _end(self) -> None:
        if not (self.parts or self.hidden or self.has_begun):
            return
        text = "".join(self.parts)
        number = len(self.pages) + 1
        report: dict[str, Any] = {"characters": solid_length(text)}
        if self.hidden:
            report["left_out"] = self.hidden
        if self.is_hidden_slide:
            report["hidden_slide"] = True
        label = tidy(self.label) or str(number)
        self.pages.append(ExtractedPage(number, label, text, headings=self.headings, report=report))

    def _add_text(self, block: Block) -> None:
        separator = "\n" if block.kind == "item" and self.was_item else "\n\n"
        text = block.text
        if block.kind == "item":
            text = "  " * min(block.level - 1, MAX_ITEM_INDENT) + text
        start = self._append(text, separator)
        if block.kind == "heading":
            self.headings.append(Heading(start, block.level, " ".join(text.split())[:MAX_TITLE_LENGTH]))
        self.was_item = block.kind == "item"

    def _add_table(self, block: Block) -> None:
        assert block.table
        if block.table.is_layout:
            self.add(block.table.blocks())
        else:
            self.add_lines(rows_as_lines(block.table.cells(), block.table.header_row_count))
        self.was_item = False

    def _append(self, text: str, separator: str) -> int:
        """Append a text, on a new page if needed, and return its offset there."""
        if self.length and self.length + len(text) > PAGE_LENGTH:
            label = self.label
            self._end()
            self._begin(label)
        start = self.length + len(separator) if self.length else 0
        if self.length:
            self.parts.append(separator)
        self.parts.append(text)
        self.length = start + len(text)
        self.characters += len(text)
        return start
