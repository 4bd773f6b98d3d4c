"""Finds the header of the table at an offset of a text, for chunks that begin between its rows."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from documents.structure.kinds import Table
from documents.structure.parser import blocks
from documents.structure.tables import CELLS

PARAGRAPH = re.compile(r"\S[^\n]*(?:\n(?![^\S\n]*\n)[^\n]*)*")


class Rows(NamedTuple):
    """The range of a table's rows, without its header, and the names of its columns."""

    start: int
    end: int
    names: Sequence[str]


class TableHeaders:
    """The names of the columns at each offset of a text. Takes time linear in the paragraphs that have cells."""

    def __init__(self, text: str) -> None:
        self.tables = [rows for match in PARAGRAPH.finditer(text) for rows in _tables_in(match)]
        self.starts = [rows.start for rows in self.tables]

    def at(self, offset: int) -> Sequence[str]:
        """The names of the columns of the table whose rows contain the offset; () if none do or they are unknown."""
        number = bisect_right(self.starts, offset) - 1
        return self.tables[number].names if number >= 0 and offset < self.tables[number].end else ()


def _tables_in(paragraph: re.Match[str]) -> list[Rows]:
    if CELLS not in paragraph.group():
        return []
    return [
        Rows(paragraph.start() + table.rows[0].start, paragraph.start() + table.end, table.header)
        for table in blocks(paragraph.group())
        if isinstance(table, Table) and table.header
    ]
