"""Raised and lowered letters: exponents, indices, ordinals, marks of footnotes and trademarks.

PDFium ends a line where such a letter stands and begins another behind it. Here the pieces become the one line that was printed.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from documents.extraction.cleanup.bidi import HAS_LETTER
from documents.extraction.pdf.piecewise import Piecewise, PlaceOf

Entry = list[float]  # start, end, left, right, baseline, height, and perhaps 1: see printed_lines.lines_of()

# In heights of the line's own letters
SMALLER = 0.9  # than those is what is raised or lowered, mostly
MAX_HEIGHT, LOWEST = 0.8, -0.5  # baselines of raised and lowered letters
SAME_BASELINE = 0.08
WORD_GAP = 0.12  # what is further apart are two words
TOUCHING, NEAR, NEXT, ENDLESS = 0.15, 0.35, 1.0, 1e9  # to what stands before it
OVERLAP = -0.35  # slanted letters lean over their exponents
UNDER = -4.0  # as an index under an exponent, and what is under the line of a fraction
MAX_LENGTH = 30  # characters of raised or lowered text
MAX_SYMBOLS = 6  # of fonts whose letters' boxes have any height


TURNED = 0.15  # of their height, which letters are wide at least, on average, unless they stand one above the other
NUMBER = re.compile(r"\d[\d.,]*\d")
RAISED_FIGURES = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
LOWERED_FIGURES = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def is_turned(line: Entry) -> bool:
    """Whether it runs upwards or downwards on the page."""
    return line[3] - line[2] < TURNED * line[5] * (line[1] - line[0])


class Piece(NamedTuple):
    """What PDFium took for a line: `entry` as printed_lines has it, and how most of its letters stand."""

    text: str
    entry: Entry
    baseline: float
    height: float
    least: float  # the height of its smaller end: a sign of a font for symbols says nothing of the rest
    first_rise: float  # of its first letter, which may be raised alone

    @classmethod
    def of_line(cls, text: str, entry: Entry) -> "Piece":
        """A line beside which there is no other."""
        return cls(text[int(entry[0]) : int(entry[1])], entry, entry[4], entry[5], entry[5], 0.0)

    @property
    def left(self) -> float:
        return self.entry[2]

    @property
    def right(self) -> float:
        return self.entry[3]

    @property
    def start(self) -> int:
        return int(self.entry[0])

    @property
    def end(self) -> int:
        return int(self.entry[1])

    @property
    def begins_raised(self) -> bool:
        return abs(self.first_rise) > SAME_BASELINE * self.height

    def gap_to(self, other: "Piece") -> float:
        """The white between the end of this and the beginning of the other, in the direction in which they are read."""
        if HAS_LETTER.search(self.text) or HAS_LETTER.search(other.text):
            return self.left - other.right
        return other.left - self.right

    def is_smaller_than(self, height: float) -> bool:
        return self.least < SMALLER * height

    def bears(self, other: "Piece") -> bool:
        """Whether the other is raised or lowered beside letters of this height and baseline."""
        rise = (other.baseline - self.baseline) / self.height
        if not LOWEST <= rise <= MAX_HEIGHT or len(other.text) > MAX_LENGTH:
            return False
        is_smaller = other.is_smaller_than(self.height) or len(other.text) <= MAX_SYMBOLS
        return is_smaller and 3 * other.least > self.height

    def is_level_with(self, other: "Piece") -> bool:
        return abs(self.baseline - other.baseline) <= SAME_BASELINE * max(self.height, other.height)


class PrintedLine:
    """Pieces of one line in the order in which they are read; `base` are letters that are neither raised nor lowered."""

    def __init__(self, piece: Piece) -> None:
        self.pieces = [piece]
        self.joints: list[str] = []
        self.base = piece

    def take(self, piece: Piece, between: str) -> bool:
        """Add the piece if it goes on with this line."""
        joint = self._joint(piece)
        if joint is None:
            return False
        has_space = between[:1].isspace() and between[0] not in "\r\n"
        self.joints.append("-" if "\ufffe" in between else " " if has_space else joint)
        self.pieces.append(piece)
        if self.base.is_level_with(piece):
            self.base = max(self.base, piece, key=lambda own: len(own.text))
        elif not self.base.bears(piece):
            self.base = piece
        return True

    def _joint(self, piece: Piece) -> str | None:
        """What is between this line and the piece; None where it is another line."""
        last, base = self.pieces[-1], self.base
        if not piece.height or not base.height:
            return None
        gap = last.gap_to(piece) / base.height
        space = " " if gap > WORD_GAP else ""
        if base.is_level_with(piece):
            if piece.begins_raised and UNDER < gap <= OVERLAP:
                return " "
            # PDFium makes one line of what has one baseline, however wide the gap, but for raised letters.
            widest = NEXT if piece.begins_raised else NEAR if base.is_level_with(last) else ENDLESS
            return space if OVERLAP < gap < widest else None
        if base.bears(piece):
            return self._joint_to_raised(piece, gap, space)
        # An exponent alone: of a mark before its footnote, of an isotope.
        is_first = len(self.pieces) == 1 and piece.bears(base)
        return space if is_first and OVERLAP < gap < NEAR else None

    def _joint_to_raised(self, piece: Piece, gap: float, space: str) -> str | None:
        is_smaller = piece.is_smaller_than(self.base.height)
        if OVERLAP < gap < (NEAR if is_smaller else TOUCHING):
            return space
        return " " if UNDER < gap < (NEXT if is_smaller else TOUCHING) else None


def join_raised_letters(
    text: str, pieces: Sequence[Piece], place_of: PlaceOf
) -> tuple[str, list[Entry], PlaceOf]:
    """The text, its lines and PDFium's count for each character, with the pieces of a line in one."""
    printed: list[PrintedLine] = []
    for piece in pieces:
        if not printed or not printed[-1].take(piece, text[printed[-1].pieces[-1].end : piece.start]):
            printed.append(PrintedLine(piece))
    return _joined(text, printed, place_of)


