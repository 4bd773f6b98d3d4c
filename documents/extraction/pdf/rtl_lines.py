"""Puts right-to-left lines into reading order by the places of their letters.

The order in which PDFium returns such letters depends on the program that wrote the PDF, and separate marks become lines
of their own. Only the places of letters on the page are reliable.
"""

import ctypes
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pypdfium2.raw as pdfium_c

from documents.extraction.cleanup.bidi import (
    ARABIC,
    HAS_LETTER,
    LETTERS,
    MARK,
    OTHER_LETTER,
    Glyph,
    in_order,
    read_line,
    with_marks,
)
from documents.extraction.pdf import fast_calls

PlaceOf = Callable[[int], int]
Drawn = tuple[str, int, float, float, float]  # letter, PDFium's index of it, left, right, height

LINE = re.compile(r"[^\r\n\ufffe]+")
ENDS_ON_THE_LEFT = re.compile(r"[.,:;!?\u060c\u061b]+\w")  # as in .Firefox
CLOSING_MARKS = ".,:;!?)]\"'"
ALL_MARKS = frozenset(letter for letter in map(chr, range(0x590, 0x2010)) if MARK.match(letter))
NOT_DRAWN = "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
OTHER_LINE = 0.45  # times the height: distance of baselines of two lines that PDFium joined
# PDFium mirrors these together with brackets of right-to-left words. On the page they are not mirrored.
QUOTES = {"\u201c": "\u201d", "\u201d": "\u201c", "\u2018": "\u2019", "\u2019": "\u2018"}
SAME_LINE = 0.1  # times the height: distance of baselines within one line
MARK_RISE = 0.8  # times the height: distance of a mark from its line
NEAR = 1.5  # times the height: gap between two pieces of one line
MAX_LINE_LENGTH = 600  # letters of a printed line
MAX_PAGE_LENGTH = 50_000  # letters of a page
MAX_MARKS = 5_000  # of a page, since each is compared with the letters around it
WORD_IN_A_GLYPH = 5  # letters; ligatures have fewer
NEIGHBOURS = 4  # lines before and after a mark that may own it


class RtlLine:
    """A line of PDFium's text, with its glyphs if it must be reordered."""

    def __init__(self, start: int, text: str) -> None:
        self.start, self.text = start, text
        self.letters = len(HAS_LETTER.findall(text))
        self.others = len(OTHER_LETTER.findall(text))
        self.glyphs: list[Glyph] = []
        self.marks: list[Glyph] = []
        self.baseline = self.height = self.left = self.right = 0.0
        self.is_reordered = self.is_merged = self.is_left_to_right = False

    def measure(self, drawn: Sequence[Glyph]) -> "list[RtlLine]":
        """Separate letters from marks and repeated text. Return this line and others that PDFium joined with it."""
        marked = [not ALL_MARKS.isdisjoint(glyph.text) for glyph in drawn]
        solid = [
            glyph
            for glyph, is_marked in zip(drawn, marked, strict=True)
            if not is_marked and glyph.text != " "
        ]
        if not solid:
            self.marks = list(drawn)
            self.is_merged = True
            return [self]
        counted = Counter([glyph.baseline for glyph in solid])
        self.height = max([glyph.height for glyph in solid])
        self.baseline = max(counted, key=lambda baseline: counted[baseline])
        others = []
        for glyph, is_marked in zip(drawn, marked, strict=True):
            text, away = glyph.text, abs(glyph.baseline - self.baseline)
            if is_marked and (away > 0.3 or all(map(MARK.match, text))):
                self.marks.append(glyph)
            elif away > OTHER_LINE * self.height:
                others.append(glyph)
            elif not (is_marked and len(text) > 1 and self._has_glyph_text(glyph)):
                self.glyphs.append(glyph)
        self._measure_width()
        return [self, *self._further(others)]

    def _has_glyph_text(self, glyph: Glyph) -> bool:
        """Whether the glyph repeats one here. PDFium repeats ActualText for each of its glyphs."""
        return any(
            other.text == glyph.text and other.left < glyph.right and glyph.left < other.right
            for other in self.glyphs
        )

    def _further(self, drawn: Sequence[Glyph]) -> "list[RtlLine]":
        if all(glyph.text == " " for glyph in drawn):
            return []
        line = RtlLine(self.start + len(self.text), "")
        line.is_reordered = self.is_reordered
        return line.measure(drawn)

    def _measure_width(self) -> None:
        self.left = min([glyph.left for glyph in self.glyphs])
        self.right = max([glyph.right for glyph in self.glyphs])

    def continues_in(self, other: "RtlLine") -> bool:
        """Whether the other is a piece of this line, which PDFium split at a mark."""
        if (
            abs(self.baseline - other.baseline) > SAME_LINE * self.height
            or len(self.glyphs) > MAX_LINE_LENGTH
        ):
            return False
        return max(self.left - other.right, other.left - self.right) < NEAR * self.height

    def merge(self, other: "RtlLine") -> None:
        self.glyphs += other.glyphs
        self.marks += other.marks
        self._measure_width()
        self.is_reordered |= other.is_reordered
        other.marks, other.is_merged = [], True

    def distance(self, mark: Glyph) -> float:
        """Vertical distance of a mark from the line, or infinity if it is beside the line."""
        if not self.left - self.height < mark.middle < self.right + self.height:
            return float("inf")
        return abs(mark.baseline - self.baseline) / self.height


