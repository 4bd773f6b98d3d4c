"""Answers from tables: one row with the columns that the question asks for."""

from __future__ import annotations

from documents.structure.kinds import Row, Table
from qa.answering import parts
from qa.answering.quoting.answer import Extract, quote_of
from qa.answering.quoting.asked import Asked
from qa.answering.quoting.forms import FIGURE
from qa.answering.quoting.scoring import match, stems
from qa.answering.quoting.units import Unit
from qa.models.question import AnswerWay

MAX_COLUMNS = 8  # of a row that is shown whole
_OTHERS = "other others else non guest guests visitor visitors public external andere gäste autres otros"
OTHERS = stems(_OTHERS)  # the names of columns for those who are not something


def row_answer(unit: Unit, asked: Asked) -> Extract:
    """Return the row as a small table: its name and the columns that the question asks for, or all of them."""
    table, row = unit.table, unit.table.rows[unit.place] if unit.table else None
    assert table is not None
    assert row is not None
    columns = columns_of(table, row, asked) or tuple(range(min(len(row.cells), MAX_COLUMNS)))
    header = tuple(column_name(table, column) for column in columns)
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


def column_name(table: Table, column: int) -> str:
    """Return the name of a column, "" if it has none."""
    return table.header[column] if column < len(table.header) else ""


def _is_named(row: Row, column: int, asked: Asked) -> bool:
    """Whether the question says what is in this cell, which is no figure."""
    words = stems(row.cells[column].text)
    if not words or FIGURE.fullmatch(row.cells[column].text):
        return False
    return all(match(word, frozenset(asked.weights)) for word in words)


def _share(asked: Asked, words: frozenset[str], in_row: set[str]) -> float:
    """Return the weight of the question's words, beside those that name the row, in the name of a column."""
    if words & asked.negated:
        return 0.0
    left = {word: weight for word, weight in asked.weights.items() if word not in in_row}
    # A follow-up asks for another column than the question before.
    new = {word: weight * 10 for word, weight in left.items() if word not in asked.old}
    others = asked.total if asked.negated and words & OTHERS else 0.0
    return others + sum(weight * match(word, words) for word, weight in {**left, **new}.items())


def _has_form(row: Row, column: int, asked: Asked) -> bool:
    return bool(asked.form) and asked.is_answered_in_form(row.cells[column].text)
