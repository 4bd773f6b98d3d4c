"""Renders the tables and headings of a stored text as HTML. The caller renders the words between and in them, with its marks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from documents.extraction.blocks.tables import NUMBER
from documents.extraction.pages import Heading as Marked
from documents.extraction.text.markup_spans import is_marked_up
from documents.structure.kinds import Cell, Heading, Row, Table
from documents.structure.parser import blocks

Draw = Callable[[int, int], SafeString]


def drawn_blocks(text: str, media_type: str, headings: Sequence[Marked] = ()) -> list[Table | Heading]:
    """The tables of the text and the headings that its format marks. `headings` have offsets in it."""
    if "|" not in text and not headings and not is_marked_up(media_type):
        return []
    found = blocks(text, headings, media_type)
    return [block for block in found if isinstance(block, Table) or _is_marked(block)]  # type: ignore[misc]


def _is_marked(block: object) -> bool:
    return isinstance(block, Heading) and not block.is_guess


def with_blocks(text: str, drawn: Sequence[Table | Heading], draw: Draw) -> SafeString:
    """The text as HTML with these blocks. `draw` returns the HTML of a range; ranges are in order and do not overlap."""
    return format_html_join("", "{}", ((piece,) for piece in _pieces(text, drawn, draw)))


def _pieces(text: str, drawn: Sequence[Table | Heading], draw: Draw) -> Iterator[SafeString]:
    at = 0
    for block in drawn:
        if isinstance(block, Heading):
            yield draw(at, block.start)
            yield format_html('<strong class="text-heading">{}</strong>', draw(block.start, block.end))
            at = block.end
            continue
        # The box of a table has margins: blank lines would add to them.
        yield draw(at, at + len(text[at : block.start].rstrip()))
        yield _table(block, draw)
        at = block.end
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
