"""Answers that are lists: all items of a list, the names of the rows of a table, or the cells of one of its columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from documents.structure.kinds import ItemList, Row, Table
from qa.answering import parts
from qa.answering.quoting.answer import Extract, quote_of
from qa.answering.quoting.asked import LIGHT_WORDS, Asked
from qa.answering.quoting.forms import FIGURE
from qa.answering.quoting.scoring import match, stems
from qa.answering.quoting.tables import column_name
from qa.answering.quoting.units import Kind, Unit
from qa.models.question import AnswerWay

MAX_ITEMS = 30
MARGIN = 0.05  # by which a single unit may be better than the list
MIN_STEPS = 2
MAX_LISTED = 30  # items of a column
MIN_COVERAGE = 0.6  # of a list question by the table, its names and its caption
SUM = re.compile(
    r"(?:all|sum|total|totals|subtotal|together|gesamt|summe|insgesamt|total général|suma)\b", re.IGNORECASE
)


def list_answer(ranked: Sequence[Unit], asked: Asked) -> Extract | None:
    """Return the whole list if the best units are items of one, and the question asks for items or steps."""
    best = ranked[0]
    if not (asked.wants_list or asked.wants_steps or asked.may_want_list):
        return None
    if best.table:
        return selected_rows(best, asked)
    for unit in ranked[:MAX_ITEMS]:
        if unit.score < best.score - MARGIN:
            return None
        if unit.items and _is_wanted(unit, unit.items, asked):
            return whole_list(unit)
    return None


def _is_wanted(unit: Unit, items: ItemList, asked: Asked) -> bool:
    """Whether the words that introduce the list, or its heading, say what the question asks for."""
    if asked.wants_steps and not (asked.wants_list or asked.may_want_list) and not items.is_numbered:
        return False
    context = stems(" ".join([unit.lead, *unit.headings, unit.source.document_title]))
    above = {word: match(word, context) for word in asked.weights}
    covered = sum(weight * above[word] for word, weight in asked.weights.items())
    own = sum(
        weight * max(match(word, unit.words) - above[word], 0.0) for word, weight in asked.weights.items()
    )
    return len(items.items) >= MIN_STEPS and covered >= own


def whole_list(unit: Unit) -> Extract:
    """Return all items of the list that the unit belongs to."""
    items = unit.items
    assert items is not None
    lead = unit.lead or (unit.headings[0] if unit.headings else "")
    texts = tuple(item.text for item in items.items[:MAX_ITEMS])
    part = parts.Items(unit.source.number, f"{lead.rstrip(':')}:" if lead else "", texts)
    ends = [
        Unit(unit.source, Kind.ITEM, item.start, item.end, "", around=unit.around)
        for item in (items.items[0], items.items[min(len(items.items), MAX_ITEMS) - 1])
    ]
    return Extract([part], [quote_of(ends)], AnswerWay.LIST)


def column_answer(units: Sequence[Unit], asked: Asked) -> Extract | None:
    """Return the names in the rows that a list question asks for: "Which rooms at Northgate ...?"."""
    tables: dict[int, list[Unit]] = {}
    for unit in units:
        if unit.table and len(unit.table.rows) > 1 and any(unit.table.header):
            tables.setdefault(id(unit.table), []).append(unit)
    found = [answer for rows in tables.values() if (answer := _listed(rows[0], asked))]
    return max(found, key=lambda answer: answer[0])[1] if found else None


def _listed(unit: Unit, asked: Asked) -> tuple[float, Extract] | None:
    table = unit.table
    assert table is not None
    column = _column(unit, table, asked)
    if column is None:
        return None
    rows, filters = _matching(unit, table, column, asked)
    share = _coverage(unit, table, filters, asked)
    listed = _things(rows, column)
    if share < MIN_COVERAGE or not listed:
        return None
    if len(listed) == 1:
        return share, _row(unit, listed[0], column, filters)
    return share, _names_of(unit, table, listed, column)


def selected_rows(unit: Unit, asked: Asked) -> Extract | None:
    """Return the names of the rows that a list question selects by what stands in their cells: "borrowed at the lodge"."""
    rows = selected(unit, asked) if asked.wants_list else []
    assert unit.table is not None
    return _names_of(unit, unit.table, rows, 0) if len(rows) > 1 else None


def selected(unit: Unit, asked: Asked) -> list[Row]:
    """Return the rows that have the question's words in other cells than their names, if some have and others have not."""
    table = unit.table
    if table is None or _has_figures(table, 0):
        return []
    above = _above(unit, table)
    rows = list(table.rows)
    for word in asked.weights:
        if word not in LIGHT_WORDS and not match(word, above):
            fitting = [row for row in rows if any(word in stems(cell.text) for cell in row.cells[1:])]
            rows = fitting or rows
    return _things(rows, 0) if len(rows) < len(table.rows) else []


