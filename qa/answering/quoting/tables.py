"""Answers from tables: one row with the columns that the question asks for, or the column of a list question."""

from __future__ import annotations

from collections.abc import Sequence

from documents.structure.kinds import Row, Table
from qa.answering import parts
from qa.answering.quoting.answer import Extract, quote_of
from qa.answering.quoting.asked import LIGHT_WORDS, Asked
from qa.answering.quoting.forms import FIGURE
from qa.answering.quoting.scoring import match, name_share, stems
from qa.answering.quoting.units import Unit
from qa.models.question import AnswerWay

MAX_COLUMNS = 8  # of a row that is shown whole
MAX_LISTED = 30  # items of a column
MIN_COVERAGE = 0.6  # of a list question by the table, its names and its caption
MIN_NAME = 0.6  # of the words in a row's first cell, if the question says no column


def row_answer(unit: Unit, asked: Asked) -> Extract:
    """Return the row as a small table: its name and the columns that the question asks for, or all of them."""
    table, row = unit.table, unit.table.rows[unit.place] if unit.table else None
    assert table is not None
    assert row is not None
    columns = columns_of(table, row, asked) or tuple(range(min(len(row.cells), MAX_COLUMNS)))
    header = tuple(_name(table, column) for column in columns)
    cells = tuple(row.cells[column].text for column in columns)
    part = parts.Table(unit.source.number, header, (cells,))
    return Extract([part], [quote_of([unit])], AnswerWay.TABLE)


def columns_of(table: Table, row: Row, asked: Asked) -> tuple[int, ...]:
    """Return the columns that name the row and those that the question asks for; none if that is not clear."""
    cells = [stems(cell.text) for cell in row.cells]
    naming = [0, *(at for at in range(1, len(cells)) if _is_named(row, at, asked))]
    in_row = {word for at in naming for word in asked.weights if match(word, cells[at])}
    wanted = {
        at: _share(asked, stems(name), in_row)
        for at, name in enumerate(table.header[: len(cells)])
        if at not in naming and row.cells[at].text
    }
    best = max(wanted.values(), default=0.0)
    if best > 0:
        chosen = [at for at, share in wanted.items() if share > best - 0.01]
    else:
        chosen = [at for at in range(len(cells)) if at not in naming and _has_form(row, at, asked)]
        chosen = chosen if len(chosen) == 1 else []
    return tuple(sorted({*naming, *chosen})) if chosen else ()


def is_clear(unit: Unit, asked: Asked) -> bool:
    """Whether the question says which column of a row it asks for, or which row if that has more than figures."""
    if unit.table is None:
        return True
    header = [stems(name) for name in unit.table.header[1:]]
    if any(match(word, name) for word in asked.weights for name in header):
        return True
    has_words = sum(not FIGURE.fullmatch(cell) for cell in unit.cells if cell) > 1
    return has_words and name_share(asked, unit) >= MIN_NAME


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
    column = next((at for at, name in enumerate(table.header) if _is_listed(name, asked)), None)
    if column is None:
        return None
    rows, filters = _matching(table, column, asked)
    share = _coverage(unit, table, filters, asked)
    listed = [row for row in rows if column < len(row.cells) and row.cells[column].text]
    if share < MIN_COVERAGE or not listed:
        return None
    if len(listed) == 1:
        return share, _row(unit, listed[0], column, filters)
    items = tuple(dict.fromkeys(row.cells[column].text for row in listed))[:MAX_LISTED]
    lead = table.caption or (unit.headings[0] if unit.headings else unit.source.document_title)
    first, last = listed[0], listed[-1]
    ends = [_place(unit, first), _place(unit, last)]
    part = parts.Items(unit.source.number, f"{lead.rstrip(':')}:", items)
    return share, Extract([part], [quote_of(ends)], AnswerWay.LIST)


def _row(unit: Unit, row: Row, column: int, filters: set[str]) -> Extract:
    """Return the only row that fits: its name, what is asked for, and the cells that the question names."""
    table = unit.table
    assert table is not None
    named = (at for at, cell in enumerate(row.cells) if filters & stems(cell.text))
    columns = sorted({0, column, *named})
    header = tuple(_name(table, at) for at in columns)
    part = parts.Table(unit.source.number, header, (tuple(row.cells[at].text for at in columns),))
    return Extract([part], [quote_of([_place(unit, row)])], AnswerWay.TABLE)


def _is_listed(name: str, asked: Asked) -> bool:
    """Whether the question asks which things of this column: "rooms" for the column "Room"."""
    words = stems(name)
    return bool(words) and words <= asked.listed | asked.weights.keys() and bool(words & asked.listed)


def _matching(table: Table, column: int, asked: Asked) -> tuple[list[Row], set[str]]:
    """Return the rows that have the question's words, and these words: those that some rows have and others have not."""
    rows, filters = list(table.rows), set()
    for word in asked.weights:
        if word in stems(table.header[column]) or word in LIGHT_WORDS:
            continue
        fitting = [row for row in rows if any(match(word, stems(cell.text)) == 1 for cell in row.cells)]
        if fitting:
            filters.add(word)
            rows = fitting
    return rows, filters


def _coverage(unit: Unit, table: Table, filters: set[str], asked: Asked) -> float:
    context = stems(" ".join([table.caption, *table.header, *unit.headings, unit.source.document_title]))
    found = sum(
        weight * max(float(word in filters), match(word, context)) for word, weight in asked.weights.items()
    )
    return found / asked.total if asked.total else 0.0


def _place(unit: Unit, row: Row) -> Unit:
    """Return a unit of another row of the same table."""
    return Unit(unit.source, unit.kind, row.start, row.end, "", around=unit.around)


def _name(table: Table, column: int) -> str:
    return table.header[column] if column < len(table.header) else ""


def _is_named(row: Row, column: int, asked: Asked) -> bool:
    """Whether the question says what is in this cell, which is no figure."""
    words = stems(row.cells[column].text)
    if not words or FIGURE.fullmatch(row.cells[column].text):
        return False
    return all(match(word, frozenset(asked.weights)) for word in words)


def _share(asked: Asked, words: frozenset[str], in_row: set[str]) -> float:
    """Return the weight of the question's words, beside those that name the row, in the name of a column."""
    left = {word: weight for word, weight in asked.weights.items() if word not in in_row}
    # A follow-up asks for another column than the question before.
    new = {word: weight * 10 for word, weight in left.items() if word not in asked.old}
    return sum(weight * match(word, words) for word, weight in {**left, **new}.items())


def _has_form(row: Row, column: int, asked: Asked) -> bool:
    return bool(asked.form) and asked.is_answered_in_form(row.cells[column].text)
