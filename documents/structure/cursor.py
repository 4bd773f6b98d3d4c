"""A cursor over the lines of a text, with its headings and its markup."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from documents.extraction.pages import Heading as Marked
from documents.extraction.registry import ODS, XLSX
from documents.extraction.text.markup_spans import FENCE, is_marked_up, markup_spans, without_markup
from documents.ingestion.sentences import sentences
from documents.structure import tables
from documents.structure.kinds import Block, Paragraph
from documents.structure.lines import RULE, Line, is_contents_entry, key_of, lines_of, marker_of

SHEETS = frozenset((XLSX, ODS, "text/csv"))
MIN_FIGURES = 2  # at the end of a row without separators


class Cursor:
    """The lines of a text from `at` on, and the blocks found before it."""

    def __init__(self, text: str, headings: Sequence[Marked], media_type: str) -> None:
        self.text, self.media_type = text, media_type
        self.lines = list(lines_of(text))
        self.headings = {heading.offset: heading for heading in headings}
        self.has_markup = is_marked_up(media_type)
        self.markup = markup_spans(text, media_type)
        self.markup_ends = [span.end for span in self.markup]
        self.found: list[Block] = []
        self.at = 0

    @property
    def is_at_end(self) -> bool:
        return self.at >= len(self.lines)

    @property
    def is_sheet(self) -> bool:
        return self.media_type in SHEETS

    @property
    def last(self) -> Block | None:
        """The previous block."""
        return self.found[-1] if self.found else None

    def line(self, ahead: int = 0) -> Line:
        """The current line, or one that many lines ahead; an empty line past the end."""
        at = self.at + ahead
        return self.lines[at] if at < len(self.lines) else Line(len(self.text), len(self.text), "")

    def take(self) -> Line:
        """Return the current line and advance."""
        self.at += 1
        return self.lines[self.at - 1]

    def is_rule(self) -> bool:
        """Whether the current line only draws a rule or underlines a title."""
        return self.has_markup and RULE.match(self.line().text) is not None

    def marked(self, line: Line) -> Marked | None:
        """The heading that begins on the line."""
        return self.headings.get(line.start) or self.headings.get(begin_of(line))

    def plain(self, start: int, end: int) -> str:
        """The text of a range without markup, its white space collapsed."""
        if not self.markup:
            return " ".join(self.text[start:end].split())
        first = last = bisect_right(self.markup_ends, start)
        while last < len(self.markup) and self.markup[last].start < end:
            last += 1
        return " ".join(without_markup(self.text, self.markup[first:last], start, end).split())

    def prose(self, start: int, end: int) -> Paragraph:
        """A paragraph with its sentences."""
        found = [(start + begin, start + stop) for begin, stop in sentences(self.text[start:end])]
        return Paragraph(start, end, found or [(start, end)], self.text[start] == ">")


def begins_block(cursor: Cursor, line: Line) -> bool:
    """Whether the line begins another block within a run of lines without blank ones."""
    after = cursor.line(1)
    return bool(
        cursor.marked(line)
        or cursor.is_rule()
        or marker_of(line.text)
        or (tables.is_row(line.text) and (tables.is_row(after.text) or cursor.is_sheet))
        or is_contents_entry(line.text)
        or (cursor.has_markup and FENCE.match(line.text))
        or (key_of(line.text) and key_of(after.text))
        or _begins_figures(line, after)
    )


def _begins_figures(line: Line, after: Line) -> bool:
    count = tables.figures_at_end(line.text)
    return count >= MIN_FIGURES and count == tables.figures_at_end(after.text)


def begin_of(line: Line) -> int:
    """The offset of the line's first word."""
    return line.start + len(line.text) - len(line.text.lstrip())
