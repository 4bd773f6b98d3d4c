"""Loader for OpenDocument texts, presentations and spreadsheets."""

import re
from pathlib import Path

from documents.extraction.blocks.blocks import Block
from documents.extraction.blocks.builder import MAX_COLUMNS, BlockBuilder
from documents.extraction.blocks.page_writer import PageWriter
from documents.extraction.blocks.sheets import MAX_CELLS, SheetWriter
from documents.extraction.blocks.tables import Cells
from documents.extraction.errors import UnreadableFile
from documents.extraction.office.opendocument_lists import OpenLists
from documents.extraction.office.opendocument_styles import OpenStyles, StyleReader
from documents.extraction.office.properties import PropertyReader
from documents.extraction.pages import Extraction
from documents.extraction.web.xml import Attributes, XMLHandler, parse
from documents.extraction.zip_guard import Archive

# Deleted text, text about the document, and repeated text.
IGNORED_ELEMENTS = frozenset(
    f"text:{name}"
    for name in (
        *("tracked-changes", "note-citation", "ruby-text", "page-number", "page-count", "sequence-decls"),
        *("table-of-content", "illustration-index", "table-index", "object-index"),
    )
) | {
    "office:annotation",
    "office:forms",
    "office:event-listeners",
    "office:scripts",
    "presentation:date-time",
}
CHARACTERS = {"text:tab": " ", "text:line-break": "\n", "text:s": " "}
MAX_REPEATED_ROWS = 100
NOTES = "Notes: "
META = {
    "dc:title": "title",
    "dc:subject": "subject",
    "dc:language": "language",
    "meta:initial-creator": "author",
    "meta:creation-date": "creationdate",
}


def load(path: Path) -> Extraction:
    """Extract the text in pages, one page per slide, or pages of rows for each visible sheet."""
    with Archive(path) as archive:
        reject_encrypted(archive)
        styles = OpenStyles()
        for part in ("styles.xml", "content.xml"):
            if part in archive:
                parse(archive.pieces(part), StyleReader(styles))
        writer = PageWriter()
        reader = ContentReader(styles, writer)
        parse(archive.pieces("content.xml"), reader)
        reader.finish()
        if reader.mode == "text":
            writer.add(Block("paragraph", text) for text in styles.headers_footers)
        properties: dict[str, object] = dict(read_properties(archive))
    if reader.hidden_sheets:
        properties["hidden_sheets"] = reader.hidden_sheets[:100]
    return writer.extraction(str(properties.get("title", "")), properties)


def reject_encrypted(archive: Archive) -> None:
    reader = ManifestReader()
    if "META-INF/manifest.xml" in archive:
        parse(archive.pieces("META-INF/manifest.xml"), reader)
    if reader.is_encrypted:
        raise UnreadableFile("unsupported", format="locked")


def read_properties(archive: Archive) -> dict[str, str]:
    reader = PropertyReader(META)
    try:
        if "meta.xml" in archive:
            parse(archive.pieces("meta.xml"), reader)
    except UnreadableFile:
        return {}
    return reader.found


class ManifestReader(XMLHandler):
    is_encrypted = False

    def start(self, name: str, attributes: Attributes) -> None:
        self.is_encrypted |= name == "manifest:encryption-data"


class Paragraph:
    """An open paragraph, and the text boxes and notes anchored in it."""

    def __init__(self, kind: str = "paragraph", level: int = 1, marker: str = "") -> None:
        self.begin = (kind, level, marker)
        self.pieces: list[str] = []
        self.after: list[Block] = []


