"""Cut a text where passages and search results begin and end, and render the pieces."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from documents.models.page import Part
from documents.search import places_in

Range = tuple[int, int]


class Stretch(NamedTuple):
    """A run of text: `passages` are the numbers of those that contain it, `begins` the one that starts with it."""

    text: str
    is_hit: bool = False
    passages: tuple[int, ...] = ()
    begins: int | None = None


class Outline(NamedTuple):
    """A part of a page's text, and the ranges of the page's text that match the search."""

    stretches: list[Stretch]
    hits: list[Range]


def outlined(part: Part, passages: Sequence[tuple[int, int, int]], words: str) -> Outline:
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
    return Outline(stretches, hits)


def stretches_html(stretches: Sequence[Stretch]) -> SafeString:
    """The text, escaped, with matches marked and passages numbered. No white space is added: the page shows all of it."""
    return format_html_join("", "{}{}", ((_number(stretch), _text(stretch)) for stretch in stretches))


def _number(stretch: Stretch) -> str:
    if not stretch.begins:
        return ""
    label = _("Passage %d") % stretch.begins
    return format_html('<span class="passage-number" aria-label="{}">{}</span>', label, stretch.begins)


def _text(stretch: Stretch) -> str:
    if stretch.is_hit:
        return format_html("<mark>{}</mark>", stretch.text)
    if not stretch.passages:
        return stretch.text
    is_even = stretch.passages[0] % 2 == 0
    tint = " passage-shared" if len(stretch.passages) > 1 else " passage-even" if is_even else ""
    return format_html('<span class="passage{}">{}</span>', tint, stretch.text)
