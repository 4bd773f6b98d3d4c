"""A text built from ranges of another one, with a mapping back to their offsets."""

from bisect import bisect_right
from collections.abc import Callable

PlaceOf = Callable[[int], int]


class Piecewise:
    """Collects ranges of the source text, and insertions without an offset in it."""

    def __init__(self) -> None:
        self.length = 0
        self._parts: list[str] = []
        self._starts: list[int] = []  # offset of each part in the new text
        self._origins: list[int] = []  # and in the source text; -1 for insertions

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def add(self, part: str, origin: int = -1) -> None:
        """Append a part. `origin` is its offset in the source text, or -1 for an insertion."""
        self._parts.append(part)
        self._starts.append(self.length)
        self._origins.append(origin)
        self.length += len(part)

    def compose(self, place_of: PlaceOf) -> PlaceOf:
        """Map an offset in this text through `place_of` of the source text; -1 for insertions."""
        starts, origins = self._starts, self._origins

        def composed(place: int) -> int:
            part = bisect_right(starts, place) - 1
            return -1 if origins[part] < 0 else place_of(origins[part] + place - starts[part])

        return composed
