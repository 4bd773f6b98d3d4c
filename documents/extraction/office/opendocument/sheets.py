"""Read the sheets of an OpenDocument spreadsheet."""

from documents.extraction.blocks.builder import MAX_COLUMNS
from documents.extraction.blocks.page_writer import PageWriter
from documents.extraction.blocks.sheets import MAX_CELLS, SheetWriter
from documents.extraction.blocks.tables import Cells
from documents.extraction.office.opendocument.tables import repeat_count
from documents.extraction.web.xml import Attributes

MAX_REPEATED_ROWS = 100
MAX_REPEATED_CELLS = 20_000


class SheetReader:
    """Collects the cells of the open sheet and writes them as pages of rows when it ends."""

    def __init__(self, writer: PageWriter) -> None:
        self.writer = writer
        self.sheets = SheetWriter(writer)
        self.name = ""  # of the open sheet
        self.rows: list[Cells] = []
        self.row: Cells = {}
        self.column = 0
        self.cell: list[str] | None = None  # the paragraphs of the open cell
        self.value = ""  # of the open cell
        self.row_times = self.cell_times = 1
        self.cells = 0

    def start(self, name: str, attributes: Attributes) -> None:
        """Read the start of one of TABLE_ELEMENTS. A table within a sheet is part of it."""
        if name == "table:table" and not self.name:
            self.name, self.rows = attributes.get("table:name") or " ", []
        elif name == "table:table-row":
            self.row, self.column = {}, 0
            self.row_times = repeat_count(attributes, "table:number-rows-repeated", MAX_REPEATED_ROWS)
        elif name in ("table:table-cell", "table:covered-table-cell"):
            self.cell_times = repeat_count(attributes, "table:number-columns-repeated", MAX_REPEATED_CELLS)
            if name == "table:table-cell":
                self.cell, self.value = [], cell_value(attributes)

    def end(self, name: str) -> None:
        if name == "table:table":
            self._end_sheet()
        elif name == "table:table-row":
            self._end_row()
        elif name == "table:table-cell":
            self._end_cell()
        elif name == "table:covered-table-cell":
            self.column += self.cell_times

    def _end_sheet(self) -> None:
        if self.name:
            self.sheets.write(self.rows, self.name.strip())
            self.name, self.rows = "", []

    def _end_row(self) -> None:
        times = self.row_times if self.row else 1
        self.cells += times * len(self.row)
        if self.cells <= MAX_CELLS:
            self.rows += [self.row] * times
        else:
            self.writer.is_partial = True

    def _end_cell(self) -> None:
        text = " ".join(" ".join(self.cell or [self.value]).split())
        if text:
            for column in range(self.column, min(self.column + self.cell_times, MAX_COLUMNS)):
                self.row[column] = text
        self.column += self.cell_times
        self.cell = None


def cell_value(attributes: Attributes) -> str:
    """The raw value of a cell whose displayed text is missing."""
    kind = attributes.get("office:value-type", "")
    if kind in ("date", "time", "boolean", "string"):
        return attributes.get(f"office:{kind}-value", "")
    value = attributes.get("office:value", "")
    return f"{value} {attributes.get('office:currency', '')}".strip()
