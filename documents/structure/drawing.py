"""Renders the tables of a stored text as HTML tables. The caller renders the text between and in them, with its marks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from documents.extraction.blocks.tables import NUMBER
from documents.extraction.pages import Heading
from documents.structure.kinds import Cell, Row, Table
from documents.structure.parser import blocks

Draw = Callable[[int, int], SafeString]


def tables_of(text: str, media_type: str, headings: Sequence[Heading] = ()) -> list[Table]:
    """The tables of the text."""
    if "|" not in text:
        return []
    return [block for block in blocks(text, headings, media_type) if isinstance(block, Table)]


def with_tables(text: str, tables: Sequence[Table], draw: Draw) -> SafeString:
    """The text as HTML, its tables rendered. `draw` returns the HTML of a range; ranges are in order and do not overlap."""
    return format_html_join("", "{}", ((piece,) for piece in _pieces(text, tables, draw)))


def _pieces(text: str, tables: Sequence[Table], draw: Draw) -> Iterator[SafeString]:
    at = 0
    for table in tables:
        # The box of a table has margins: blank lines would add to them.
        yield draw(at, at + len(text[at : table.start].rstrip()))
        yield _table(table, draw)
        at = table.end
        while text[at : at + 1] == "\n":
            at += 1
    yield draw(at, len(text))


def _table(table: Table, draw: Draw) -> SafeString:
    head = _head(table, draw)
    body = format_html_join("", "<tr>{}</tr>", ((_row(row, table.width, draw),) for row in table.rows))
    return format_html(
        '<div class="table-box" role="group" tabindex="0" aria-label="{}"><table>{}<tbody>{}</tbody></table></div>',
        table.caption or _("Table"),
        head,
        body,
    )


def _head(table: Table, draw: Draw) -> SafeString:
    """The header row of the text, else the column names of the cells."""
    if table.header_rows:
        rows = [_cells(row.cells, table.width, draw, "th") for row in table.header_rows]
    elif table.header:
        rows = [
            format_html_join("", '<th scope="col" dir="auto">{}</th>', ((name,) for name in table.header))
        ]
    else:
        return SafeString()
    return format_html("<thead>{}</thead>", format_html_join("", "<tr>{}</tr>", ((row,) for row in rows)))


def _row(row: Row, width: int, draw: Draw) -> SafeString:
    return _cells(row.cells, width, draw, "td")


def _cells(cells: Sequence[Cell], width: int, draw: Draw, tag: str) -> SafeString:
    """A row's cells; a single one in a wider table is a title of the rows below it."""
    if len(cells) == 1 < width:
        return format_html('<th colspan="{}" dir="auto">{}</th>', width, draw(cells[0].start, cells[0].end))
    return format_html_join("", "{}", ((_cell(cell, draw, tag),) for cell in _filled(cells, width)))


def _cell(cell: Cell, draw: Draw, tag: str) -> SafeString:
    words = draw(cell.start, cell.end)
    if tag == "th":
        return format_html('<th scope="col" dir="auto">{}</th>', words)
    numeric = ' class="numeric"' if NUMBER.fullmatch(cell.text) else ""
    return format_html('<td{} dir="auto">{}</td>', SafeString(numeric), words)


def _filled(cells: Sequence[Cell], width: int) -> Iterator[Cell]:
    yield from cells
    end = cells[-1].end if cells else 0
    yield from [Cell("", end, end)] * (width - len(cells))
