"""A text in stretches: which passages each belongs to, and whether it is what was sought."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from documents.models.part import Part
from documents.search import places_in

Range = tuple[int, int]


class Stretch(NamedTuple):
    """A run of text. `begins` is the passage that begins with it, `passages` are all that it belongs to."""

    text: str
    is_hit: bool = False
    passages: tuple[int, ...] = ()
    begins: int | None = None


class Outline(NamedTuple):
    """A part of a page's text, and where in the page's text the sought words stand."""

    stretches: list[Stretch]
    hits: list[Range]


def outlined(part: Part, passages: Sequence[tuple[int, int, int]], words: str) -> Outline:
    """The part cut wherever a passage (number, start, end) or a hit begins or ends."""
    hits = [(part.start + start, part.start + end) for start, end in places_in(part.text, words)]
    within = [(number, max(start, part.start), min(end, part.end)) for number, start, end in passages]
    edges = {edge for _number, *span in within for edge in span} | {edge for hit in hits for edge in hit}
    cuts = sorted(edges | {part.start, part.end})
    stretches = []
    for start, end in pairwise(cuts):
        held = tuple(number for number, first, last in within if first <= start < last)
        begins = next((number for number, first, _last in within if first == start), None)
        is_hit = any(first <= start < last for first, last in hits)
        stretches.append(Stretch(part.text[start - part.start : end - part.start], is_hit, held, begins))
    return Outline(stretches, hits)
