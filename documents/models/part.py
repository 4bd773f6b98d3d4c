"""Splits long pages into parts for display: a page may be as large as a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

LENGTH = 20_000  # characters; a text up to half as long again is one part
BREAK_WINDOW = 500  # characters before the end of a part, searched for the end of a line


@dataclass(frozen=True)
class Part:
    """One part of a text, from `start` to `end`: part `number` of `count`."""

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
    """Part `number` of a text of `length` characters, loaded by `read(start, end)`. All parts joined are the text."""
    count = max(1, round(length / LENGTH))
    number = min(max(1, number), count)
    nominal = (number - 1) * LENGTH
    before = min(nominal, BREAK_WINDOW)
    text = read(nominal - before, length if number == count else number * LENGTH)
    first = _last_break(text[:before]) if before else 0
    last = len(text) if number == count else _last_break(text)
    start = nominal - before + first
    return Part(text[first:last], start, start + last - first, number, count)


def _last_break(text: str) -> int:
    """Where to end the part: after the last line, or at least the last word."""
    floor = max(0, len(text) - BREAK_WINDOW)
    place = text.rfind("\n", floor)
    if place < 0:
        place = text.rfind(" ", floor)
    return place + 1 if place >= 0 else len(text)
