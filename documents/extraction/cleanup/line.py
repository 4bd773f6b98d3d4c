"""The printed line that all cleanup steps work on."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

Gap = tuple[int, float, float]  # offset in the text, left and right edge
WIDE_GAP = 3  # times the height: a gap that justification does not cause
MAX_BULLET_LENGTH = 4  # letters; a gap after a bullet is not wide


class Line(NamedTuple):
    """A printed line. Without geometry (`height` 0), the number of its characters serves as its width."""

    start: int
    end: int
    text: str
    left: float
    right: float
    baseline: float
    height: float
    is_hyphenated: bool  # PDFium removed a hyphen from its end
    follows_blank: bool
    ends_in_dash: bool = False  # and a space stood before that hyphen
    ends_in_space: bool = False
    # The hyphen at its end has an ActualText entry in the PDF.
    has_actual_text: bool = False
    # Wide gaps, as between cells or labels.
    gaps: tuple[Gap, ...] = ()
    # These and narrower ones, of lines with a wide gap and of their neighbours.
    spaces: tuple[Gap, ...] = ()
    # What comes after it, if that is known: it is a cell of a table.
    separator: str | None = None


def split_labels(lines: Sequence[Line]) -> list[Line]:
    """Split lines with wide gaps into labels of a figure or printer's marks.

    Rows of tables, which have another row above or below or end in a figure, stay whole.
    """
    cut: list[Line] = []
    for number, line in enumerate(lines):
        is_among_others = any(lines[near].gaps for near in (number - 1, number + 1) if 0 <= near < len(lines))
        is_row = is_among_others or line.text[-1].isdigit()
        cut += [line] if is_row or not line.gaps else pieces_at(line, line.gaps)
    return cut


def pieces_at(line: Line, gaps: Sequence[Gap]) -> Iterator[Line]:
    """The line cut at these gaps."""
    start, left = line.start, line.left
    for at, end_of_word, begin_of_word in gaps:
        if text := line.text[start - line.start : at - line.start]:
            yield line._replace(
                start=start,
                end=at,
                text=text,
                left=left,
                right=end_of_word,
                is_hyphenated=False,
                gaps=(),
                spaces=(),
            )
        start, left = at + 1, begin_of_word
    if text := line.text[start - line.start :]:
        yield line._replace(start=start, text=text, left=left, gaps=(), spaces=())