def _names_of(unit: Unit, table: Table, rows: Sequence[Row], column: int) -> Extract:
    items = tuple(dict.fromkeys(row.cells[column].text for row in rows))[:MAX_LISTED]
    lead = table.caption or (unit.headings[0] if unit.headings else unit.source.document_title)
    ends = [_place(unit, rows[0]), _place(unit, rows[-1])]
    part = parts.Items(unit.source.number, f"{lead.rstrip(':')}:", items)
    return Extract([part], [quote_of(ends)], AnswerWay.LIST)


def _things(rows: Sequence[Row], column: int) -> list[Row]:
    """Return the rows that have a cell in the column and are no sum of others."""
    return [
        row
        for row in rows
        if column < len(row.cells) and row.cells[column].text and not SUM.match(row.cells[column].text)
    ]


def _row(unit: Unit, row: Row, column: int, filters: set[str]) -> Extract:
    """Return the only row that fits: its name, what is asked for, and the cells that the question names."""
    table = unit.table
    assert table is not None
    named = (at for at, cell in enumerate(row.cells) if filters & stems(cell.text))
    columns = sorted({0, column, *named})
    header = tuple(column_name(table, at) for at in columns)
    part = parts.Table(unit.source.number, header, (tuple(row.cells[at].text for at in columns),))
    return Extract([part], [quote_of([_place(unit, row)])], AnswerWay.TABLE)


def _column(unit: Unit, table: Table, asked: Asked) -> int | None:
    """Return the column that has the name of what is to be listed; of a table that is named so itself, the first one."""
    for at, name in enumerate(table.header):
        if _is_listed(name, asked) and not _has_figures(table, at):
            return at
    is_about = asked.listed and asked.listed <= _above(unit, table)
    return 0 if is_about and not _has_figures(table, 0) else None


def _above(unit: Unit, table: Table) -> frozenset[str]:
    """The stems of the caption and the headings of a table; of the document's title, if it has none."""
    return stems(" ".join([table.caption, *unit.headings]).strip() or _spaced(unit.source.document_title))


def _spaced(title: str) -> str:
    return re.sub(r"[_-]+", " ", title)


def _has_figures(table: Table, column: int) -> bool:
    """Whether a column has figures alone."""
    cells = [row.cells[column].text for row in table.rows if column < len(row.cells)]
    return all(FIGURE.fullmatch(cell) for cell in cells if cell)


def _is_listed(name: str, asked: Asked) -> bool:
    """Whether the question asks which things of this column: "rooms" for the column "Room"."""
    words = stems(name)
    return bool(words) and words <= asked.listed | asked.weights.keys() and bool(words & asked.listed)


def _matching(unit: Unit, table: Table, column: int, asked: Asked) -> tuple[list[Row], set[str]]:
    """Return the rows that have the question's words, and these words: those that some rows have and others have not."""
    rows, filters = list(table.rows), set()
    named = stems(table.header[column])
    if not named & asked.listed:
        named |= _above(unit, table)
    for word in asked.weights:
        if word in named or word in LIGHT_WORDS:
            continue
        fitting = [row for row in rows if any(match(word, stems(cell.text)) == 1 for cell in row.cells)]
        if fitting:
            filters.add(word)
            rows = fitting
    return rows, filters


def _coverage(unit: Unit, table: Table, filters: set[str], asked: Asked) -> float:
    title = _spaced(unit.source.document_title)
    context = stems(" ".join([table.caption, *table.header, *unit.headings, title]))
    found = sum(
        weight * max(float(word in filters), match(word, context)) for word, weight in asked.weights.items()
    )
    return found / asked.total if asked.total else 0.0


def _place(unit: Unit, row: Row) -> Unit:
    """Return a unit of another row of the same table."""
    return Unit(unit.source, unit.kind, row.start, row.end, "", around=unit.around)
