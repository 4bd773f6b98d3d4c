"""Parses tables: rows with bars between their cells, or rows that end in figures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

from documents.structure import tables
from documents.structure.cursor import MIN_FIGURES, Cursor, begin_of
from documents.structure.kinds import Block, Contents, Paragraph, Row, Table
from documents.structure.lines import CONTENTS_TITLE, Line

CAPTION = re.compile(r"(?:Tab(?:le|elle|\.)|Tableau|Tabla)\s+\d", re.IGNORECASE)
MAX_CAPTION = 160
MAX_SHEET_TITLES = 4
MIN_FIGURE_ROWS = 2


def table(cursor: Cursor) -> Block | None:
    """Lines with bars; in a sheet, lines of one cell too. A single line with bars is a row only if it is labelled."""
    first = cursor.at
    while tables.is_row(cursor.line().text) or _is_inner_row(cursor, first):
        cursor.at += 1
    if cursor.at == first:
        return None
    taken = cursor.lines[first : cursor.at]
    marked = next((number for number, line in enumerate(taken) if tables.is_delimiter(line.text)), 0)
    rows = [(line, tables.cells_of(line)) for line in taken if not tables.is_delimiter(line.text)]
    marked = min(marked, tables.MAX_HEADER_ROWS)
    header, above, body = tables.header_and_rows(rows, cursor.plain, marked) if rows else ([], [], [])
    if len(taken) == 1 and not header and not cursor.is_sheet:
        cursor.at = first
        return None
    if not body or (cursor.media_type == "text/plain" and tables.look_like_code(taken)):
        return cursor.prose(begin_of(taken[0]), taken[-1].end)
    if _are_contents(cursor, body) and not header:
        entries = [(" ".join(cell.text for cell in row.cells[:-1]), row.cells[-1].text) for row in body]
        return Contents(begin_of(taken[0]), taken[-1].end, entries)
    return Table(begin_of(taken[0]), taken[-1].end, header, body, _caption(cursor), above)


def _are_contents(cursor: Cursor, rows: Sequence[Row]) -> bool:
    """Whether rows under the title of a table of contents end in page numbers."""
    last = cursor.last
    is_titled = last is not None and CONTENTS_TITLE.fullmatch(cursor.text, last.start, last.end)
    return bool(is_titled) and all(row.cells[-1].text.isdecimal() for row in rows)


def figures(cursor: Cursor) -> Block | None:
    """A table without separators, as in PDFs extracted by earlier releases: rows that end in the same number of figures."""
    first = cursor.at
    has_title = tables.figures_at_end(cursor.line().text) < MIN_FIGURES
    taken, count = _figure_rows(cursor, first + has_title)
    if len(taken) < MIN_FIGURE_ROWS:
        return None
    cursor.at = first + has_title + len(taken)
    rows = [(line, tables.split_figures(line, count)) for line in taken]
    header, above, body = tables.header_and_rows(rows, cursor.plain)
    if has_title and not header:
        line = cursor.lines[first]
        names = tables.words_of(line)
        if len(names) != count + 1:
            cursor.at = first + 1
            return cursor.prose(begin_of(line), line.end)
        header, above, body = tables.header_and_rows([(line, names), *rows], cursor.plain, marked_header=1)
    begin = begin_of(cursor.lines[first] if above else taken[0])
    return Table(begin, taken[-1].end, header, body, _caption(cursor), above)


def _figure_rows(cursor: Cursor, first: int) -> tuple[Sequence[Line], int]:
    """The lines from `first` on that end in as many figures as that one, and how many these are; () for too few figures."""
    count = tables.figures_at_end(cursor.line(first - cursor.at).text)
    if count < MIN_FIGURES:
        return (), count
    end = first
    while end < len(cursor.lines) and tables.figures_at_end(cursor.lines[end].text) == count:
        end += 1
    return cursor.lines[first:end], count


def _is_inner_row(cursor: Cursor, first: int) -> bool:
    """Whether a line without bars is a row of one cell: in a sheet, or between two rows."""
    line = cursor.line()
    if line.is_blank or cursor.marked(line):
        return False
    is_within = cursor.at > first or (cursor.is_sheet and tables.is_row(cursor.line(1).text))
    return is_within and (cursor.is_sheet or tables.is_row(cursor.line(1).text))


def _caption(cursor: Cursor) -> str:
    """The text of a short paragraph above the table that names it; in a sheet, the first of several."""
    above = reversed(cursor.found[-MAX_SHEET_TITLES if cursor.is_sheet else -1 :])
    found = [cursor.plain(block.start, block.end) for block in takewhile(_is_short, above)]
    caption = found[-1] if found else ""
    return caption if caption[-1:] not in (".", "!", "?") or CAPTION.match(caption) else ""


def _is_short(block: Block) -> bool:
    return isinstance(block, Paragraph) and block.end - block.start <= MAX_CAPTION