def reorder_rtl_lines(textpage: Any, text: str, place_of: PlaceOf) -> tuple[str, PlaceOf]:
    """Return the text with right-to-left lines in reading order, and PDFium's index of each of its characters."""
    if len(text) > MAX_PAGE_LENGTH or not HAS_LETTER.search(text) or len(MARK.findall(text)) > MAX_MARKS:
        return text, place_of
    lines = [RtlLine(match.start(), match.group()) for match in LINE.finditer(text)]
    drawn_in = _glyph_reader(textpage, place_of)
    for number, line in enumerate(lines):
        near = lines[max(0, number - 1) : number + 2]
        may_be = len(line.text) <= MAX_LINE_LENGTH and (
            line.letters or not line.others or ENDS_ON_THE_LEFT.match(line.text)
        )
        are_more = line.letters >= max(1, line.others) or sum(n.letters for n in near) >= max(
            1, sum(n.others for n in near)
        )
        line.is_reordered = bool(may_be) and (are_more or line.letters > 0)
        line.is_left_to_right = line.is_reordered and not are_more
    lines = [part for line in lines for part in _parts(line, drawn_in)]
    _merge_pieces(lines)
    _attach_marks(lines)
    return _assemble(text, lines, place_of, len(ARABIC.findall(text)) * 2 > len(HAS_LETTER.findall(text)))


def _parts(line: RtlLine, drawn_in: Callable[[RtlLine], list[Glyph]]) -> list[RtlLine]:
    """The printed lines within one line of PDFium, from top to bottom."""
    if not line.is_reordered and (len(line.text) > MAX_LINE_LENGTH or not MARK.search(line.text)):
        return [line]
    drawn = drawn_in(line)
    if line.others > line.letters and _is_left_to_right(drawn):
        line.is_left_to_right = True
    return sorted(line.measure(drawn), key=lambda part: -part.baseline)


def _is_left_to_right(drawn: Sequence[Glyph]) -> bool:
    """Whether this is a Latin sentence with right-to-left words: it starts on the left and ends on the right."""
    solid = [glyph for glyph in drawn if glyph.text != " "]
    if not solid:
        return False
    first = min(solid, key=lambda glyph: glyph.left).text
    inwards = sorted(solid, key=lambda glyph: -glyph.right)
    last = next((glyph.text for glyph in inwards if glyph.text not in CLOSING_MARKS), "")
    return bool(OTHER_LETTER.match(first) and (OTHER_LETTER.match(last) or last.isdecimal()))


def _glyph_reader(textpage: Any, place_of: PlaceOf) -> Callable[[RtlLine], list[Glyph]]:
    """A function that returns the glyphs of a line. Reuses its ctypes buffers."""
    x, y, box, handle = (
        ctypes.c_double(),
        ctypes.c_double(),
        pdfium_c.FS_RECTF(),
        fast_calls.pointer(textpage.raw),
    )
    at_x, at_y, at_box = ctypes.byref(x), ctypes.byref(y), ctypes.byref(box)
    sides = [ctypes.c_double() for _ in range(4)]  # left, right, bottom, top
    at_sides = [ctypes.byref(side) for side in sides]

    def drawn_in(line: RtlLine) -> list[Glyph]:
        found: dict[tuple[float, float, bool], list[Drawn]] = {}
        has_quotes, is_after_rtl = not QUOTES.keys().isdisjoint(line.text), True
        for number, letter in enumerate(line.text, line.start):
            place = place_of(number)
            if letter in NOT_DRAWN or place < 0 or not fast_calls.origin(handle, place, at_x, at_y):
                continue
            fast_calls.loose_box(handle, place, at_box)
            left, right, height = box.left, box.right, box.top - box.bottom
            if right <= left and letter.isspace():
                continue
            if letter in ALL_MARKS and fast_calls.tight_box(handle, place, *at_sides):
                left, right = sides[0].value, sides[1].value
            if has_quotes:
                if letter.isalpha():
                    is_after_rtl = letter in LETTERS
                elif letter in QUOTES and is_after_rtl:
                    letter = QUOTES[letter]  # noqa: PLW2901
            origin = x.value, (y.value * 100 + 0.5) // 1 / 100, letter == " "
            found.setdefault(origin, []).append((letter, place, left, right, height))
        return [
            _glyph(part, x, baseline)
            for (x, baseline, _is_space), pieces in found.items()
            for part in _split_directions(pieces)
        ]

    return drawn_in


