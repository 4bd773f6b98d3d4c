"""Long texts in parts: a page may be as large as a file, and nobody reads that at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

LENGTH = 20_000  # characters; of a text up to half as long again everything is shown
SEAM = 500  # characters in which the end of a line is sought to end a part at


@dataclass(frozen=True)
class Part:
    """What is shown at once: a text from `start` to `end`, part `number` of `count`."""

    text: str
    start: int
    end: int
    number: int = 1
    count: int = 1

    @property
    def previous(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        return self.number + 1 if self.number < self.count else None


def part_of(read: Callable[[int, int], str], length: int, number: int) -> Part:
    """That part of a text so long, of which `read(start, end)` gives a stretch. All parts together are the text."""
    count = max(1, round(length / LENGTH))
    number = min(max(1, number), count)
    nominal = (number - 1) * LENGTH
    before = min(nominal, SEAM)
    text = read(nominal - before, length if number == count else number * LENGTH)
    first = _seam(text[:before]) if before else 0
    last = len(text) if number == count else _seam(text)
    start = nominal - before + first
    return Part(text[first:last], start, start + last - first, number, count)


def _seam(text: str) -> int:
    """Where to part, as late in the text as a line or at least a word ends."""
    floor = max(0, len(text) - SEAM)
    place = text.rfind("\n", floor)
    if place < 0:
        place = text.rfind(" ", floor)
    return place + 1 if place >= 0 else len(text)
