"""Loader for Word documents: headings, numbered lists, tables, text boxes, notes, headers and footers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from documents.extraction.blocks.blocks import Block
from documents.extraction.blocks.builder import BlockBuilder
from documents.extraction.blocks.page_writer import PageWriter
from documents.extraction.errors import UnreadableFile
from documents.extraction.office.charts import chart_blocks
from documents.extraction.office.docx_embedded import BlockWriter, embedded_document
from documents.extraction.office.docx_styles import (
    MAX_DEPTH,
    Numbering,
    Style,
    Styles,
    read_numbering,
    read_styles,
)
from documents.extraction.office.ooxml import Package, is_on
from documents.extraction.pages import Extraction
from documents.extraction.web.xml import Attributes, XMLHandler

# Deleted or moved text, fallbacks for older programs, phonetic guides, settings, and formatting before a tracked change.
IGNORED_ELEMENTS = frozenset(
    (
        *("w:del", "w:moveFrom", "mc:Fallback", "w:rt", "w:sdtPr"),
        *("w:pPrChange", "w:rPrChange", "w:tblPrChange", "w:tblPrExChange", "w:trPrChange", "w:tcPrChange"),
    )
)
CHARACTERS = {"w:tab": " ", "w:ptab": " ", "w:br": "\n", "w:cr": "\n", "w:noBreakHyphen": "-"}
NOTES = {"w:footnoteReference": "footnotes", "w:endnoteReference": "endnotes"}
MAX_NOTES = 20_000
MAX_NOTE_LENGTH = 10_000
# Fields whose value differs from page to page.
PAGE_FIELDS = ("PAGE", "NUMPAGES", "SECTIONPAGES")
NO_STYLE = Style()
Notes = dict[str, dict[str, str]]


def load(path: Path) -> Extraction:
    """Extract the text in pages of similar length, since only a layout engine knows the printed pages."""
    writer = PageWriter()
    with Package(path) as package:
        read_document(package, writer)
        properties = package.properties()
    return writer.extraction(properties.get("title", ""), dict(properties))


def read_document(package: Package, writer: PageWriter, depth: int = 0) -> None:
    """Write the document's blocks. `depth` counts the Word files that embed this one."""
    reader = BodyReader(read_styles(package), read_numbering(package), writer)
    for kind in ("footnotes", "endnotes"):
        reader.notes[kind] = read_notes(package, kind, reader.styles, depth)
    for name, relationship in package.relationships(package.main).items():
        if relationship.kind == "chart":
            reader.charts[name] = chart_blocks(package, relationship.target)
    reader.embedded = embedded_in(package, package.main, depth)
    package.parse_part(package.main, reader)
    reader.finish()
    writer.add(header_footer_blocks(package, reader.styles, writer, depth))
    writer.is_partial |= package.is_damaged


def read_notes(package: Package, kind: str, styles: Styles, depth: int = 0) -> dict[str, str]:
    """The texts of footnotes or endnotes by id."""
    reader = NoteReader(styles, Numbering(), PageWriter())
    part = package.related_part(package.main, kind)
    reader.embedded = embedded_in(package, part, depth) if part else {}
    try:
        package.parse_part(part, reader)
    except UnreadableFile:
        return {}  # the body may still be readable
    return reader.found


def embedded_in(package: Package, part: str, depth: int) -> dict[str, Callable[[], BlockWriter]]:
    """Readers for the documents that a part embeds (altChunk), by relationship id."""
    return {
        name: partial(embedded_document, package, relationship.target, depth)
        for name, relationship in package.relationships(part).items()
        if relationship.kind == "aFChunk"
    }


def header_footer_blocks(package: Package, styles: Styles, writer: PageWriter, depth: int) -> Iterator[Block]:
    """The distinct headers and footers, which may hold a reference number that the body lacks."""
    seen: set[str] = set()
    for relationship in package.relationships(package.main).values():
        if relationship.kind not in ("header", "footer"):
            continue
        reader = BodyReader(styles, Numbering(), PageWriter())
        reader.embedded = embedded_in(package, relationship.target, depth)
        try:
            package.parse_part(relationship.target, reader)
        except UnreadableFile:
            continue
        reader.finish()
        writer.is_partial |= reader.writer.is_partial
        for page in reader.writer.extraction().pages:
            if page.text and page.text not in seen and any(map(str.isalpha, page.text)):
                seen.add(page.text)
                yield Block("paragraph", page.text)


@dataclass
class Paragraph:
    """An open paragraph and its own properties."""

    pieces: list[str] = field(default_factory=list)
    style: Style = field(default_factory=Style)
    level: int = 0
    list_id: str = ""
    depth: int = -1
    after: list[Block] = field(default_factory=list)  # text boxes and notes anchored in it


