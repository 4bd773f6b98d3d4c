"""Read the tables of an OpenDocument text or presentation."""

from documents.extraction.blocks.builder import MAX_COLUMNS, BlockBuilder
from documents.extraction.web.xml import Attributes

MAX_SPANNED_ROWS = 1_000
TABLE_ELEMENTS = frozenset(
    f"table:{name}"
    for name in ("table", "table-header-rows", "table-row", "table-cell", "covered-table-cell")
)


class TableReader:
    """Passes tables to the innermost of the builders, a list that its owner changes."""

    def __init__(self, builders: list[BlockBuilder]) -> None:
        self.builders = builders
        self.is_header_row = False

    def start(self, name: str, attributes: Attributes) -> None:
        """Read the start of one of TABLE_ELEMENTS."""
        builder = self.builders[-1]
        if name == "table:table":
            builder.begin_table()
        elif name == "table:table-header-rows":
            self.is_header_row = True
        elif name == "table:table-row":
            builder.begin_row(self.is_header_row)
        elif name == "table:table-cell":
            columns = repeat_count(attributes, "table:number-columns-spanned", MAX_COLUMNS)
            rows = repeat_count(attributes, "table:number-rows-spanned", MAX_SPANNED_ROWS)
            builder.begin_cell(columns, rows)

    def end(self, name: str) -> None:
        if name == "table:table":
            self.builders[-1].end_table()
        elif name == "table:table-header-rows":
            self.is_header_row = False
        elif name == "table:table-cell":
            self.builders[-1].end_cell()


def repeat_count(attributes: Attributes, name: str, maximum: int) -> int:
    """How often or how far an element repeats or spans: 1 unless the attribute says so, at most the maximum."""
    value = attributes.get(name, "1")
    return min(max(int(value), 1), maximum) if value.isdecimal() and len(value) < 10 else 1
