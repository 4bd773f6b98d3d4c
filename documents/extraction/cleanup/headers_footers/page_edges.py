"""Finds the edges of a page, where headers and footers may be."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from statistics import median

EDGE = 3  # lines at the top and at the bottom of a page that may be headers or footers
BLOCK = 7  # lines of a letterhead, or of small print at the bottom
Place = tuple[float, float]  # baseline and height of a line; height 0 if unknown

APART = 1.4  # times the usual line spacing; lines further away do not belong to the body
LARGER = 1.12  # times the usual letter height, as titles of slides are
SLIDE = 20  # lines; slides and forms have fewer
PROSE = 12  # lines; most pages of prose have more


class Page:
    """The lines of one page, and the gaps between header, body and footer."""

    def __init__(self, lines: Sequence[str], places: Sequence[Place] = ()) -> None:
        self.lines = lines
        self.places = places if places and all(height for _baseline, height in places) else ()
        self.gaps = [abs(a[0] - b[0]) for a, b in pairwise(self.places)]
        self.usual_gap = median(self.gaps) if self.gaps else 0.0

    @cached_property
    def height(self) -> float:
        return median([height for _baseline, height in self.places]) if self.places else 0.0

    def _is_gap(self, line: int) -> bool:
        """Whether the line is apart from the next one."""
        return self.gaps[line] > APART * max(self.usual_gap, self.places[line][1])

    def edges(self) -> Iterator[tuple[str, int]]:
        """Candidates for headers and footers: the lines outside the body if gaps show it, else the outermost ones."""
        count, gaps = len(self.lines), range(len(self.gaps))
        above, below = self._gap_near(gaps), self._gap_near(gaps[::-1])
        top = (0 if self._is_head_of_table() else min(EDGE, count)) if above is None else above + 1
        bottom = max(0, count - EDGE) if below is None else below + 1
        # On a very short page, a line may be near both edges.
        yield from (("top", line) for line in range(top))
        yield from (("bottom", line) for line in range(bottom, count))

    def _gap_near(self, inwards: Sequence[int]) -> int | None:
        """The innermost gap among the outermost lines, or else the one after a block such as a letterhead."""
        near = [line for line in inwards[:EDGE] if self._is_gap(line)]
        return near[-1] if near else next((line for line in inwards[:BLOCK] if self._is_gap(line)), None)

    def _is_head_of_table(self) -> bool:
        """Whether rows that end in figures follow the first line without a larger gap."""
        rows = self.lines[1:4] if self.places else ()
        return len(rows) == 3 and all(line[-1].isdigit() or line[-1] in "%)" for line in rows)

    def is_title(self, line: int) -> bool:
        """Whether the line is set in larger letters on a page of few lines, such as a slide."""
        return bool(self.places) and len(self.lines) <= SLIDE and self.places[line][1] > LARGER * self.height

    def is_apart(self, outermost: int) -> bool:
        """Whether a gap separates the first (0) or the last line (-1) from the rest."""
        return len(self.gaps) > 1 and self._is_gap(outermost % len(self.gaps))

    def is_apart_from_prose(self, outermost: int) -> bool:
        return self.is_apart(outermost) and len(self.lines) > PROSE
