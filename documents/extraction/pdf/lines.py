"""Reads the text of a page and its printed lines with PDFium."""

import ctypes
import operator
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import islice
from statistics import median
from typing import Any

import pypdfium2.raw as pdfium_c

from documents.extraction.cleanup.bidi import HAS_LETTER
from documents.extraction.cleanup.cjk import ANY, without_gaps
from documents.extraction.cleanup.garbage import special_letters
from documents.extraction.cleanup.line import MAX_BULLET_LENGTH, WIDE_GAP
from documents.extraction.limits import MAX_CHARACTERS_PER_PAGE
from documents.extraction.pdf import fast_calls
from documents.extraction.pdf.raised import Piece, is_vertical, join_raised_letters, mark_raised_digits
from documents.extraction.pdf.rtl_lines import reorder_rtl_lines
from documents.extraction.pdf.tex_glyphs import replace_tex_glyphs

VISUAL_LINE = re.compile(r"[^\r\n\ufffe]+")
# Brackets of formulas in fonts without glyph names, not line ends
SYMBOLS = re.compile("[\v\f\x85\u2028\u2029]")
LINE_END_HYPHEN = "\ufffe"  # PDFium's replacement for a hyphen at the end of a line
ASTRAL = re.compile("[\U00010000-\U0010ffff]")
SAME_HEIGHT = 0.12
BESIDE = 4  # times the height: overlap of a piece with the one before, as in fractions
FIRST_CJK = "\u2e80"
NARROW = 0.7  # times the height: a gap that may divide two cells
SPREAD = 1.12  # times the usual width per letter: a line that may have such a gap
WIDE_LETTERS = 0.6  # times the height: more than the average width of letters
MAX_GAPS = 100
SPACE = re.compile(r" (?<=\S )(?=\S)")  # starts with the space itself: three times as fast
SAMPLED_LETTERS = 12
MAX_EDGE = 30  # letters of a word
SAME_EDGE = 0.01  # points
NARROW_GAP = 0.3  # times the letter height


def read_lines(textpage: Any) -> tuple[str, list[list[float]], Callable[[int], int]]:
    """Return the page's text in reading order, its printed lines, and a map from offsets to PDFium's character indexes.

    A line is a list: start and end in the text, left, right, baseline, height. Then, optionally, 1 if its hyphen has an
    ActualText, else 0, and for each wide gap its offset in the text, its left and its right edge.
    """
    text, place_of, has_rtl = _text_of(textpage)
    boxes = Boxes(textpage)
    lines, beside = _lines_of(text, place_of, boxes, has_rtl)
    if beside:
        near = beside | {number - 1 for number in beside}
        pieces = [
            _piece(text, line, boxes, place_of) if number in near else Piece.of_line(text, line)
            for number, line in enumerate(lines)
        ]
        text, lines, place_of = join_raised_letters(text, pieces, place_of)
    _add_wide_gaps(text, lines, boxes, place_of)
    return mark_raised_digits(text, lines, boxes.baselines(place_of)), lines, place_of


def _lines_of(
    text: str, place_of: Callable[[int], int], boxes: "Boxes", has_rtl: bool
) -> tuple[list[list[float]], set[int]]:
    """PDFium's lines, and the indexes of those that may continue the line before."""
    handle, box, at_box, y, (at_x, at_y) = boxes.handle, boxes.box, boxes.at_box, boxes.y, boxes.at_origin
    origin, loose_box, has_actual_text = fast_calls.origin, fast_calls.loose_box, hyphen_inspector(handle)
    found: list[list[float]] = []
    beside, edge, level = set[int](), 0.0, float("inf")
    for match in VISUAL_LINE.finditer(text):
        line, start = match.group(), match.start()
        stripped = line.strip()
        if not stripped:
            continue
        if line[0] != stripped[0]:
            start += line.index(stripped)
        end = start + len(stripped)
        first, last = place_of(start), place_of(end - 1)
        if first < 0 or last < 0 or not origin(handle, first, at_x, at_y):
            continue
        baseline = y.value
        loose_box(handle, first, at_box)
        left, right, height = box.left, box.right, box.top - box.bottom
        loose_box(handle, last, at_box)
        other_left, other_right, other = box.left, box.right, box.top - box.bottom
        left = other_left if other_left < left else left
        right = other_right if other_right > right else right
        is_rtl = has_rtl and HAS_LETTER.search(line)
        if height != other or is_rtl:
            height = usual_height(line, match.start(), (height, other), boxes, place_of)
        if is_rtl:
            left, right = boxes.reach(places_of_edges(line, match.start(), place_of), left, right)
        # Rounds to tenths of a point, three times as fast as round().
        entry = [
            start,
            end,
            (left * 10 + 0.5) // 1 / 10,
            (right * 10 + 0.5) // 1 / 10,
            (baseline * 10 + 0.5) // 1 / 10,
            (height * 10 + 0.5) // 1 / 10,
        ]
        if text.startswith(LINE_END_HYPHEN, match.end()) and has_actual_text(place_of(match.end())):
            entry.append(1)
        if -height < baseline - level < height and (
            (left > edge - BESIDE * height or is_rtl) and not is_vertical(entry)
        ):
            beside.add(len(found))
        edge, level = right, baseline
        found.append(entry)
    return found, beside


