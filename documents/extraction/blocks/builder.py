"""From the running text of a marked-up document to its blocks: what HTML, Word, OpenDocument and slides have in common."""

from documents.extraction.blocks.blocks import Block, Cell, Table, tidy, tidy_code

MAX_CELLS = 300_000  # of a document; sheets, which are read without a picture of the whole, may have more
MAX_COLUMNS = 1_000  # of a row; what stands further right is left out
MAX_SPANNED_ROWS = 1_000
MAX_TABLE_DEPTH = 12  # tables deeper than that are read as part of the cell they stand in


class Collector:
    """Told of text and of the beginnings and ends of things, it keeps the blocks. Wrong order does it no harm."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.tables: list[Table] = []
        self.cell_is_open: list[bool] = []
        self.ignored_tables = 0
        self.is_ignoring = False  # the cell that is open is over the limits
        self.cells = 0
        self.is_partial = False
        self.kind, self.level, self.mark = "paragraph", 1, ""
        self.pieces: list[str] = []
        self.links = 0
        self.is_link = False
        self.is_code = False  # what comes now is to keep its shape

    def text(self, text: str) -> None:
        self.pieces.append(text)
        if self.is_link:
            self.links += len(text.strip())

    def begin(self, kind: str, level: int = 1, mark: str = "") -> None:
        """What comes now is a block of that kind; `mark` stands before its text."""
        self.flush()
        self.kind, self.level, self.mark = kind, level, mark

    def flush(self) -> None:
        """The block ends here; the next is of the same kind unless begun otherwise, and without the mark."""
        if not self.pieces:
            return
        text = (tidy_code if self.is_code else tidy)("".join(self.pieces))
        links = self.links
        self.pieces, self.links = [], 0
        if text:
            self.put(Block(self.kind, self.mark + text, self.level, links))
            self.mark = ""

    def put(self, block: Block) -> None:
        if self.is_ignoring and self.tables:
            return
        if self.tables and self.cell_is_open[-1]:
            self.tables[-1].rows[-1][-1].blocks.append(block)
        else:
            self.blocks.append(block)

    def take(self) -> list[Block]:
        """The blocks that are finished, once."""
        self.flush()
        taken, self.blocks = self.blocks, []
        return taken

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

    def begin_cell(self, columns: int = 1, rows: int = 1, is_name: bool = False) -> None:
        if not self.tables or self.ignored_tables:
            return
        self.end_cell()
        table = self.tables[-1]
        if not table.rows:
            table.rows.append([])
        self.cells += 1
        self.is_ignoring = False
        if self.cells > MAX_CELLS or len(table.rows[-1]) >= MAX_COLUMNS:
            self.is_partial = True
            self.is_ignoring = True
            return
        columns, rows = min(max(columns, 1), MAX_COLUMNS), min(max(rows, 1), MAX_SPANNED_ROWS)
        table.rows[-1].append(Cell([], columns, rows, is_name))
        self.cell_is_open[-1] = True
        self.kind, self.level, self.mark = "paragraph", 1, ""

    def widen_cell(self, columns: int) -> None:
        """The open cell reaches over so many columns."""
        if cell := self._open_cell():
            cell.columns = min(max(columns, 1), MAX_COLUMNS)

    def continue_cell(self) -> None:
        """The open cell is part of the one above it."""
        if cell := self._open_cell():
            cell.is_continued = True

    def name_row(self) -> None:
        """The open row names the columns, if all those above it do."""
        if self.tables and not self.ignored_tables:
            table = self.tables[-1]
            if table.header_rows == len(table.rows) - 1:
                table.header_rows += 1

    def expect_names(self) -> None:
        """The first row may name the columns, if it looks like it."""
        if self.tables and not self.ignored_tables:
            self.tables[-1].may_have_names = True

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
            self.put(Block("table", table=table))
        self.kind, self.level, self.mark = "paragraph", 1, ""

    def end(self) -> None:
        """Close what was left open."""
        while self.tables:
            self.end_table()
        self.flush()
