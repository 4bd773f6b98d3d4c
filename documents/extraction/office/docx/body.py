"""Build blocks from the body of a Word document, a note, a header or a footer."""

from collections.abc import Callable

from documents.extraction.blocks.blocks import Block
from documents.extraction.blocks.builder import BlockBuilder
from documents.extraction.blocks.page_writer import PageWriter
from documents.extraction.errors import UnreadableFile
from documents.extraction.office.docx.embedded import BlockWriter
from documents.extraction.office.docx.fields import FIELD_ELEMENTS, Fields
from documents.extraction.office.docx.numbering import Numbering
from documents.extraction.office.docx.paragraph import Paragraph
from documents.extraction.office.docx.styles import Styles
from documents.extraction.office.docx.tables import start_table_element
from documents.extraction.office.ooxml import is_on
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


class BodyReader(XMLHandler):
    """Reads a part into a writer. Text boxes and notes follow the paragraph that anchors them."""

    def __init__(self, styles: Styles, numbering: Numbering, writer: PageWriter) -> None:
        self.styles = styles
        self.numbering = numbering
        self.writer = writer
        self.notes: dict[str, dict[str, str]] = {}  # the texts by kind and id
        self.charts: dict[str, list[Block]] = {}
        self.embedded: dict[str, Callable[[], BlockWriter]] = {}
        self.note_count = 0
        self.builders = [BlockBuilder()]
        self.paragraphs: list[Paragraph] = []
        self.runs: list[str] = []  # for each open run: "hidden", "placeholder" or ""
        self.fields = Fields()
        self.skipped = 0
        self.is_text = self.is_paragraph_mark = False
        self.ends = {
            "w:t": self._end_text,
            "m:t": self._end_text,
            "w:r": self._end_run,
            "w:p": self._end_paragraph,
            "w:pPr": self._end_properties,
            "w:instrText": self.fields.end_code,
            "w:fldSimple": self.fields.end,
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
            self._property(name, attributes)

    def end(self, name: str) -> None:
        if self.skipped:
            self.skipped -= 1
        elif name in self.ends:
            self.ends[name]()

    def text(self, text: str) -> None:
        if self.skipped:
            return
        if self.fields.is_in_code:
            self.fields.add_code(text)
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
        elif not state and not self.fields.is_page_number:
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

    def _property(self, name: str, attributes: Attributes) -> None:
        if self.runs and name in ("w:vanish", "w:rStyle"):
            self._run_property(name, attributes)
        elif self.is_paragraph_mark and self.paragraphs:
            self.paragraphs[-1].set_property(name, attributes.get("w:val", ""), self.styles)
        elif name in FIELD_ELEMENTS:
            self.fields.start(name, attributes)
        elif name in NOTES:
            self._note(NOTES[name], attributes.get("w:id", ""))
        else:
            start_table_element(self.builders[-1], name, attributes)

    def _run_property(self, name: str, attributes: Attributes) -> None:
        if name == "w:vanish":
            self.runs[-1] = "hidden" if is_on(attributes) else ""
        elif style := self.styles.get(attributes.get("w:val", "")):
            if style.name == "placeholder text":  # "Click here to enter text"
                self.runs[-1] = "placeholder"
            elif style.is_hidden:
                self.runs[-1] = "hidden"

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

    def _end_text(self) -> None:
        self.is_text = False

    def _end_run(self) -> None:
        if self.runs:
            self.runs.pop()

    def _end_properties(self) -> None:
        self.is_paragraph_mark = False

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
            builder.begin_block(*paragraph.kind(self.numbering))
            builder.add_text(text)
        builder.flush()
        for block in paragraph.after:
            builder.add_block(block)
        self._flush_blocks()

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
