"""Read the tables of a Word document."""

from documents.extraction.blocks.builder import BlockBuilder
from documents.extraction.office.ooxml import is_on
from documents.extraction.web.xml import Attributes

HAS_HEADER_ROW = 0x20  # in the bits of w:tblLook


def start_table_element(builder: BlockBuilder, name: str, attributes: Attributes) -> None:
    """Pass the start of a table, row or cell, or one of their properties, to the builder; ignore other elements."""
    value = attributes.get("w:val", "")
    if name == "w:tbl":
        builder.begin_table()
    elif name == "w:tblLook":
        if attributes.get("w:firstRow") == "1" or _bits(value) & HAS_HEADER_ROW:
            builder.expect_header()
    elif name == "w:tr":
        builder.begin_row()
    elif name == "w:tblHeader" and is_on(attributes):
        builder.mark_header_row()
    elif name == "w:tc":
        builder.begin_cell()
    elif name == "w:gridSpan" and value.isdecimal():
        builder.set_column_span(int(value[:5]))
    elif name == "w:vMerge" and value in ("", "continue"):
        builder.merge_with_cell_above()


def _bits(value: str) -> int:
    try:
        return int(value, 16)
    except ValueError:
        return 0
