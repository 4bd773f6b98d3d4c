"""What a program read in the picture of a page: its text, how sure it is, and where each word stands."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from documents.extraction.render.rectangles import Rectangle, joined
from ragsite.storable import storable_at_same_length

Place = list[int]

WHOLE = 10_000  # the steps in which a place is told, from one side of the picture to the other
MAX_TEXT_LENGTH = 200_000  # characters of a page
MAX_PLACES = 5_000  # words of a page that can be marked; a full page of a newspaper has some 3,000
MAX_RECTANGLES = 400
LONG_WORD = 4  # letters: wider than high where lines run from side to side
DOUBTFUL = 30  # of a hundred: a word of which the program is less sure is a stain or a scratch
UNSURE = 55  # where all words together reach no more, it is no text: a photograph, or a page upside down
COLUMNS = 12  # of the table that tesseract writes
WORD, PICTURE = "5", "1"  # its levels
NO_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff60]")  # written without any


class Word(NamedTuple):
    line: tuple[str, ...]  # its block, paragraph and line
    left: int
    top: int
    width: int
    height: int
    confidence: float
    text: str


class OcrResult(NamedTuple):
    """A line of the page a line, a blank line between paragraphs. `places` are the words':
    start and end in the text, left, top, right and bottom in ten-thousandths of the picture's sides."""

    text: str = ""
    places: Sequence[Place] = ()
    confidence: float = 0.0  # of a hundred, by letters

    @property
    def is_text(self) -> bool:
        return self.confidence > UNSURE


def parse_tsv(table: str) -> OcrResult:
    """From the table that tesseract writes (TSV); what is no such table gives nothing."""
    rows = [cells for line in table.split("\n") if len(cells := line.split("\t", COLUMNS - 1)) == COLUMNS]
    size = next((_numbers(cells[8:10]) for cells in rows if cells[0] == PICTURE), [])
    words = list(_words(cells for cells in rows if cells[0] == WORD))
    letters = sum(len(word.text) for word in words)
    if not letters or len(size) != 2 or min(size) < 1:
        return OcrResult()
    confidence = sum(word.confidence * len(word.text) for word in words) / letters
    return _assembled([word for word in words if word.confidence >= DOUBTFUL], size, confidence)


def _words(rows: Iterable[Sequence[str]]) -> Iterator[Word]:
    for cells in rows:
        text = " ".join(storable_at_same_length(cells[11]).split())
        if text and (numbers := _numbers(cells[6:11])):
            left, top, width, height, confidence = numbers
            yield Word(
                tuple(cells[2:5]), int(left), int(top), int(width), int(height), min(confidence, 100.0), text
            )


def _numbers(cells: Sequence[str]) -> list[float]:
    """All of them, or none where one is no number."""
    try:
        return [min(max(float(int(float(cell))), 0.0), 1e6) for cell in cells]
    except (ValueError, OverflowError):  # not a number, or without end
        return []


def _assembled(words: Sequence[Word], size: Sequence[float], confidence: float) -> OcrResult:
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
    """Left, top, right and bottom; nothing for what has no extent within the picture."""
    sides = (word.left, word.top, word.left + word.width, word.top + word.height)
    corners = [
        min(WHOLE, round(WHOLE * side / whole)) for side, whole in zip(sides, [*size, *size], strict=True)
    ]
    return corners if corners[0] < corners[2] and corners[1] < corners[3] else []


def rectangles_of(
    places: Sequence[Place], ranges: Iterable[tuple[int, int]], shape: float
) -> list[Rectangle]:
    """Where ranges of the text stand, one rectangle for each stretch of a line. `shape` is the page's width over its height."""
    is_sideways = _run_up_or_down(places)
    found: list[Rectangle] = []
    for start, end in ranges:
        cut = [_cut(place, start, end) for place in places if place[0] < end and start < place[1]]
        found += _turned(joined(_turned(cut), 1 / shape)) if is_sideways else joined(cut, shape)
    return found[:MAX_RECTANGLES]


def _run_up_or_down(places: Sequence[Place]) -> bool:
    """Whether the lines of the picture do, as on a page that lies on its side."""
    long = [place for place in places if place[1] - place[0] >= LONG_WORD]
    return 2 * sum(bottom - top > right - left for _s, _e, left, top, right, bottom in long) > len(long)


def _turned(places: Sequence[Rectangle]) -> list[Rectangle]:
    """Columns for lines, and lines for columns."""
    return [[top, left, height, width] for left, top, width, height in places]


def _cut(place: Place, start: int, end: int) -> Rectangle:
    """The place of a word, or of a whole line where that is all that is known: then as much of it as the range takes."""
    first, last, left, top, right, bottom = place
    width = right - left
    if width > bottom - top:
        right = left + width * (min(end, last) - first) / (last - first)  # type: ignore[assignment]
        left += width * (max(start, first) - first) / (last - first)  # type: ignore[assignment]
    return [left / WHOLE, top / WHOLE, (right - left) / WHOLE, (bottom - top) / WHOLE]