class ContentReader(XMLHandler):
    """Builds blocks from content.xml. Text boxes and notes follow the paragraph that anchors them."""

    def __init__(self, styles: OpenStyles, writer: PageWriter) -> None:
        self.styles = styles
        self.writer = writer
        self.sheets = SheetWriter(writer)
        self.mode = ""
        self.builders = [BlockBuilder()]
        self.paragraphs: list[Paragraph] = []
        self.lists = OpenLists(styles)
        self.marker = ""
        self.is_title = self.has_title = self.is_note_page = self.is_header_row = False
        self.skipped = self.hidden = self.notes = 0
        self.rows: list[Cells] = []
        self.row: Cells = {}
        self.cell: list[str] | None = None
        self.value = ""
        self.sheet, self.column, self.repeat_count, self.row_repeat_count = "", 0, 1, 1
        self.hidden_sheets: list[str] = []
        self.slides = 0
        self.cells = 0
        self.starts = {
            "text:p": self._paragraph,
            "text:h": self._heading,
            "text:list": self._list,
            "text:list-item": self._item,
            "text:note": self._note,
            "draw:text-box": self._text_box,
            "draw:page": self._page,
            "draw:frame": self._frame,
            "presentation:notes": self._note_page,
            "table:table": self._table,
            "table:table-header-rows": self._header_rows,
            "table:table-row": self._row,
            "table:table-cell": self._cell,
            "table:covered-table-cell": self._covered_cell,
        }
        self.ends = {
            "text:p": self._end_paragraph,
            "text:h": self._end_paragraph,
            "text:list": self._end_list,
            "text:note": self._end_nested,
            "draw:text-box": self._end_nested,
            "draw:frame": self._end_frame,
            "presentation:notes": self._end_note_page,
            "table:table": self._end_table,
            "table:table-header-rows": self._end_header_rows,
            "table:table-row": self._end_row,
            "table:table-cell": self._end_cell,
            "table:covered-table-cell": self._end_covered_cell,
        }

    def start(self, name: str, attributes: Attributes) -> None:
        if self.skipped or name in IGNORED_ELEMENTS:
            self.skipped += 1
        elif self.hidden:
            self.hidden += 1
        elif self._is_hidden(attributes):
            self._hide(name, attributes)
        elif name in CHARACTERS:
            self.text(CHARACTERS[name])
        elif name in self.starts:
            self.starts[name](attributes)
        elif name in ("office:text", "office:spreadsheet", "office:presentation"):
            self.mode = name.removeprefix("office:")

    def end(self, name: str) -> None:
        if self.skipped:
            self.skipped -= 1
        elif self.hidden:
            self.hidden -= 1
        elif name in self.ends:
            self.ends[name]()

    def text(self, text: str) -> None:
        if self.skipped:
            return
        if self.hidden:
            self.writer.count_hidden(sum(map(len, text.split())))
        elif self.paragraphs:
            self.paragraphs[-1].pieces.append(text if text == "\n" else text.replace("\n", " "))

    def finish(self) -> None:
        self.builders[0].end()
        self.writer.add(self.builders[0].pop_blocks())
        self.writer.is_partial |= self.builders[0].is_partial

    @property
    def is_sheet(self) -> bool:
        return self.mode == "spreadsheet"

    def _is_hidden(self, attributes: Attributes) -> bool:
        if attributes.get("text:is-hidden") == "true":
            return True
        names = (attributes.get(f"{prefix}:style-name") for prefix in ("text", "table", "draw"))
        return any(name in self.styles.hidden for name in names if name)

    def _hide(self, name: str, attributes: Attributes) -> None:
        """Record a hidden sheet by name, a hidden slide by number, and other hidden text by its length."""
        if name == "table:table" and self.is_sheet and not self.sheet:
            self.hidden_sheets.append(attributes.get("table:name", "")[:100])
            self.skipped += 1
            return
        if name == "draw:page":
            self._page(attributes)
            self.writer.mark_hidden_slide(0)
        self.hidden += 1

    def _paragraph(self, attributes: Attributes) -> None:
        self.marker = self.lists.pop_marker() or self.marker
        is_title = self.mode == "text" and attributes.get("text:style-name") in self.styles.titles
        if is_title or (self.is_title and not self.has_title):
            self.paragraphs.append(Paragraph("heading"))
        else:
            kind = "item" if self.lists.depth else "paragraph"
            self.paragraphs.append(Paragraph(kind, max(1, self.lists.depth), self.marker))
        self.marker = ""

    def _heading(self, attributes: Attributes) -> None:
        level = attributes.get("text:outline-level", "1")
        self.paragraphs.append(Paragraph("heading", int(level) if re.fullmatch("[1-9]", level) else 9))
        self.marker, self.lists.is_new_item = "", False

    def _end_paragraph(self) -> None:
        if not self.paragraphs:
            return
        paragraph = self.paragraphs.pop()
        text = "".join(paragraph.pieces)
        if self.cell is not None and len(self.builders) == 1 and not self.paragraphs:
            self.cell.append(text)
            return
        builder = self.builders[-1]
        if text.strip():
            kind, level, marker = paragraph.begin
            if self.is_note_page and kind != "heading":
                marker, self.is_note_page = NOTES, False
            self.has_title |= self.is_title
            builder.begin_block(kind, level, marker)
            builder.add_text(text)
        builder.flush()
        for block in paragraph.after:
            builder.add_block(block)
        self._flush_blocks()

    def _list(self, attributes: Attributes) -> None:
        self.lists.begin(attributes)

    def _item(self, attributes: Attributes) -> None:
        self.lists.begin_item(attributes)

    def _end_list(self) -> None:
        self.lists.end()
        self.marker = ""

    def _note(self, attributes: Attributes) -> None:
        self.notes += 1
        self.text(f"[{self.notes}]")
        self.builders.append(BlockBuilder())
        self.marker = f"[{self.notes}] "

    def _text_box(self, attributes: Attributes) -> None:
        self.builders.append(BlockBuilder())

    def _end_nested(self) -> None:
        if len(self.builders) == 1:
            return
        inner = self.builders.pop()
        inner.end()
        blocks = inner.pop_blocks()
        if self.paragraphs:
            self.paragraphs[-1].after += blocks
        else:
            for block in blocks:
                self.builders[-1].add_block(block)

    def _page(self, attributes: Attributes) -> None:
        self._flush_page()
        self.slides += 1
        self.writer.begin_page(str(self.slides))
        self.has_title = False

    def _flush_page(self) -> None:
        self.writer.add(self.builders[0].pop_blocks())

    def _frame(self, attributes: Attributes) -> None:
        if attributes.get("presentation:class") == "title":
            self.is_title = True

    def _end_frame(self) -> None:
        self.is_title = False

    def _note_page(self, attributes: Attributes) -> None:
        self.is_note_page = True

    def _end_note_page(self) -> None:
        self.is_note_page = False

    def _table(self, attributes: Attributes) -> None:
        if self.is_sheet and not self.sheet:
            self.sheet, self.rows = attributes.get("table:name") or " ", []
        elif not self.is_sheet:
            self.builders[-1].begin_table()

    def _end_table(self) -> None:
        if not self.is_sheet:
            self.builders[-1].end_table()
            self._flush_blocks()
        elif self.sheet:
            self.sheets.write(self.rows, self.sheet.strip())
            self.sheet, self.rows = "", []

    def _header_rows(self, attributes: Attributes) -> None:
        self.is_header_row = True

    def _end_header_rows(self) -> None:
        self.is_header_row = False

    def _row(self, attributes: Attributes) -> None:
        self.row, self.column = {}, 0
        self.row_repeat_count = repeat_count(attributes, "table:number-rows-repeated", MAX_REPEATED_ROWS)
        if not self.is_sheet:
            self.builders[-1].begin_row(self.is_header_row)

    def _end_row(self) -> None:
        if not self.is_sheet:
            return
        times = self.row_repeat_count if self.row else 1
        self.cells += times * len(self.row)
        if self.cells <= MAX_CELLS:
            self.rows += [self.row] * times
        else:
            self.writer.is_partial = True

    def _cell(self, attributes: Attributes) -> None:
        if self.is_sheet:
            self.cell, self.value = [], cell_value(attributes)
            self.repeat_count = repeat_count(attributes, "table:number-columns-repeated", 20_000)
        else:
            columns = repeat_count(attributes, "table:number-columns-spanned", MAX_COLUMNS)
            self.builders[-1].begin_cell(
                columns, repeat_count(attributes, "table:number-rows-spanned", 1_000)
            )

    def _end_cell(self) -> None:
        if not self.is_sheet:
            self.builders[-1].end_cell()
            return
        text = " ".join(" ".join(self.cell or [self.value]).split())
        if text:
            for column in range(self.column, min(self.column + self.repeat_count, MAX_COLUMNS)):
                self.row[column] = text
        self.column += self.repeat_count
        self.cell = None

    def _covered_cell(self, attributes: Attributes) -> None:
        self.repeat_count = repeat_count(attributes, "table:number-columns-repeated", 20_000)

    def _end_covered_cell(self) -> None:
        self.column += self.repeat_count

    def _flush_blocks(self) -> None:
        if len(self.builders) == 1 and not self.builders[0].is_in_table and not self.paragraphs:
            self.writer.add(self.builders[0].pop_blocks())


def repeat_count(attributes: Attributes, name: str, maximum: int) -> int:
    value = attributes.get(name, "1")
    return min(max(int(value), 1), maximum) if value.isdecimal() and len(value) < 10 else 1


def cell_value(attributes: Attributes) -> str:
    """The raw value of a cell whose displayed text is missing."""
    kind = attributes.get("office:value-type", "")
    if kind in ("date", "time", "boolean", "string"):
        return attributes.get(f"office:{kind}-value", "")
    value = attributes.get("office:value", "")
    return f"{value} {attributes.get('office:currency', '')}".strip()