def _split_directions(pieces: list[Drawn]) -> list[list[Drawn]]:
    """Split the text of one glyph by direction, since some programs attach a whole word to the next letter."""
    text = "".join(piece[0] for piece in pieces)
    if len(text) < 3 or not HAS_LETTER.search(text) or not OTHER_LETTER.search(text):
        return [pieces]
    latin = [piece for piece in pieces if OTHER_LETTER.match(piece[0])]
    return [latin, [piece for piece in pieces if piece not in latin]]


def _glyph(pieces: Sequence[Drawn], x: float, baseline: float) -> Glyph:
    """One glyph from characters of one origin. PDFium gives each its share of the width, or all the full width."""
    if len(pieces) == 1:
        letter, place, left, right, height = pieces[0]
        text = " " if letter.isspace() and letter >= " " else letter
        return Glyph(text, (place,), x, x if x < left else left, right, height, baseline)
    letters, places, lefts, rights, heights = zip(*pieces, strict=True)
    text = "".join(letters)
    if len(text) > 1 and (HAS_LETTER.search(text) or MARK.search(text)):
        if len(set(rights)) == len(text) and len(MARK.sub("", text)) > 1:
            order = sorted(range(len(text)), key=lambda i: -rights[i])
            text, places = "".join(text[i] for i in order), tuple(places[i] for i in order)
        elif len(letters) >= WORD_IN_A_GLYPH:
            text, places = text[::-1], places[::-1]  # a word that PDFium reversed
        else:
            text, places = in_order(text, places)
    if text == " " * len(text):
        text, places = " ", places[:1]
    return Glyph(text, places, x, min(x, *lefts), max(rights), max(heights), baseline)


def _merge_pieces(lines: Sequence[RtlLine]) -> None:
    before: list[RtlLine] = []
    for line in lines:
        if line.is_merged or not line.glyphs:
            continue
        if own := next((other for other in before[: -NEIGHBOURS - 1 : -1] if other.continues_in(line)), None):
            own.merge(line)
        else:
            before.append(line)


def _attach_marks(lines: Sequence[RtlLine]) -> None:
    """Add each mark to the letter above or below it, whichever line PDFium put the mark into."""
    for number, line in enumerate(lines):
        left_over = []
        for mark in line.marks:
            near = lines[max(0, number - NEIGHBOURS) : number + NEIGHBOURS + 1]
            own = min(
                (other for other in near if other.is_reordered and not other.is_merged),
                key=lambda other: other.distance(mark),
                default=None,
            )
            if own is None or own.distance(mark) > MARK_RISE:
                left_over.append(mark)
            else:
                own.glyphs = with_marks(own.glyphs, mark)
        line.is_merged = line.is_merged and not left_over


def _assemble(text: str, lines: Sequence[RtlLine], place_of: PlaceOf, is_arabic: bool) -> tuple[str, PlaceOf]:
    pieces: list[str] = []
    places: list[int] = []
    after = 0
    for line in lines:
        start, after = after, max(after, line.start + len(line.text))
        if line.is_merged:
            continue
        if start < line.start:
            pieces.append(text[start : line.start])
            places += map(place_of, range(start, line.start))
        elif pieces:
            pieces.append("\n")
            places.append(-1)
        if line.is_reordered and line.glyphs:
            read, counted = read_line(line.glyphs, is_arabic, line.is_left_to_right)
        else:
            read, counted = line.text, [place_of(number) for number in range(line.start, after)]
        pieces.append(read)
        places += counted
    return "".join(pieces), places.__getitem__
