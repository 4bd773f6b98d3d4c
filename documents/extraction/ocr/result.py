"""The result of OCR on one page: text, confidence, and the place of each word."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from documents.extraction.render.rectangles import Rectangle, merge_on_lines
from ragsite.storable import storable_at_same_length

Place = list[int]

SCALE = 10_000  # coordinates count in ten-thousandths of the image's sides
MAX_TEXT_LENGTH = 200_000  # characters of a page
MAX_PLACES = 5_000  # words of a page that can be highlighted; a full newspaper page has some 3,000
MAX_RECTANGLES = 400
LONG_WORD = 4  # letters; wider than high if lines are horizontal
MIN_WORD_CONFIDENCE = 30  # percent; less confident words are stains or scratches
MIN_PAGE_CONFIDENCE = 55  # percent; less is a photograph, or a page upside down
COLUMNS = 12  # of tesseract's TSV
WORD_LEVEL, PAGE_LEVEL = "5", "1"
NO_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff60]")  # scripts without spaces


class Word(NamedTuple):
    line: tuple[str, ...]  # block, paragraph and line number
    left: int
    top: int
    width: int
    height: int
    confidence: float
    text: str


class OcrResult(NamedTuple):
    """The text keeps the lines of the page, with a blank line between paragraphs. `places` has one entry per word:
    start and end in the text, then left, top, right and bottom in ten-thousandths of the image's sides."""

    text: str = ""
    places: Sequence[Place] = ()
    confidence: float = 0.0  # percent, weighted by letters

    @property
    def is_text(self) -> bool:
        return self.confidence > MIN_PAGE_CONFIDENCE


def parse_tsv(table: str) -> OcrResult:
    """Parse tesseract's TSV. Anything else gives an empty result."""
    rows = [cells for line in table.split("\n") if len(cells := line.split("\t", COLUMNS - 1)) == COLUMNS]
    size = next((_numbers(cells[8:10]) for cells in rows if cells[0] == PAGE_LEVEL), [])
    words = list(_words(cells for cells in rows if cells[0] == WORD_LEVEL))
    letters = sum(len(word.text) for word in words)
    if not letters or len(size) != 2 or min(size) < 1:
        return OcrResult()
    confidence = sum(word.confidence * len(word.text) for word in words) / letters
    return _assemble([word for word in words if word.confidence >= MIN_WORD_CONFIDENCE], size, confidence)


def _words(rows: Iterable[Sequence[str]]) -> Iterator[Word]:
    for cells in rows:
        text = " ".join(storable_at_same_length(cells[11]).split())
        if text and (numbers := _numbers(cells[6:11])):
            left, top, width, height, confidence = numbers
            yield Word(
                tuple(cells[2:5]), int(left), int(top), int(width), int(height), min(confidence, 100.0), text
            )


def _numbers(cells: Sequence[str]) -> list[float]:
    """All values as numbers, or an empty list if one is not a number."""
    try:
        return [min(max(float(int(float(cell))), 0.0), 1e6) for cell in cells]
    except (ValueError, OverflowError):  # also infinity
        return []


def _assemble(words: Sequence[Word], size: Sequence[float], confidence: float) -> OcrResult:
    parts: list[str] = []
    places: list[Place] = []
    length = 0
    before: Word | None = None
    for word in words:
        separator = _between(before, word) if before else ""
        start, end = length + len(separator), length + len(separator) + len(word.text)
        if end > MAX_TEXT_LENGTH:
            break
        parts += (separator, word.text)
        if len(places) < MAX_PLACES and (corners := _corners(word, size)):
            places.append([start, end, *corners])
        length, before = end, word
    return OcrResult("".join(parts), places, confidence)


def _between(before: Word, word: Word) -> str:
    if before.line != word.line:
        return "\n" if before.line[:2] == word.line[:2] else "\n\n"
    return "" if NO_SPACES.match(before.text[-1]) and NO_SPACES.match(word.text[0]) else " "


def _corners(word: Word, size: Sequence[float]) -> list[int]:
    """Left, top, right and bottom, or an empty list for a word without extent within the image."""
    sides = (word.left, word.top, word.left + word.width, word.top + word.height)
    corners = [
        min(SCALE, round(SCALE * side / length)) for side, length in zip(sides, [*size, *size], strict=True)
    ]
    return corners if corners[0] < corners[2] and corners[1] < corners[3] else []


def rectangles_of(
    places: Sequence[Place], ranges: Iterable[tuple[int, int]], shape: float
) -> list[Rectangle]:
    """The rectangles of ranges of the text, one per line. `shape` is the width of the page divided by its height."""
    is_vertical = _are_vertical(places)
    found: list[Rectangle] = []
    for start, end in ranges:
        cut = [_cut(place, start, end) for place in places if place[0] < end and start < place[1]]
        found += (
            _transposed(merge_on_lines(_transposed(cut), 1 / shape))
            if is_vertical
            else merge_on_lines(cut, shape)
        )
    return found[:MAX_RECTANGLES]


def _are_vertical(places: Sequence[Place]) -> bool:
    """Whether lines run up or down, as on a page that was scanned sideways."""
    long = [place for place in places if place[1] - place[0] >= LONG_WORD]
    return 2 * sum(bottom - top > right - left for _s, _e, left, top, right, bottom in long) > len(long)


def _transposed(places: Sequence[Rectangle]) -> list[Rectangle]:
    """Swap the two axes."""
    return [[top, left, height, width] for left, top, width, height in places]


def _cut(place: Place, start: int, end: int) -> Rectangle:
    """The part of a word or line that the range covers, estimated from its share of the characters."""
    first, last, left, top, right, bottom = place
    width = right - left
    if width > bottom - top:
        right = left + width * (min(end, last) - first) / (last - first)  # type: ignore[assignment]
        left += width * (max(start, first) - first) / (last - first)  # type: ignore[assignment]
    return [left / SCALE, top / SCALE, (right - left) / SCALE, (bottom - top) / SCALE]
