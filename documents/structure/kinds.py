"""The kinds of blocks that a stored text has. All offsets are of the text that was parsed.

`text` and `title` fields are plain: without the markup of Markdown and its kin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import NamedTuple, Self, TypeVar


@dataclass(frozen=True)
class Block:
    """A range of the text. Blocks come in order and do not overlap; only white space and hidden markup lie between them."""

    start: int
    end: int

    def moved(self, by: int) -> Self:
        """The same block with every offset larger by that many characters."""
        return replace(self, start=self.start + by, end=self.end + by)


@dataclass(frozen=True)
class Heading(Block):
    """A heading. `is_guess`: the loader did not mark it, its line only looks like one."""

    title: str
    level: int = 1
    is_guess: bool = False


@dataclass(frozen=True)
class Paragraph(Block):
    """Prose, with the range of each of its sentences. `is_quoted`: from the mail that this one answers."""

    sentences: Sequence[tuple[int, int]]
    is_quoted: bool = False

    def moved(self, by: int) -> Self:
        found = [(start + by, end + by) for start, end in self.sentences]
        return replace(super().moved(by), sentences=found)


class Item(NamedTuple):
    """An item: its range with the bullet or number, where its words begin, its plain text, its depth from 1."""

    start: int
    end: int
    words: int
    text: str
    marker: str
    level: int = 1


@dataclass(frozen=True)
class ItemList(Block):
    """Items or numbered steps. `lead` is the range of the sentence before them that announces them, if one does."""

    items: list[Item]
    is_numbered: bool = False
    lead: tuple[int, int] | None = None

    def moved(self, by: int) -> Self:
        lead = (self.lead[0] + by, self.lead[1] + by) if self.lead else None
        items = [item._replace(words=item.words + by) for item in _moved(self.items, by)]
        return replace(super().moved(by), items=items, lead=lead)


class Cell(NamedTuple):
    """A cell's plain text and its range, without the name of its column; an empty cell has an empty range."""

    text: str
    start: int
    end: int


class Row(NamedTuple):
    """A row of a table: its range, and its cells in the order of the columns."""

    start: int
    end: int
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Table(Block):
    """A table. `header` has the names of its columns, () if they are unknown; `rows` does not contain the header.

    `caption` is the plain line above the table that names it, "" if there is none. `header_rows` are the rows of the
    text from which the names come; there are none if these were taken from the labels of the cells.
    """

    header: Sequence[str]
    rows: Sequence[Row]
    caption: str = ""
    header_rows: Sequence[Row] = ()

    def moved(self, by: int) -> Self:
        header_rows, rows = (
            [row._replace(cells=_moved(row.cells, by)) for row in _moved(own, by)]
            for own in (self.header_rows, self.rows)
        )
        return replace(super().moved(by), rows=rows, header_rows=header_rows)

    @property
    def width(self) -> int:
        return max([len(self.header), *(len(row.cells) for row in self.rows)])

    def pairs(self, row: Row) -> Iterator[tuple[str, str]]:
        """The name of the column ("" if unknown) and the text of each cell that is not empty."""
        for name, cell in zip_longest(self.header, row.cells, fillvalue=""):
            if isinstance(cell, Cell) and cell.text:
                yield name, cell.text

    def labelled(self, row: Row) -> str:
        """The row in one line, each cell after the name of its column: "Who: Pensioners; Cakes: 10 %"."""
        return "; ".join(
            f"{name}: {text}" if name and name != text else text for name, text in self.pairs(row)
        )


class KeyValue(NamedTuple):
    """A line such as "Chair: Ines Harcombe": its range, both plain texts, and where the value begins."""

    start: int
    end: int
    key: str
    value: str
    value_start: int


Part = TypeVar("Part", Item, Cell, Row, KeyValue)


@dataclass(frozen=True)
class KeyValues(Block):
    """Lines of keys and values, such as the head of a mail. `is_mail_head`: it has From, To or Subject."""

    lines: Sequence[KeyValue]
    is_mail_head: bool = False

    def moved(self, by: int) -> Self:
        lines = [line._replace(value_start=line.value_start + by) for line in _moved(self.lines, by)]
        return replace(super().moved(by), lines=lines)


@dataclass(frozen=True)
class Contents(Block):
    """A table of contents: the title and the page of each entry."""

    entries: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Code(Block):
    """Source code between two fences."""


def _moved(parts: Sequence[Part], by: int) -> list[Part]:
    return [part._replace(start=part.start + by, end=part.end + by) for part in parts]
