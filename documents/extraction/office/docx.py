"""Word documents: paragraphs with their headings and numbers, tables, text boxes, notes, and what runs along the pages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from documents.extraction.blocks.blocks import Block, PageWriter
from documents.extraction.blocks.builder import Collector
from documents.extraction.errors import UnreadableFile
from documents.extraction.office.charts import chart_blocks
from documents.extraction.office.docx_parts import BlockWriter, embedded_document
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
from documents.extraction.web.xml import Attributes, Events

# Deleted or moved away, said a second time for older programs, read out beside the text, kept for the program, or how
# it looked before a change that is tracked.
LEFT_OUT = frozenset(
    (
        *("w:del", "w:moveFrom", "mc:Fallback", "w:rt", "w:sdtPr"),
        *("w:pPrChange", "w:rPrChange", "w:tblPrChange", "w:tblPrExChange", "w:trPrChange", "w:tcPrChange"),
    )
)
CHARACTERS = {"w:tab": " ", "w:ptab": " ", "w:br": "\n", "w:cr": "\n", "w:noBreakHyphen": "-"}
NOTES = {"w:footnoteReference": "footnotes", "w:endnoteReference": "endnotes"}
MAX_NOTES = 20_000
MAX_NOTE_LENGTH = 10_000
# What these fields show changes from page to page.
PAGE_FIELDS = ("PAGE", "NUMPAGES", "SECTIONPAGES")
NO_STYLE = Style()
Notes = dict[str, dict[str, str]]


def load(path: Path) -> Extraction:
    """The document's text in pages of some length: where its printed pages end only a printer knows."""
    writer = PageWriter()
    with Package(path) as package:
        read_document(package, writer)
        properties = package.properties()
    return writer.extraction(properties.get("title", ""), dict(properties))


def read_document(package: Package, writer: PageWriter, depth: int = 0) -> None:
    """Hands its blocks to the writer. `depth`: in how many other Word files it stands."""
    reader = Reader(read_styles(package), read_numbering(package), writer)
    for kind in ("footnotes", "endnotes"):
        reader.notes[kind] = read_notes(package, kind, reader.styles, depth)
    for name, relation in package.relations(package.main).items():
        if relation.kind == "chart":
            reader.charts[name] = chart_blocks(package, relation.target)
    reader.embedded = embedded_in(package, package.main, depth)
    package.follow(package.main, reader)
    reader.finish()
    writer.add(margins(package, reader.styles, writer, depth))
    writer.is_partial |= package.is_damaged


def read_notes(package: Package, kind: str, styles: Styles, depth: int = 0) -> dict[str, str]:
    """The texts of the foot- or endnotes by their ids."""
    reader = NoteReader(styles, Numbering(), PageWriter())
    part = package.related(package.main, kind)
    reader.embedded = embedded_in(package, part, depth) if part else {}
    try:
        package.follow(part, reader)
    except UnreadableFile:
        return {}  # the text itself may be whole
    return reader.found


def embedded_in(package: Package, part: str, depth: int) -> dict[str, Callable[[], BlockWriter]]:
    """What reads each document that the part holds as it came, by the ids that it uses for them."""
    return {
        name: partial(embedded_document, package, relation.target, depth)
        for name, relation in package.relations(part).items()
        if relation.kind == "aFChunk"
    }


def margins(package: Package, styles: Styles, writer: PageWriter, depth: int) -> Iterator[Block]:
    """What headers and footers say, once each, behind everything: a reference number may stand nowhere else."""
    said: set[str] = set()
    for relation in package.relations(package.main).values():
        if relation.kind not in ("header", "footer"):
            continue
        reader = Reader(styles, Numbering(), PageWriter())
        reader.embedded = embedded_in(package, relation.target, depth)
        try:
            package.follow(relation.target, reader)
        except UnreadableFile:
            continue
        reader.finish()
        writer.is_partial |= reader.writer.is_partial
        for page in reader.writer.extraction().pages:
            if page.text and page.text not in said and any(map(str.isalpha, page.text)):
                said.add(page.text)
                yield Block("paragraph", page.text)


@dataclass
class Paragraph:
    """A paragraph under way, with what its own properties say."""

    pieces: list[str] = field(default_factory=list)
    style: Style = field(default_factory=Style)
    level: int = 0
    list_id: str = ""
    depth: int = -1
    after: list[Block] = field(default_factory=list)  # text boxes and notes that hang on it


