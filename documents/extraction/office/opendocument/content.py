"""Build blocks from the content of an OpenDocument file."""

import re
from collections.abc import Callable

from documents.extraction.blocks.blocks import Block
from documents.extraction.blocks.builder import BlockBuilder
from documents.extraction.blocks.page_writer import PageWriter
from documents.extraction.office.opendocument.lists import OpenLists
from documents.extraction.office.opendocument.sheets import SheetReader
from documents.extraction.office.opendocument.styles import OpenStyles
from documents.extraction.office.opendocument.tables import TABLE_ELEMENTS, TableReader
from documents.extraction.web.xml import Attributes, XMLHandler

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
NOTES = "Notes: "


class Paragraph:
    """An open paragraph, and the text boxes and notes anchored in it."""

    def __init__(self, kind: str = "paragraph", level: int = 1, marker: str = "") -> None:
        self.begin = (kind, level, marker)
        self.pieces: list[str] = []
        self.after: list[Block] = []


class ContentReader(XMLHandler):
    """Reads content.xml into a writer. Text boxes and notes follow the paragraph that anchors them."""

    def __init__(self, styles: OpenStyles, writer: PageWriter) -> None:
        self.styles = styles
        self.writer = writer
        self.mode = ""
        self.builders = [BlockBuilder()]
        self.paragraphs: list[Paragraph] = []
        self.lists = OpenLists(styles)
        self.marker = ""
        self.tables = TableReader(self.builders)
        self.sheets = SheetReader(writer)
        self.hidden_sheets: list[str] = []
        self.is_title = self.has_title = self.is_note_page = False
        self.skipped = self.hidden = self.notes = self.slides = 0

    def start(self, name: str, attributes: Attributes) -> None:
        if self.skipped or name in IGNORED_ELEMENTS:
            self.skipped += 1
        elif self.hidden:
            self.hidden += 1
        elif self._is_hidden(attributes):
            self._hide(name, attributes)
        elif name in CHARACTERS:
            self.text(CHARACTERS[name])
        elif name in self.STARTS:
            self.STARTS[name](self, attributes)
        elif name in TABLE_ELEMENTS:
            (self.sheets if self.is_sheet else self.tables).start(name, attributes)
        elif name in ("office:text", "office:spreadsheet", "office:presentation"):
            self.mode = name.removeprefix("office:")

    def end(self, name: str) -> None:
        if self.skipped:
            self.skipped -= 1
        elif self.hidden:
            self.hidden -= 1
        elif name in self.ENDS:
            self.ENDS[name](self)
        elif name in TABLE_ELEMENTS and self.is_sheet:
            self.sheets.end(name)
        elif name in TABLE_ELEMENTS:
            self.tables.end(name)
            if name == "table:table":
                self._flush_blocks()

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
        if name == "table:table" and self.is_sheet and not self.sheets.name:
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
        if self.sheets.cell is not None and len(self.builders) == 1 and not self.paragraphs:
            self.sheets.cell.append(text)
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

    def _flush_blocks(self) -> None:
        if len(self.builders) == 1 and not self.builders[0].is_in_table and not self.paragraphs:
            self.writer.add(self.builders[0].pop_blocks())

    STARTS: dict[str, Callable[["ContentReader", Attributes], None]] = {
        "text:p": _paragraph,
        "text:h": _heading,
        "text:list": _list,
        "text:list-item": _item,
        "text:note": _note,
        "draw:text-box": _text_box,
        "draw:page": _page,
        "draw:frame": _frame,
        "presentation:notes": _note_page,
    }
    ENDS: dict[str, Callable[["ContentReader"], None]] = {
        "text:p": _end_paragraph,
        "text:h": _end_paragraph,
        "text:list": _end_list,
        "text:note": _end_nested,
        "draw:text-box": _end_nested,
        "draw:frame": _end_frame,
        "presentation:notes": _end_note_page,
    }
