"""Joins raised and lowered letters with their line: exponents, indices, ordinals, footnote and trademark marks.

PDFium ends the line before such a letter and starts another after it.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from documents.extraction.cleanup.bidi import HAS_LETTER
from documents.extraction.pdf.piecewise import Piecewise, PlaceOf

Entry = list[float]  # start, end, left, right, baseline, height, perhaps more: see read_lines()

# All in units of the line's letter height
SMALLER = 0.9  # most raised and lowered letters
MAX_HEIGHT, LOWEST = 0.8, -0.5  # baselines of raised and lowered letters
SAME_BASELINE = 0.08
WORD_GAP = 0.12  # words are further apart
TOUCHING, NEAR, NEXT, ENDLESS = 0.15, 0.35, 1.0, 1e9  # gaps to the piece before
OVERLAP = -0.35  # slanted letters lean over their exponents
UNDER = -4.0  # an index below an exponent, or a denominator
MAX_LENGTH = 30  # characters of raised or lowered text
MAX_SYMBOLS = 6  # characters of symbol fonts, whose boxes have any height


TURNED = 0.15  # times the height: average width of letters in vertical lines
NUMBER = re.compile(r"[0-9][0-9.,]*[0-9]")  # twice as fast as with \d
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def is_vertical(line: Entry) -> bool:
    """Whether the line runs up or down the page."""
    return line[3] - line[2] < TURNED * line[5] * (line[1] - line[0])


class Piece(NamedTuple):
    """A line of PDFium, with the baseline and height of most of its letters."""

    text: str
    entry: Entry
    baseline: float
    height: float
    min_height: float  # of the heights of its two ends, since one may be a symbol of another font
    first_rise: float  # of its first letter, which may be the only raised one

    @classmethod
    def of_line(cls, text: str, entry: Entry) -> "Piece":
        """The piece for a line without neighbours, which needs no measuring."""
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
    def starts_raised(self) -> bool:
        return abs(self.first_rise) > SAME_BASELINE * self.height

    def gap_to(self, other: "Piece") -> float:
        """The gap from the end of this piece to the start of the other, in reading direction."""
        if HAS_LETTER.search(self.text) or HAS_LETTER.search(other.text):
            return self.left - other.right
        return other.left - self.right

    def is_smaller_than(self, height: float) -> bool:
        return self.min_height < SMALLER * height

    def can_carry(self, other: "Piece") -> bool:
        """Whether the other piece may be raised or lowered letters on this one."""
        rise = (other.baseline - self.baseline) / self.height
        if not LOWEST <= rise <= MAX_HEIGHT or len(other.text) > MAX_LENGTH:
            return False
        is_smaller = other.is_smaller_than(self.height) or len(other.text) <= MAX_SYMBOLS
        return is_smaller and 3 * other.min_height > self.height

    def is_level_with(self, other: "Piece") -> bool:
        return abs(self.baseline - other.baseline) <= SAME_BASELINE * max(self.height, other.height)


class PrintedLine:
    """Pieces of one line in reading order. `base` is a piece that is neither raised nor lowered."""

    def __init__(self, piece: Piece) -> None:
        self.pieces = [piece]
        self.joints: list[str] = []
        self.base = piece

    def append(self, piece: Piece, between: str) -> bool:
        """Append the piece if it continues this line. Return whether it does."""
        joint = self._joint(piece)
        if joint is None:
            return False
        has_space = between[:1].isspace() and between[0] not in "\r\n"
        self.joints.append("-" if "\ufffe" in between else " " if has_space else joint)
        self.pieces.append(piece)
        if self.base.is_level_with(piece):
            self.base = max(self.base, piece, key=lambda own: len(own.text))
        elif not self.base.can_carry(piece):
            self.base = piece
        return True

    def _joint(self, piece: Piece) -> str | None:
        """What joins the piece to this line, or None if it belongs to another line."""
        last, base = self.pieces[-1], self.base
        if not piece.height or not base.height:
            return None
        gap = last.gap_to(piece) / base.height
        space = " " if gap > WORD_GAP else ""
        if base.is_level_with(piece):
            if piece.starts_raised and UNDER < gap <= OVERLAP:
                return " "
            # PDFium joins pieces on one baseline across any gap, except around raised letters.
            widest = NEXT if piece.starts_raised else NEAR if base.is_level_with(last) else ENDLESS
            return space if OVERLAP < gap < widest else None
        if base.can_carry(piece):
            return self._joint_to_raised(piece, gap, space)
        # A leading exponent, as the mark of a footnote or in an isotope.
        is_first = len(self.pieces) == 1 and piece.can_carry(base)
        return space if is_first and OVERLAP < gap < NEAR else None

    def _joint_to_raised(self, piece: Piece, gap: float, space: str) -> str | None:
        is_smaller = piece.is_smaller_than(self.base.height)
        if OVERLAP < gap < (NEAR if is_smaller else TOUCHING):
            return space
        return " " if UNDER < gap < (NEXT if is_smaller else TOUCHING) else None


def join_raised_letters(
    text: str, pieces: Sequence[Piece], place_of: PlaceOf
) -> tuple[str, list[Entry], PlaceOf]:
    """Join pieces of one line. Return the text, its lines and PDFium's index of each character."""
    printed: list[PrintedLine] = []
    for piece in pieces:
        if not printed or not printed[-1].append(piece, text[printed[-1].pieces[-1].end : piece.start]):
            printed.append(PrintedLine(piece))
    return _assemble(text, printed, place_of)