def _add_wide_gaps(
    text: str, lines: list[list[float]], boxes: "Boxes", place_of: Callable[[int], int]
) -> None:
    """Add gaps to lines that are wider than usual per letter, and to their neighbours.

    Checking every line would take a tenth of the total time.
    """
    widths = [(line[3] - line[2]) / (line[1] - line[0]) / line[5] if line[5] else 0.0 for line in lines]
    usual = min(SPREAD * median(widths), WIDE_LETTERS) if widths else 0.0
    waiting = [number for number, width in enumerate(widths) if width > usual]
    seen = set(waiting)
    beside: dict[int, list[float]] = {}  # narrow gaps alone, which count only beside a line with a wide one
    while waiting:
        number = waiting.pop()
        gaps, is_wide = _gaps(text, lines[number], boxes, place_of)
        if not is_wide:
            beside[number] = gaps
            continue
        _set_gaps(lines[number], gaps)
        near = {number - 1, number + 1} - seen
        waiting += [other for other in near if 0 <= other < len(lines)]
        seen |= near
    for number, gaps in beside.items():
        if gaps and any(0 <= near < len(lines) and lines[near][7:] for near in (number - 1, number + 1)):
            _set_gaps(lines[number], gaps)


def _set_gaps(line: list[float], gaps: list[float]) -> None:
    line[6:] = [line[6] if line[6:] else 0, *gaps]


def _gaps(
    text: str, line: list[float], boxes: "Boxes", place_of: Callable[[int], int]
) -> tuple[list[float], bool]:
    """Offset, left and right edge of each space that is wider than usual, and whether one is too wide for a justified line."""
    start, end, enough = int(line[0]), int(line[1]), NARROW * line[5]
    if is_vertical(line):
        return [], False
    found: list[float] = []
    is_wide = False
    for space in islice(SPACE.finditer(text, start, end), MAX_GAPS):
        before, after = place_of(space.start() - 1), place_of(space.end())
        if before >= 0 and after >= 0:
            left, right = boxes.gap(before, after)
            if right - left > enough:
                found += [space.start(), round(left, 1), round(right, 1)]
                is_bullet = space.start() < start + MAX_BULLET_LENGTH
                is_wide = is_wide or (right - left > WIDE_GAP * line[5] and not is_bullet)
    return found, is_wide


def _piece(text: str, line: list[float], boxes: "Boxes", place_of: Callable[[int], int]) -> Piece:
    """Measure the line by some of its letters, since the first and the last may be raised."""
    start, end = int(line[0]), int(line[1])
    places = [place_of(start), *inner_letters(text[start:end], start, place_of), place_of(end - 1)]
    measured = [boxes.baseline_and_height(place) for place in places if place >= 0]
    baselines = Counter(round(baseline, 1) for baseline, _height in measured)
    baseline = max(baselines, key=lambda found: baselines[found])
    height = median(height for found, height in measured if round(found, 1) == baseline)
    return Piece(
        text[start:end],
        line,
        baseline,
        height,
        min(measured[0][1], measured[-1][1]),
        measured[0][0] - baseline,
    )


class Boxes:
    """Reads the boxes of characters from PDFium. Reuses its ctypes buffers."""

    def __init__(self, textpage: Any) -> None:
        self.handle, self.box = fast_calls.pointer(textpage.raw), pdfium_c.FS_RECTF()
        self.at_box = ctypes.byref(self.box)
        self.x, self.y = ctypes.c_double(), ctypes.c_double()
        self.at_origin = ctypes.byref(self.x), ctypes.byref(self.y)

    def gap(self, before: int, after: int) -> tuple[float, float]:
        """The left and right edge of the gap between two characters."""
        fast_calls.loose_box(self.handle, before, self.at_box)
        right = self.box.right
        fast_calls.loose_box(self.handle, after, self.at_box)
        return right, self.box.left

    def baselines(self, place_of: Callable[[int], int]) -> Callable[[int], float | None]:
        """A function that maps an offset in the text to the baseline of its character."""
        origin, handle, y, (at_x, at_y) = fast_calls.origin, self.handle, self.y, self.at_origin

        def baseline(at: int) -> float | None:
            return y.value if origin(handle, place_of(at), at_x, at_y) else None

        return baseline

    def baseline_and_height(self, place: int) -> tuple[float, float]:
        fast_calls.origin(self.handle, place, *self.at_origin)
        fast_calls.loose_box(self.handle, place, self.at_box)
        return self.y.value, self.box.top - self.box.bottom

    def heights(self, places: Iterable[int]) -> list[float]:
        loose_box, handle, box, at_box = fast_calls.loose_box, self.handle, self.box, self.at_box
        found = []
        for place in places:
            loose_box(handle, place, at_box)
            found.append(box.top - box.bottom)
        return found

    def reach(self, places: Iterable[int], left: float, right: float) -> tuple[float, float]:
        """Extend the two edges to include all characters."""
        for place in places:
            if fast_calls.loose_box(self.handle, place, self.at_box):
                left, right = min(left, self.box.left), max(right, self.box.right)
        return left, right


