"""Moves footnotes and captions out of paragraphs that continue in the next column or on the next page."""

import re
from collections import Counter
from collections.abc import Sequence

from documents.extraction.cleanup.cjk import LineEnds
from documents.extraction.cleanup.line import Line
from documents.extraction.cleanup.page_layout import Page, ends_sentence
from documents.extraction.cleanup.paragraphs import usual_spacing

SMALL = 0.92  # times the height of body text
LARGE = 1.08
FORMULAS = 0.85
CLOSE = 1.5  # times its height: the distance of the next line in the same block
# Some programs reduce a letter's box to its ink. Heights of lines in one font size then differ this much.
MAX_SIZE = 1.45
MAX_LINES = 40  # of a group of notes
MIN_LETTERS = 10  # of a note, in words of three letters and more
WORD = re.compile(r"[^\W\d_]{3,}")


def move_notes_before_paragraphs(pages: list[list[Line]], line_ends: LineEnds) -> None:
    """Move notes at the foot of a column before the paragraph that continues in the next column."""
    for number, page in enumerate(pages):
        following = pages[number + 1] if number + 1 < len(pages) else []
        body = _usual_height(page)
        if body and any(line.height < SMALL * body for line in page):
            pages[number] = _moved(page, following, body, line_ends)


def _usual_height(lines: Sequence[Line]) -> float:
    """The height of most letters. Prefers the smaller of two sizes, since fonts for formulas have higher boxes."""
    counted: Counter[float] = Counter()
    for line in lines:
        counted[line.height] += len(line.text)
    usual = max(counted, key=lambda height: counted[height], default=0.0)
    alike = [height for height in counted if FORMULAS * usual <= height <= usual]
    return min((height for height in alike if 2 * counted[height] >= counted[usual]), default=usual)


def _moved(page: list[Line], following: Sequence[Line], body: float, line_ends: LineEnds) -> list[Line]:
    lines: list[Line] = []
    at = 0
    while at < len(page):
        end = at
        while end < len(page) and page[end].height < SMALL * body:
            end += 1
        if end == at:
            lines.append(page[at])
            at += 1
            continue
        notes = page[at:end]
        after = page[end] if end < len(page) else following[0] if following else None
        is_jump = end == len(page) or notes[-1].baseline < page[end].baseline or _rises(lines, notes)
        if is_jump and _are_notes(notes) and _interrupt(lines, notes, after, body):
            start = _start_of_paragraph(lines, body, line_ends)
        else:
            start = len(lines)
        lines[start:start] = notes
        at = end
    return lines


def _rises(lines: Sequence[Line], notes: Sequence[Line]) -> bool:
    return bool(lines) and lines[-1].baseline < notes[0].baseline


def _are_notes(lines: Sequence[Line]) -> bool:
    """Whether they have words. Parts of formulas and labels of figures are small too, but must stay."""
    return len(lines) <= MAX_LINES and (
        sum(len(word) for line in lines for word in WORD.findall(line.text)) >= MIN_LETTERS
    )


def _interrupt(lines: Sequence[Line], notes: Sequence[Line], after: Line | None, body: float) -> bool:
    """Whether a paragraph is unfinished before the notes and continues after them."""
    if not lines or after is None or max(lines[-1].height, after.height) > MAX_SIZE * body:
        return False
    if min(lines[-1].height, after.height) < SMALL * body or _is_close(lines[-1], notes[0]):
        return False
    if not _is_full(lines, after.text, body):
        return False
    return after.text[0].islower() or not ends_sentence(lines[-1].text)


def _is_close(line: Line, note: Line) -> bool:
    """Whether both belong to one printed line, as with an index, or to one block, as with a caption."""
    down = line.baseline - note.baseline
    is_under = note.left < line.right and line.left < note.right
    return -0.5 * line.height < down < CLOSE * line.height if is_under else abs(down) < line.height


def _is_full(lines: Sequence[Line], after: str, body: float) -> bool:
    """Whether the next word did not fit on the last line."""
    last = lines[-1]
    if last.is_hyphenated:
        return True
    reach = max(line.right for line in lines if line.left < last.right and last.left < line.right)
    first = len(after.split(maxsplit=1)[0])
    width = (last.right - last.left) / len(last.text)
    return reach - last.right < (first + 1) * width + body


def _start_of_paragraph(lines: Sequence[Line], body: float, line_ends: LineEnds) -> int:
    """Index of the last paragraph's first line, headings included, or the end if it began on the previous page."""
    page = Page(lines, usual_spacing(lines), line_ends)
    start = len(lines) - 1
    while start > 0 and not page.separator(start - 1).startswith("\n"):
        start -= 1
    while start > 0 and lines[start - 1].height > LARGE * body and not ends_sentence(lines[start - 1].text):
        start -= 1
    return len(lines) if start == 0 and lines[0].text[0].islower() else start