def _assemble(
    text: str, printed: Sequence[PrintedLine], place_of: PlaceOf
) -> tuple[str, list[Entry], PlaceOf]:
    joined = Piecewise()
    lines: list[Entry] = []
    after = 0
    for line in printed:
        first, last = line.pieces[0], line.pieces[-1]
        joined.add(text[after : first.start], after)
        begin = joined.length
        for piece, joint in zip(line.pieces, [*line.joints, ""], strict=True):
            joined.add(text[piece.start : piece.end], piece.start)
            if joint:
                joined.add(joint)
        left, right = min(piece.left for piece in line.pieces), max(piece.right for piece in line.pieces)
        if len(line.pieces) == 1 and not first.starts_raised:
            baseline, height = first.entry[4:6]
        else:
            baseline, height = line.base.baseline, round(line.base.height, 1)
        lines.append([begin, joined.length, left, right, baseline, height, *last.entry[6:]])
        after = last.end
    joined.add(text[after:], after)
    return joined.text, lines, joined.compose(place_of)


def mark_raised_digits(text: str, lines: Sequence[Entry], baseline_of: Callable[[int], float | None]) -> str:
    """Write raised and lowered digits after others as such: 10²⁴ is not 1024, and 2019¹ has a footnote."""
    found: list[tuple[int, str]] = []
    following = iter(lines)
    line = next(following, None)
    for number in NUMBER.finditer(text):
        start, end = number.span()
        while line and (line[1] < end or is_vertical(line)):
            line = next(following, None)
        if not line:
            break
        last = baseline_of(end - 1) if line[0] <= start else None
        if last is None or abs(last - line[4]) <= SAME_BASELINE * line[5]:
            continue
        if (marked := _mark_raised(number, line[5], baseline_of)) != number.group():
            found.append((start, marked))
    letters = list(text) if found else []
    for at, marked in found:
        letters[at : at + len(marked)] = marked
    return "".join(letters) if found else text


def _mark_raised(number: re.Match[str], height: float, baseline_of: Callable[[int], float | None]) -> str:
    base = baseline_of(number.start())
    digits = []
    for at, digit in enumerate(number.group(), number.start()):
        baseline = baseline_of(at)
        rise = baseline - base if baseline is not None and base is not None else 0.0
        if abs(rise) <= SAME_BASELINE * height or abs(rise) > MAX_HEIGHT * height:
            digits.append(digit)
        else:
            digits.append(digit.translate(SUPERSCRIPTS if rise > 0 else SUBSCRIPTS))
    return "".join(digits)