def hyphen_inspector(handle: ctypes.c_void_p) -> Callable[[int], bool]:
    """A function that tells whether the hyphen that PDFium removed from a line end has an ActualText.

    Programs mark either written or inserted hyphens with it, which look alike. For such a character, PDFium returns its
    ink box as its font box.
    """
    loose, tight = pdfium_c.FS_RECTF(), (ctypes.c_double * 4)()
    at_loose = ctypes.byref(loose)
    at_sides = [ctypes.byref(tight, ctypes.sizeof(ctypes.c_double) * side) for side in range(4)]

    def has_actual_text(place: int) -> bool:
        if place < 0:
            return False
        fast_calls.loose_box(handle, place, at_loose)
        fast_calls.tight_box(handle, place, *at_sides)
        left, top = tight[0], tight[3]  # of left, right, bottom, top
        return abs(loose.left - left) < SAME_EDGE and abs(loose.top - top) < SAME_EDGE

    return has_actual_text


def inner_letters(line: str, start: int, place_of: Callable[[int], int]) -> list[int]:
    """A sample of a line's letters, without the first and the last. Spaces that PDFium inserted have no box."""
    step = max(1, len(line) // SAMPLED_LETTERS)
    offsets = range(start + 1, start + len(line) - 1, step)
    return [place_of(at) for at, letter in zip(offsets, line[1:-1:step], strict=True) if not letter.isspace()]


def usual_height(
    line: str, start: int, ends: tuple[float, float], boxes: Boxes, place_of: Callable[[int], int]
) -> float:
    """The height of a line whose first and last letter differ in height, or may be in another font than the rest.

    Hebrew full stops and figures come from other fonts, and some programs reduce Chinese letters to their ink boxes.
    """
    height, other = ends
    is_alike = abs(height - other) <= SAME_HEIGHT * height
    if is_alike and not (line[-1] > FIRST_CJK or (not line.isascii() and HAS_LETTER.search(line))):
        return height
    return median([*ends, *boxes.heights(inner_letters(line, start, place_of))])


def places_of_edges(line: str, start: int, place_of: Callable[[int], int]) -> list[int]:
    """The letters of the first and the last word, since figures there run against the direction of the line."""
    words = line.split(maxsplit=1)[0][:MAX_EDGE], line.rsplit(maxsplit=1)[-1][-MAX_EDGE:]
    first, end = start + line.index(words[0]), start + len(line.rstrip())
    numbers = *range(first, first + len(words[0])), *range(end - len(words[1]), end)
    return [place for place in map(place_of, numbers) if place >= 0]


def _text_of(textpage: Any) -> tuple[str, Callable[[int], int], bool]:
    """The page's text in reading order, a map from its offsets to PDFium's character indexes, and whether it has RTL."""
    text = textpage.get_text_range()[:MAX_CHARACTERS_PER_PAGE]
    letters = special_letters(text)
    has_rtl = HAS_LETTER.search(letters) is not None
    text, place_of = replace_tex_glyphs(textpage, text, letters, characters_of(textpage, text, letters))
    if SYMBOLS.search(letters):
        text = SYMBOLS.sub(" ", text)
    if has_rtl:
        text, place_of = reorder_rtl_lines(textpage, text, place_of)
    if ANY.search(letters):
        text = without_gaps(text, lambda at: _is_narrow_gap(textpage, place_of(at)))
    return text, place_of, has_rtl


def _is_narrow_gap(textpage: Any, place: int) -> bool:
    """Whether PDFium inserted the space for a gap narrower than a real space."""
    handle, before, after = fast_calls.pointer(textpage.raw), pdfium_c.FS_RECTF(), pdfium_c.FS_RECTF()
    if fast_calls.is_generated(handle, place) != 1:
        return False
    fast_calls.loose_box(handle, place - 1, ctypes.byref(before))
    fast_calls.loose_box(handle, place + 1, ctypes.byref(after))
    return bool(after.left - before.right < NARROW_GAP * (before.top - before.bottom))


def characters_of(textpage: Any, text: str, letters: str) -> Callable[[int], int]:
    """A map from offsets to PDFium's indexes, which count UTF-16 units, and characters it inserts or omits."""
    handle = fast_calls.pointer(textpage.raw)
    has_astral = ASTRAL.search(letters) is not None
    if not has_astral and textpage.count_chars() == len(text):
        last = len(text) - 1
        if last < 0 or fast_calls.character_of_text(handle, last) == last:
            return operator.index  # each offset is the index; faster than a lambda

    astral = [place for place, letter in enumerate(text) if letter > "\uffff"] if has_astral else []

    def character(place: int) -> int:
        return int(fast_calls.character_of_text(handle, place + bisect_left(astral, place)))

    return character
