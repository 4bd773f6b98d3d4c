"""The rows of a sheet, of Excel, OpenDocument or CSV, as pages: tables found in it, their columns' names, pages of rows."""

import time
from collections.abc import Iterable, Iterator

from documents.extraction.blocks.blocks import Block, PageWriter, tidy
from documents.extraction.blocks.tables import Cells, looks_like_header, rows_as_lines

MAX_CELLS = 1_000_000  # of a workbook
MAX_COLUMNS = 1_000
ROWS_AT_ONCE = 5_000  # what a table is judged by; more of it follows in the same shape
# Of processor, of the twenty that a file may take: then what was read is told, rather than all of it lost.
MAX_SECONDS = 15.0
ROWS_BETWEEN_LOOKS = 50  # at the clock


class SheetWriter:
    """Writes sheets as pages. Rows are taken as they come, so that a sheet of any length needs little memory."""

    def __init__(self, writer: PageWriter) -> None:
        self.writer = writer
        self.cells = 0
        self.until = time.process_time() + MAX_SECONDS

    def write(self, rows: Iterable[Cells], name: str = "") -> None:
        """A sheet: its name as a heading, then its tables. Blank rows part them. A sheet of nothing is no page."""
        names: Cells = {}
        for number, (table, is_continued) in enumerate(tables_in(self._counted(rows))):
            if number == 0:
                self.writer.begin_page(name)
                self.writer.add([Block("heading", tidy(name))])
            if not is_continued:
                names = self._write_start(table, names)
            self._write_rows(table, names, is_continued)

    def _counted(self, rows: Iterable[Cells]) -> Iterator[Cells]:
        for number, row in enumerate(rows, 1):
            self.cells += len(row)
            if self.cells > MAX_CELLS or self.writer.is_full or self._is_late(number):
                self.writer.is_partial = True
                return
            if row and max(row) >= MAX_COLUMNS:
                self.writer.is_partial = True
                yield {column: text for column, text in row.items() if column < MAX_COLUMNS}
            else:
                yield row

    def _is_late(self, number: int) -> bool:
        return not number % ROWS_BETWEEN_LOOKS and time.process_time() > self.until

    def _write_start(self, table: list[Cells], before: Cells) -> Cells:
        """Lines that stand alone above a table are its title; gives the names of its columns, which stay in `table`."""
        width = max(map(len, table))
        while len(table) > 1 and len(table[0]) == 1 and width > 2:
            self.writer.add([Block("paragraph", next(iter(table.pop(0).values())))])
        if len(table) > 1 and looks_like_header(table[0], width):
            return table[0]
        # A gap in a long table: what stood above it still names the columns.
        return before if set(table[0]) <= set(before) and len(table[0]) >= 0.8 * len(before) else {}

    def _write_rows(self, table: list[Cells], names: Cells, is_continued: bool) -> None:
        if names and (is_continued or table[0] is not names):
            lines = list(rows_as_lines([names, *table], header_rows=1, is_long=True))[1:]
        else:
            is_long = len(table) >= ROWS_AT_ONCE
            lines = list(rows_as_lines(table, header_rows=int(bool(names)), is_long=is_long))
        self.writer.add_lines(lines, goes_on=is_continued)


def tables_in(rows: Iterable[Cells]) -> Iterator[tuple[list[Cells], bool]]:
    """Rows between blank ones, and whether they go on with those before; a long table comes in several parts."""
    table: list[Cells] = []
    is_continued = False
    for row in rows:
        if row:
            table.append(row)
        if table and (not row or len(table) >= ROWS_AT_ONCE):
            yield table, is_continued
            table, is_continued = [], bool(row)
        elif not row:
            is_continued = False
    if table:
        yield table, is_continued