class BodyReader(XMLHandler):
    """Builds blocks from a document body. Text boxes and notes follow the paragraph that anchors them."""

    def __init__(self, styles: Styles, numbering: Numbering, writer: PageWriter) -> None:
        self.styles = styles
        self.numbering = numbering
        self.writer = writer
        self.notes: Notes = {}
        self.charts: dict[str, list[Block]] = {}
        self.embedded: dict[str, Callable[[], BlockWriter]] = {}
        self.note_count = 0
        self.builders = [BlockBuilder()]
        self.paragraphs: list[Paragraph] = []
        self.runs: list[str] = []  # for each open run: "hidden", "placeholder" or ""
        self.fields: list[str] = []
        self.skipped = 0
        self.is_text = self.is_field_code = self.is_paragraph_mark = False
        self.ends = {
            "w:t": self._end_text,
            "m:t": self._end_text,
            "w:r": self._end_run,
            "w:p": self._end_paragraph,
            "w:pPr": self._end_properties,
            "w:instrText": self._end_field_code,
            "w:fldSimple": self._end_field,
            "w:txbxContent": self._end_text_box,
            "w:tc": self._end_cell,
            "w:tbl": self._end_table,
        }

    def start(self, name: str, attributes: Attributes) -> None:
        if self.skipped or name in IGNORED_ELEMENTS:
            self.skipped += 1
        elif name in ("w:t", "m:t"):
            self.is_text = True
        elif name in CHARACTERS:
            self._add_text(CHARACTERS[name])
        elif name in ("w:p", "w:r", "w:pPr", "w:txbxContent"):
            self._begin(name)
        elif name == "c:chart" and self.paragraphs:
            self.paragraphs[-1].after += self.charts.get(attributes.get("r:id", ""), ())
        elif name == "w:altChunk":
            self._add_embedded(attributes.get("r:id", ""))
        elif name.startswith("w:"):
            value = attributes.get("w:val", "")
            self._property(name, value, attributes)

    def end(self, name: str) -> None:
        if self.skipped:
            self.skipped -= 1
        elif name in self.ends:
            self.ends[name]()

    def text(self, text: str) -> None:
        if self.skipped:
            return
        if self.is_field_code and self.fields:
            self.fields[-1] = (self.fields[-1] + text)[:100]
        elif self.is_text:
            self._add_text(text)

    def finish(self) -> None:
        """Write the remaining blocks, closing whatever a damaged file left open."""
        self.builders[0].end()
        self.writer.add(self.builders[0].pop_blocks())
        self.writer.is_partial |= self.builders[0].is_partial

    def _add_text(self, text: str) -> None:
        if not self.paragraphs:
            return
        state = self.runs[-1] if self.runs else ""
        if state == "hidden":
            self.writer.count_hidden(sum(map(len, text.split())))
        elif not state and not any(field in PAGE_FIELDS for field in self.fields):
            self.paragraphs[-1].pieces.append(text)

    def _begin(self, name: str) -> None:
        if name == "w:p":
            self.paragraphs.append(Paragraph())
        elif name == "w:r":
            is_hidden = bool(self.paragraphs) and self.paragraphs[-1].style.is_hidden
            self.runs.append("hidden" if is_hidden else "")
        elif name == "w:pPr":
            self.is_paragraph_mark = True
        else:
            self.builders.append(BlockBuilder())

    def _property(self, name: str, value: str, attributes: Attributes) -> None:
        if self.runs and name in ("w:vanish", "w:rStyle"):
            self._run_property(name, value, attributes)
        elif self.is_paragraph_mark and self.paragraphs:
            self._paragraph_property(name, value)
        elif name in ("w:fldChar", "w:fldSimple", "w:instrText"):
            self._field(name, attributes)
        elif name in NOTES:
            self._note(NOTES[name], attributes.get("w:id", ""))
        else:
            self._table(name, value, attributes)

    def _run_property(self, name: str, value: str, attributes: Attributes) -> None:
        if name == "w:vanish":
            self.runs[-1] = "hidden" if is_on(attributes) else ""
        elif style := self.styles.get(value):
            if style.name == "placeholder text":  # "Click here to enter text"
                self.runs[-1] = "placeholder"
            elif style.is_hidden:
                self.runs[-1] = "hidden"

    def _paragraph_property(self, name: str, value: str) -> None:
        paragraph = self.paragraphs[-1]
        if name == "w:pStyle":
            paragraph.style = self.styles.get(value, NO_STYLE)
        elif name == "w:outlineLvl" and value.isdecimal() and int(value) < MAX_DEPTH:
            paragraph.level = int(value) + 1
        elif name == "w:numId":
            paragraph.list_id = value
        elif name == "w:ilvl" and value.isdecimal():
            paragraph.depth = min(int(value), MAX_DEPTH - 1)

    def _field(self, name: str, attributes: Attributes) -> None:
        if name == "w:instrText":
            self.is_field_code = True
        elif name == "w:fldSimple":
            self.fields.append(first_word(attributes.get("w:instr", "")))
        else:
            kind = attributes.get("w:fldCharType", "")
            if kind == "begin":
                self.fields.append("")
            elif kind == "separate" and self.fields:
                self.fields[-1] = first_word(self.fields[-1])
            elif kind == "end":
                self._end_field()

    def _end_field(self) -> None:
        if self.fields:
            self.fields.pop()

    def _note(self, kind: str, name: str) -> None:
        text = self.notes.get(kind, {}).get(name)
        if text and self.paragraphs and self.note_count < MAX_NOTES:
            self.note_count += 1
            self._add_text(f"[{self.note_count}]")
            self.paragraphs[-1].after.append(Block("paragraph", f"[{self.note_count}] {text}"))

    def _add_embedded(self, name: str) -> None:
        """Add an embedded document; skip an unreadable one and mark the extraction as partial."""
        try:
            if name not in self.embedded:  # an external target
                raise UnreadableFile("damaged")
            inner = self.embedded[name]()
        except UnreadableFile as error:
            if error.kind == "limit":
                raise
            self.writer.is_partial = True
            return
        self.builders[-1].flush()
        for block in inner.blocks:
            self.builders[-1].add_block(block)
        self.writer.count_hidden(inner.hidden)
        self.writer.is_partial |= inner.is_partial
        self._flush_blocks()

    def _table(self, name: str, value: str, attributes: Attributes) -> None:
        builder = self.builders[-1]
        if name == "w:tbl":
            builder.begin_table()
        elif name == "w:tblLook":
            if attributes.get("w:firstRow") == "1" or _bits(value) & 0x20:
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

    def _end_text(self) -> None:
        self.is_text = False

    def _end_run(self) -> None:
        if self.runs:
            self.runs.pop()

    def _end_properties(self) -> None:
        self.is_paragraph_mark = False

    def _end_field_code(self) -> None:
        self.is_field_code = False

    def _end_cell(self) -> None:
        self.builders[-1].end_cell()

    def _end_table(self) -> None:
        self.builders[-1].end_table()
        self._flush_blocks()

    def _end_paragraph(self) -> None:
        if not self.paragraphs:
            return
        paragraph = self.paragraphs.pop()
        builder = self.builders[-1]
        text = "".join(paragraph.pieces)
        if text.strip() and not paragraph.style.is_table_of_contents:
            builder.begin_block(*self._kind_of(paragraph))
            builder.add_text(text)
        builder.flush()
        for block in paragraph.after:
            builder.add_block(block)
        self._flush_blocks()

    def _kind_of(self, paragraph: Paragraph) -> tuple[str, int, str]:
        style = paragraph.style
        depth = paragraph.depth if paragraph.depth >= 0 else style.depth
        marker = self.numbering.marker(paragraph.list_id or style.list_id, depth)
        if level := paragraph.level or style.level:
            return "heading", level, marker.removeprefix("- ")
        return ("item", depth + 1, marker) if marker else ("paragraph", 1, "")

    def _end_text_box(self) -> None:
        if len(self.builders) == 1:
            return
        inner = self.builders.pop()
        inner.end()
        if self.paragraphs:
            self.paragraphs[-1].after += inner.pop_blocks()

    def _flush_blocks(self) -> None:
        """Write finished blocks at once, so that a long document is not held in memory twice."""
        if len(self.builders) == 1 and not self.builders[0].is_in_table and not self.paragraphs:
            self.writer.add(self.builders[0].pop_blocks())


class NoteReader(BodyReader):
    """Collects the text of each note by its id."""

    def __init__(self, styles: Styles, numbering: Numbering, writer: PageWriter) -> None:
        super().__init__(styles, numbering, writer)
        self.found: dict[str, str] = {}
        self.id = ""

    def start(self, name: str, attributes: Attributes) -> None:
        if name in ("w:footnote", "w:endnote"):
            is_text = attributes.get("w:type", "normal") == "normal"
            self.id = attributes.get("w:id", "") if is_text else ""
        super().start(name, attributes)

    def end(self, name: str) -> None:
        super().end(name)
        if name in ("w:footnote", "w:endnote"):
            self.id = ""

    def _flush_blocks(self) -> None:
        if self.builders[0].is_in_table or self.paragraphs:
            return
        text = " ".join(block.text for block in self.builders[0].pop_blocks())
        if text and self.id and len(self.found) < MAX_NOTES:
            existing = self.found.get(self.id, "")
            self.found[self.id] = f"{existing} {text}".strip()[:MAX_NOTE_LENGTH]


def first_word(code: str) -> str:
    return (code.split(None, 1) or [""])[0].upper()


def _bits(value: str) -> int:
    try:
        return int(value, 16)
    except ValueError:
        return 0
