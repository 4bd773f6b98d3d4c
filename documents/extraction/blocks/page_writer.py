"""Write blocks as pages of limited length."""

from collections.abc import Iterable
from typing import Any

from documents.extraction.blocks.blocks import Block, tidy
from documents.extraction.blocks.tables import rows_as_lines
from documents.extraction.cleanup.garbage import solid_length
from documents.extraction.limits import MAX_CHARACTERS, MAX_PAGES
from documents.extraction.pages import ExtractedPage, Extraction, Heading

PAGE_LENGTH = 20_000  # characters; a longer text is cut into pages
MAX_TITLE_LENGTH = 300
MAX_ITEM_INDENT = 8


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
