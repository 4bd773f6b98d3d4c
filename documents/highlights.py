"""Cut a text where passages and search results begin and end, and render the pieces and its tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from documents.extraction.pages import Heading as Marked
from documents.extraction.text.markup_spans import MarkupSpan, markup_spans, without_markup
from documents.models.page import Part
from documents.search import places_in
from documents.structure.drawing import drawn_blocks, with_blocks
from documents.structure.kinds import Heading, Table

Range = tuple[int, int]


class Stretch(NamedTuple):
    """A run of text: `passages` are the numbers of those that contain it, `begins` the one that starts with it."""

    text: str
    is_hit: bool = False
    passages: tuple[int, ...] = ()
    begins: int | None = None


@dataclass(frozen=True)
class Outline:
    """A part of a page's text, its tables, headings and markup, and the ranges of the page's text that match the search."""

    stretches: list[Stretch]
    hits: list[Range]
    drawn: Sequence[Table | Heading] = field(default_factory=list)
    markup: Sequence[MarkupSpan] = field(default_factory=list)

    @property
    def html(self) -> SafeString:
        """The text, escaped and without markup, with matches marked, passages numbered, tables and headings drawn."""
        text = "".join(stretch.text for stretch in self.stretches)
        return with_blocks(text, self.drawn, _Pen(text, self.stretches, self.markup).draw)


def outlined(
    part: Part,
    passages: Sequence[tuple[int, int, int]],
    words: str,
    media_type: str = "text/plain",
    headings: Sequence[Marked] = (),
) -> Outline:
    """Cut the part wherever a passage (number, start, end) or a match begins or ends."""
    hits = [(part.start + start, part.start + end) for start, end in places_in(part.text, words)]
    within = [(number, max(start, part.start), min(end, part.end)) for number, start, end in passages]
    edges = {edge for _number, *span in within for edge in span} | {edge for hit in hits for edge in hit}
    cuts = sorted(edges | {part.start, part.end})
    stretches = []
    for start, end in pairwise(cuts):
        containing = tuple(number for number, first, last in within if first <= start < last)
        begins = next((number for number, first, _last in within if first == start), None)
        is_hit = any(first <= start < last for first, last in hits)
        stretches.append(
            Stretch(part.text[start - part.start : end - part.start], is_hit, containing, begins)
        )
    drawn = drawn_blocks(part.text, media_type, headings)
    return Outline(stretches, hits, drawn, markup_spans(part.text, media_type))


class _Pen:
    """Draws ranges of the stretches' text, one after the other. The number of a passage comes before its first words."""

    def __init__(self, text: str, stretches: Sequence[Stretch], markup: Sequence[MarkupSpan]) -> None:
        self.text, self.stretches, self.markup = text, stretches, markup
        self.number, self.start = 0, 0  # the stretch at which the next range begins, and where it starts
        self.is_numbered = False

    def draw(self, start: int, end: int) -> SafeString:
        return format_html_join("", "{}{}", self._drawn(start, end))

    def _drawn(self, start: int, end: int) -> Iterator[tuple[str, str]]:
        begins: int | None = None
        while start < end and self.number < len(self.stretches):
            stretch = self.stretches[self.number]
            if not self.is_numbered:
                begins, self.is_numbered = stretch.begins or begins, True
            stop = self.start + len(stretch.text)
            first, last = max(start, self.start), min(end, stop)
            if first < last and (words := without_markup(self.text, self.markup, first, last)):
                yield _number(begins), _text(stretch._replace(text=words))
                begins = None
            if stop > end:
                break
            self.number, self.start, self.is_numbered = self.number + 1, stop, False


def _number(passage: int | None) -> str:
    if not passage:
        return ""
    label = _("Passage %d") % passage
    return format_html('<span class="passage-number" aria-label="{}">{}</span>', label, passage)


def _text(stretch: Stretch) -> str:
    if stretch.is_hit:
        return format_html("<mark>{}</mark>", stretch.text)
    if not stretch.passages:
        return stretch.text
    is_even = stretch.passages[0] % 2 == 0
    tint = " passage-shared" if len(stretch.passages) > 1 else " passage-even" if is_even else ""
    return format_html('<span class="passage{}">{}</span>', tint, stretch.text)
