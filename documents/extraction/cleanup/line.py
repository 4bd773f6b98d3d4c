"""A printed line, as all that cleans a page's text knows it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Line(NamedTuple):
    """A printed line; without geometry (`height` 0) its characters stand for its width."""

    start: int
    end: int
    text: str
    left: float
    right: float
    baseline: float
    height: float
    is_hyphenated: bool  # PDFium took a hyphen away from its end
    follows_blank: bool
    ends_in_dash: bool = False  # and that hyphen stood apart from the word before it
    ends_in_space: bool = False
    has_actual_text: bool = (
        False  # the PDF tells by itself what that hyphen is, not only by what it is drawn as
    )
    # Of each gap as between the cells of a row, or between two labels: its place in the text, where it begins and ends.
    gaps: tuple[tuple[int, float, float], ...] = ()


def split_labels(lines: Sequence[Line]) -> list[Line]:
    """The lines, of which those that are several words or marks far apart are cut: labels of a figure, what printers note.

    Rows of tables have their like above or below, or end in a figure, and stay whole.
    """
    if not any(line.gaps for line in lines):
        return list(lines)
    cut: list[Line] = []
    for number, line in enumerate(lines):
        is_among_others = any(lines[near].gaps for near in (number - 1, number + 1) if 0 <= near < len(lines))
        is_row = is_among_others or line.text[-1].isdigit()
        cut += [line] if is_row or not line.gaps else _pieces(line)
    return cut


def _pieces(line: Line) -> Iterator[Line]:
    start, left = line.start, line.left
    for at, end_of_word, begin_of_word in line.gaps:
        if text := line.text[start - line.start : at - line.start]:
            piece = line._replace(start=start, end=at, text=text, left=left, right=end_of_word)
            yield piece._replace(is_hyphenated=False, gaps=())
        start, left = at + 1, begin_of_word
    if text := line.text[start - line.start :]:
        yield line._replace(start=start, text=text, left=left, gaps=())
