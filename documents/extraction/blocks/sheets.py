"""Write the rows of a sheet (Excel, OpenDocument, CSV) as pages: find its tables and their header rows."""

import time
from collections.abc import Iterable, Iterator

from documents.extraction.blocks.blocks import Block, tidy
from documents.extraction.blocks.page_writer import PageWriter
from documents.extraction.blocks.tables import Cells, looks_like_header, rows_as_lines

MAX_CELLS = 1_000_000  # of a workbook
MAX_COLUMNS = 1_000
TABLE_BATCH_ROWS = 5_000  # a longer table is written in batches, with the layout of the first
# CPU time, less than the limit of the process (limits.CPU_SECONDS), to return a partial result before it is killed.
MAX_SECONDS = 15.0
ROWS_BETWEEN_CLOCK_CHECKS = 50


class SheetWriter:
    """Writes sheets as pages. It streams the rows, so that a long sheet needs little memory."""

    def __init__(self, writer: PageWriter) -> None:
        self.writer = writer
        self.cells = 0
        self.deadline = time.process_time() + MAX_SECONDS

    def write(self, rows: Iterable[Cells], name: str = "") -> None:
        """Write a sheet: its name as a heading, then its tables, which blank rows separate. Skip an empty sheet."""
        names: Cells = {}
        for number, (table, is_continued) in enumerate(tables_in(self._within_limits(rows))):
            if number == 0:
                self.writer.begin_page(name)
                self.writer.add([Block("heading", tidy(name))])
            if not is_continued:
                names = self._write_start(table, names)
            self._write_rows(table, names, is_continued)

    def _within_limits(self, rows: Iterable[Cells]) -> Iterator[Cells]:
        for number, row in enumerate(rows, 1):
            self.cells += len(row)
            if self.cells > MAX_CELLS or self.writer.is_full or self._is_out_of_time(number):
                self.writer.is_partial = True
                return
            if row and max(row) >= MAX_COLUMNS:
                self.writer.is_partial = True
                yield {column: text for column, text in row.items() if column < MAX_COLUMNS}
            else:
                yield row

    def _is_out_of_time(self, number: int) -> bool:
        return not number % ROWS_BETWEEN_CLOCK_CHECKS and time.process_time() > self.deadline

    def _write_start(self, table: list[Cells], before: Cells) -> Cells:
        """Write single cells above the table as its title, and return its header row, which stays in `table`."""
        width = max(map(len, table))
        while len(table) > 1 and len(table[0]) == 1 and width > 2:
            self.writer.add([Block("paragraph", next(iter(table.pop(0).values())))])
        if len(table) > 1 and looks_like_header(table[0], width):
            return table[0]
        # After a gap in a long table the previous header still applies.
        return before if set(table[0]) <= set(before) and len(table[0]) >= 0.8 * len(before) else {}

    def _write_rows(self, table: list[Cells], names: Cells, is_continued: bool) -> None:
        if names and (is_continued or table[0] is not names):
            lines = list(rows_as_lines([names, *table], header_rows=1, is_long=True))[1:]
        else:
            is_long = len(table) >= TABLE_BATCH_ROWS
            lines = list(rows_as_lines(table, header_rows=int(bool(names)), is_long=is_long))
        self.writer.add_lines(lines, is_continuation=is_continued)


def tables_in(rows: Iterable[Cells]) -> Iterator[tuple[list[Cells], bool]]:
    """Yield the tables between blank rows in batches, each with whether it continues the previous batch."""
    table: list[Cells] = []
    is_continued = False
    for row in rows:
        if row:
            table.append(row)
        if table and (not row or len(table) >= TABLE_BATCH_ROWS):
            yield table, is_continued
            table, is_continued = [], bool(row)
        elif not row:
            is_continued = False
    if table:
        yield table, is_continued
