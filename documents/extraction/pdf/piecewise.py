"""A text put together from ranges of another, which still knows where each of its characters stood there."""

from bisect import bisect_right
from collections.abc import Callable

PlaceOf = Callable[[int], int]


class Piecewise:
    """Grows by ranges of the first text, and by what stands for characters of it, or for none."""

    def __init__(self) -> None:
        self.length = 0
        self._parts: list[str] = []
        self._starts: list[int] = []  # of the parts, in the text as it becomes,
        self._origins: list[int] = []  # and in the first; -1 for what was not there

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def add(self, part: str, origin: int = -1) -> None:
        """Goes on with the part, which stood at `origin` in the first text."""
        self._parts.append(part)
        self._starts.append(self.length)
        self._origins.append(origin)
        self.length += len(part)

    def counted_by(self, place_of: PlaceOf) -> PlaceOf:
        """From a place in this text to the count that `place_of` has for the first; -1 for what was not there."""
        starts, origins = self._starts, self._origins

        def counted(place: int) -> int:
            part = bisect_right(starts, place) - 1
            return -1 if origins[part] < 0 else place_of(origins[part] + place - starts[part])

        return counted