class Reader(Events):
    """Follows the body; a text box inside a paragraph is collected apart and comes behind it."""

    def __init__(self, styles: Styles, numbering: Numbering, writer: PageWriter) -> None:
        self.styles = styles
        self.numbering = numbering
        self.writer = writer
        self.notes: Notes = {}
        self.charts: dict[str, list[Block]] = {}
        self.embedded: dict[str, Callable[[], BlockWriter]] = {}
        self.notes_said = 0
        self.collectors = [Collector()]
        self.paragraphs: list[Paragraph] = []
        self.runs: list[str] = []  # "hidden", "silent" or "" for each run that is open
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
        if self.skipped or name in LEFT_OUT:
            self.skipped += 1
        elif name in ("w:t", "m:t"):
            self.is_text = True
        elif name in CHARACTERS:
            self._say(CHARACTERS[name])
        elif name in ("w:p", "w:r", "w:pPr", "w:txbxContent"):
            self._begin(name)
        elif name == "c:chart" and self.paragraphs:
            self.paragraphs[-1].after += self.charts.get(attributes.get("r:id", ""), ())
        elif name == "w:altChunk":
            self._embed(attributes.get("r:id", ""))
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
            self._say(text)

    def finish(self) -> None:
        """Hand over what is left; a file that ends well has closed everything."""
        self.collectors[0].end()
        self.writer.add(self.collectors[0].take())
        self.writer.is_partial |= self.collectors[0].is_partial

    def _say(self, text: str) -> None:
        if not self.paragraphs:
            return
        state = self.runs[-1] if self.runs else ""
        if state == "hidden":
            self.writer.hide(sum(map(len, text.split())))
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
            self.collectors.append(Collector())

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
                self.runs[-1] = "silent"
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
        if text and self.paragraphs and self.notes_said < MAX_NOTES:
            self.notes_said += 1
            self._say(f"[{self.notes_said}]")
            self.paragraphs[-1].after.append(Block("paragraph", f"[{self.notes_said}] {text}"))

    def _embed(self, name: str) -> None:
        """What stands there is a document of its own; one that cannot be read leaves a gap."""
        try:
            if name not in self.embedded:  # it stands outside the file
                raise UnreadableFile("damaged")
            inner = self.embedded[name]()
        except UnreadableFile as error:
            if error.kind == "limit":
                raise
            self.writer.is_partial = True
            return
        self.collectors[-1].flush()
        for block in inner.blocks:
            self.collectors[-1].put(block)
        self.writer.hide(inner.hidden)
        self.writer.is_partial |= inner.is_partial
        self._hand_over()

    def _table(self, name: str, value: str, attributes: Attributes) -> None:
        collector = self.collectors[-1]
        if name == "w:tbl":
            collector.begin_table()
        elif name == "w:tblLook":
            if attributes.get("w:firstRow") == "1" or _bits(value) & 0x20:
                collector.expect_names()
        elif name == "w:tr":
            collector.begin_row()
        elif name == "w:tblHeader" and is_on(attributes):
            collector.name_row()
        elif name == "w:tc":
            collector.begin_cell()
        elif name == "w:gridSpan" and value.isdecimal():
            collector.widen_cell(int(value[:5]))
        elif name == "w:vMerge" and value in ("", "continue"):
            collector.continue_cell()

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
        self.collectors[-1].end_cell()

    def _end_table(self) -> None:
        self.collectors[-1].end_table()
        self._hand_over()

    def _end_paragraph(self) -> None:
        if not self.paragraphs:
            return
        paragraph = self.paragraphs.pop()
        collector = self.collectors[-1]
        text = "".join(paragraph.pieces)
        if text.strip() and not paragraph.style.is_contents:
            collector.begin(*self._kind_of(paragraph))
            collector.text(text)
        collector.flush()
        for block in paragraph.after:
            collector.put(block)
        self._hand_over()

    def _kind_of(self, paragraph: Paragraph) -> tuple[str, int, str]:
        style = paragraph.style
        depth = paragraph.depth if paragraph.depth >= 0 else style.depth
        mark = self.numbering.mark(paragraph.list_id or style.list_id, depth)
        if level := paragraph.level or style.level:
            return "heading", level, mark.removeprefix("- ")
        return ("item", depth + 1, mark) if mark else ("paragraph", 1, "")

    def _end_text_box(self) -> None:
        if len(self.collectors) == 1:
            return
        inner = self.collectors.pop()
        inner.end()
        if self.paragraphs:
            self.paragraphs[-1].after += inner.take()

    def _hand_over(self) -> None:
        """Whole blocks go to their page as they come: a long document is never held twice."""
        if len(self.collectors) == 1 and not self.collectors[0].is_in_table and not self.paragraphs:
            self.writer.add(self.collectors[0].take())


class NoteReader(Reader):
    """Each note by itself."""

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

    def _hand_over(self) -> None:
        if self.collectors[0].is_in_table or self.paragraphs:
            return
        text = " ".join(block.text for block in self.collectors[0].take())
        if text and self.id and len(self.found) < MAX_NOTES:
            so_far = self.found.get(self.id, "")
            self.found[self.id] = f"{so_far} {text}".strip()[:MAX_NOTE_LENGTH]


def first_word(code: str) -> str:
    return (code.split(None, 1) or [""])[0].upper()


def _bits(value: str) -> int:
    try:
        return int(value, 16)
    except ValueError:
        return 0
