"""Build blocks from the start and end events of HTML, Word, OpenDocument, RTF and PowerPoint parsers."""

from documents.extraction.blocks.blocks import Block, Cell, Table, tidy, tidy_code

MAX_CELLS = 300_000  # of a document; spreadsheets, which are streamed, have a higher limit
MAX_COLUMNS = 1_000  # of a row; cells further right are dropped
MAX_SPANNED_ROWS = 1_000
MAX_TABLE_DEPTH = 12  # deeper tables become text of the enclosing cell


class BlockBuilder:
    """Collects blocks from text and from starts and ends of structures. Accepts events in any order."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.tables: list[Table] = []
        self.cell_is_open: list[bool] = []
        self.ignored_tables = 0
        self.ignores_cell = False  # the open cell exceeds the limits
        self.cells = 0
        self.is_partial = False
        self.kind, self.level, self.marker = "paragraph", 1, ""
        self.pieces: list[str] = []
        self.links = 0
        self.is_link = False
        self.is_code = False  # keep the indentation

    def add_text(self, text: str) -> None:
        self.pieces.append(text)
        if self.is_link:
            self.links += len(text.strip())

    def begin_block(self, kind: str, level: int = 1, marker: str = "") -> None:
        """Start a block of that kind; `marker` is put before its text."""
        self.flush()
        self.kind, self.level, self.marker = kind, level, marker

    def flush(self) -> None:
        """End the block. The next block has the same kind, unless started otherwise, and no marker."""
        if not self.pieces:
            return
        text = (tidy_code if self.is_code else tidy)("".join(self.pieces))
        links = self.links
        self.pieces, self.links = [], 0
        if text:
            self.add_block(Block(self.kind, self.marker + text, self.level, links))
            self.marker = ""

    def add_block(self, block: Block) -> None:
        if self.ignores_cell and self.tables:
            return
        if self.tables and self.cell_is_open[-1]:
            self.tables[-1].rows[-1][-1].blocks.append(block)
        else:
            self.blocks.append(block)

    def pop_blocks(self) -> list[Block]:
        """Return the finished blocks and forget them."""
        self.flush()
        blocks, self.blocks = self.blocks, []
        return blocks

    @property
    def is_in_table(self) -> bool:
        return bool(self.tables)

    def begin_table(self) -> None:
        self.flush()
        if len(self.tables) >= MAX_TABLE_DEPTH:
            self.ignored_tables += 1
            return
        self.tables.append(Table())
        self.cell_is_open.append(False)

    def begin_row(self, is_header: bool = False) -> None:
        if not self.tables or self.ignored_tables:
            return
        self.end_cell()
        table = self.tables[-1]
        if is_header and table.header_rows == len(table.rows):
            table.header_rows += 1
        table.rows.append([])

    def begin_cell(self, columns: int = 1, rows: int = 1, is_header: bool = False) -> None:
        if not self.tables or self.ignored_tables:
            return
        self.end_cell()
        table = self.tables[-1]
        if not table.rows:
            table.rows.append([])
        self.cells += 1
        self.ignores_cell = False
        if self.cells > MAX_CELLS or len(table.rows[-1]) >= MAX_COLUMNS:
            self.is_partial = True
            self.ignores_cell = True
            return
        columns, rows = min(max(columns, 1), MAX_COLUMNS), min(max(rows, 1), MAX_SPANNED_ROWS)
        table.rows[-1].append(Cell([], columns, rows, is_header))
        self.cell_is_open[-1] = True
        self.kind, self.level, self.marker = "paragraph", 1, ""

    def set_column_span(self, columns: int) -> None:
        """Set how many columns the open cell spans."""
        if cell := self._open_cell():
            cell.columns = min(max(columns, 1), MAX_COLUMNS)

    def merge_with_cell_above(self) -> None:
        """Merge the open cell with the cell above it."""
        if cell := self._open_cell():
            cell.is_merged_with_above = True

    def mark_header_row(self) -> None:
        """Make the open row a header row if all rows above it are."""
        if self.tables and not self.ignored_tables:
            table = self.tables[-1]
            if table.header_rows == len(table.rows) - 1:
                table.header_rows += 1

    def expect_header(self) -> None:
        """Let the first row become the header row if it looks like one."""
        if self.tables and not self.ignored_tables:
            self.tables[-1].may_have_header = True

    def _open_cell(self) -> Cell | None:
        if not self.tables or self.ignored_tables or not self.cell_is_open[-1]:
            return None
        return self.tables[-1].rows[-1][-1]

    def end_cell(self) -> None:
        self.flush()
        if self.tables and not self.ignored_tables:
            self.cell_is_open[-1] = False

    def end_table(self) -> None:
        if self.ignored_tables:
            self.flush()
            self.ignored_tables -= 1
            return
        if not self.tables:
            return
        self.end_cell()
        table = self.tables.pop()
        self.cell_is_open.pop()
        if table.rows and any(cell.blocks for row in table.rows for cell in row):
            self.add_block(Block("table", table=table))
        self.kind, self.level, self.marker = "paragraph", 1, ""

    def end(self) -> None:
        """Close every open table and block."""
        while self.tables:
            self.end_table()
        self.flush()
