"""Finds tables among the printed lines of a page by their columns, and puts their cells in order, row by row.

PDFs have no rows and no cells: a header of two lines or a wrapped cell comes as lines between the others.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from documents.extraction.blocks.tables import CELL_BREAK
from documents.extraction.cleanup.line import Line, pieces_at

MIN_ROWS, MIN_COLUMNS = 3, 2
MIN_WIDE_ROWS = 2  # rows that are enough for a table of three columns and more
MAX_CELL = 60  # characters: the median of a table's longest column
MAX_LINES = 400  # of one table on a page
ALIGNED = 3.0  # points
LEVEL = 0.4  # times the height: distance of baselines within one row
WRAPPED = 1.35  # times the height: distance of the lines of one cell
APART = 4.0  # times the height: distance of two rows of one table
TIGHTER = 0.9  # times the usual distance of rows: that of the lines of one cell
SAME_HEIGHT = 0.25
LEFT_TO_RIGHT = re.compile(r"[^\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]*")
NUMBERING = re.compile(r"[(\[]?(?:\d{1,3}(?:\.\d{1,3})*|[a-zA-Z]|[ivxIVX]{1,5})[.)\]]*|[•‣▪■●○·–—*-]")

Span = tuple[float, float]


class Row(NamedTuple):
    """The lines of each cell by column, from the top."""

    cells: dict[int, list[Line]]


def with_table_cells(lines: Sequence[Line]) -> list[Line]:
    """The lines with those of tables in the order of their cells, each followed by what separates it from the next."""
    if sum(bool(line.gaps) for line in lines) < MIN_WIDE_ROWS:
        return list(lines)
    found: list[Line] = []
    at = 0
    while at < len(lines):
        first, end = _region(lines, at)
        rows = _rows(lines[first:end]) if end - first >= MIN_WIDE_ROWS else []
        if rows:
            found += lines[at:first]
            _append(found, rows)
        else:
            found += lines[at:end]
        at = end
    return found


def _region(lines: Sequence[Line], at: int) -> tuple[int, int]:
    """The next run of lines that may be a table: rows with wide gaps, and short lines above and between them."""
    first = at
    while first < len(lines) and not lines[first].gaps:
        first += 1
    if first == len(lines):
        return first, first
    end = first + 1
    last_row = end
    while end < len(lines) and end - first < MAX_LINES and _is_near(lines[end - 1], lines[end]):
        end += 1
        if lines[end - 1].gaps:
            last_row = end
    columns = _columns(lines[first:last_row])
    while last_row < end and _is_in_column(lines[last_row], columns):
        last_row += 1
    begin = first
    while (
        begin > at and _is_near(lines[begin - 1], lines[begin]) and _is_in_column(lines[begin - 1], columns)
    ):
        begin -= 1
    # Lines above in the first column only are the end of a paragraph.
    if len(columns) < MIN_COLUMNS or all(line.right < columns[1][0] for line in lines[begin:first]):
        begin = first
    return begin, last_row


def _is_near(line: Line, after: Line) -> bool:
    """Whether two lines may belong to one table: the same size of letters, close to each other."""
    height = max(line.height, after.height)
    is_like = height > 0 and abs(line.height - after.height) <= SAME_HEIGHT * height
    return is_like and abs(line.baseline - after.baseline) <= APART * height


def _columns(lines: Sequence[Line]) -> list[Span]:
    """Left and right edge of each column, from the rows with at least the usual number of cells."""
    counts = Counter(len(line.spaces) for line in lines if line.gaps)
    usual = max(counts, key=lambda count: (counts[count], count))
    full = [line for line in lines if line.gaps and len(line.spaces) >= usual]
    edges = sorted(edge for line in full for edge in _edges(line))
    columns: list[Span] = []
    for left, right in edges:
        if columns and left < columns[-1][1]:
            columns[-1] = columns[-1][0], max(columns[-1][1], right)
        else:
            columns.append((left, right))
    return columns


def _edges(line: Line) -> Iterator[Span]:
    left = line.left
    for _at, right, next_left in line.spaces:
        yield left, right
        left = next_left
    yield left, line.right


def _is_in_column(line: Line, columns: Sequence[Span]) -> bool:
    """Whether the line is one cell, or several with gaps that the columns explain."""
    pieces = _pieces(line, columns)
    if any(sum(piece.left < right and left < piece.right for left, right in columns) > 1 for piece in pieces):
        return False
    return len(pieces) > 1 or any(
        abs(line.left - left) <= ALIGNED or abs(line.right - right) <= ALIGNED for left, right in columns
    )


def _pieces(line: Line, columns: Sequence[Span]) -> list[Line]:
    """The line cut at its wide gaps, and at narrow ones between two columns."""
    gutters = [(before[1], after[0]) for before, after in pairwise(columns)]
    cuts = [
        gap
        for gap in line.spaces
        if gap in line.gaps or any(gap[1] < right and left < gap[2] for left, right in gutters)
    ]
    return list(pieces_at(line, cuts))


def _rows(lines: Sequence[Line]) -> list[Row]:
    """The rows of a table; none if the lines are no table."""
    if not all(LEFT_TO_RIGHT.fullmatch(line.text) for line in lines):
        return []
    columns = _columns(lines)
    placed = [(piece, _column(piece, columns)) for line in lines for piece in _pieces(line, columns)]
    levels = _levels(placed)
    rows = _joined(levels)
    return rows if _is_table(rows, len(columns)) else []


def _column(piece: Line, columns: Sequence[Span]) -> int:
    """The column with which the piece shares most, else the nearest one."""

    def shared(column: int) -> float:
        left, right = columns[column]
        return min(piece.right, right) - max(piece.left, left)

    return max(range(len(columns)), key=shared)


def _levels(placed: Sequence[tuple[Line, int]]) -> list[list[tuple[Line, int]]]:
    """The pieces of each printed height, from the top."""
    levels: list[list[tuple[Line, int]]] = []
    for piece, column in sorted(placed, key=lambda cell: (-cell[0].baseline, cell[0].left)):
        if levels and levels[-1][0][0].baseline - piece.baseline <= LEVEL * piece.height:
            levels[-1].append((piece, column))
        else:
            levels.append([(piece, column)])
    return levels


def _joined(levels: Sequence[Sequence[tuple[Line, int]]]) -> list[Row]:
    """Rows of one or several levels: the lines of a cell are closer to each other than rows are."""
    full = [level[0][0].baseline for level in levels if len(level) > 1]
    usual = median([above - below for above, below in pairwise(full)]) if len(full) > 1 else 0.0
    rows: list[Row] = []
    above: Sequence[tuple[Line, int]] = []
    for level in levels:
        if not above or not _is_wrapped(above, level, usual):
            rows.append(Row({}))
        for piece, column in level:
            rows[-1].cells.setdefault(column, []).append(piece)
        above = level
    return rows


def _is_wrapped(above: Sequence[tuple[Line, int]], level: Sequence[tuple[Line, int]], usual: float) -> bool:
    """Whether the cells of a level continue those of the level above."""
    down = above[0][0].baseline - level[0][0].baseline
    if down > WRAPPED * level[0][0].height:
        return False
    if down < TIGHTER * usual:
        return True
    return len(level) == 1 and level[0][1] > 0 and len(above) > 1


def _is_table(rows: Sequence[Row], width: int) -> bool:
    several = [row for row in rows if len(row.cells) > 1]
    if width < MIN_COLUMNS or len(several) < (MIN_WIDE_ROWS if width > MIN_COLUMNS else MIN_ROWS):
        return False
    if 2 * len(several) < len(rows):
        return False
    first = [_text(row, 0) for row in several if 0 in row.cells]
    if width == MIN_COLUMNS and sum(text.endswith(":") for text in first) * 2 > len(first):
        return False  # labels and values
    lengths = [[len(_text(row, column)) for row in several if column in row.cells] for column in range(width)]
    longest = max(median(found) for found in lengths if found)
    if width == MIN_COLUMNS and sum(bool(NUMBERING.fullmatch(text)) for text in first) * 2 > len(first):
        return longest < MAX_CELL / 2  # else numbered paragraphs
    return longest <= MAX_CELL


def _text(row: Row, column: int) -> str:
    return " ".join(line.text for line in row.cells[column])


def _append(found: list[Line], rows: Sequence[Row]) -> None:
    """Append the cells of all rows; separators hold the bars of empty cells too."""
    if found and not found[-1].is_hyphenated:
        found[-1] = found[-1]._replace(separator="\n\n" + _bars_before(rows[0]))
    for number, row in enumerate(rows):
        below = "\n" + _bars_before(rows[number + 1]) if number + 1 < len(rows) else "\n\n"
        columns = sorted(row.cells)
        for column, after in zip(columns, [*columns[1:], None], strict=True):
            *wrapped, last = row.cells[column]
            found += wrapped
            separator = below if after is None else CELL_BREAK * (after - column)
            found.append(last._replace(separator=separator))
            for place in range(len(found) - 1 - len(wrapped), len(found) - 1):
                line = found[place]
                found[place] = line if line.is_hyphenated else line._replace(separator=" ")


def _bars_before(row: Row) -> str:
    return CELL_BREAK * min(row.cells)