def _joined(text: str, printed: Sequence[PrintedLine], place_of: PlaceOf) -> tuple[str, list[Entry], PlaceOf]:
    made = Piecewise()
    lines: list[Entry] = []
    after = 0
    for line in printed:
        first, last = line.pieces[0], line.pieces[-1]
        made.add(text[after : first.start], after)
        begin = made.length
        for piece, joint in zip(line.pieces, [*line.joints, ""], strict=True):
            made.add(text[piece.start : piece.end], piece.start)
            if joint:
                made.add(joint)
        left, right = min(piece.left for piece in line.pieces), max(piece.right for piece in line.pieces)
        if len(line.pieces) == 1 and not first.begins_raised:
            baseline, height = first.entry[4:6]
        else:
            baseline, height = line.base.baseline, round(line.base.height, 1)
        lines.append([begin, made.length, left, right, baseline, height, *last.entry[6:]])
        after = last.end
    made.add(text[after:], after)
    return made.text, lines, made.counted_by(place_of)


def mark_raised_digits(text: str, lines: Sequence[Entry], baseline_of: Callable[[int], float | None]) -> str:
    """The text with figures raised or lowered behind others told from them: 10²⁴ is not 1024, and 2019¹ has a footnote."""
    found: list[tuple[int, str]] = []
    following = (line for line in lines if not is_turned(line))
    line = next(following, None)
    for number in NUMBER.finditer(text):
        start, end = number.span()
        while line and line[1] < end:
            line = next(following, None)
        if not line:
            break
        last = baseline_of(end - 1) if line[0] <= start else None
        if last is None or abs(last - line[4]) <= SAME_BASELINE * line[5]:
            continue
        if (told := _with_raised(number, line[5], baseline_of)) != number.group():
            found.append((start, told))
    letters = list(text) if found else []
    for at, told in found:
        letters[at : at + len(told)] = told
    return "".join(letters) if found else text


def _with_raised(number: re.Match[str], height: float, baseline_of: Callable[[int], float | None]) -> str:
    base = baseline_of(number.start())
    told = []
    for at, figure in enumerate(number.group(), number.start()):
        baseline = baseline_of(at)
        rise = baseline - base if baseline is not None and base is not None else 0.0
        if abs(rise) <= SAME_BASELINE * height or abs(rise) > MAX_HEIGHT * height:
            told.append(figure)
        else:
            told.append(figure.translate(RAISED_FIGURES if rise > 0 else LOWERED_FIGURES))
    return "".join(told)
