"""Read the footnotes or endnotes of a Word document."""

from documents.extraction.blocks.page_writer import PageWriter
from documents.extraction.office.docx.body import MAX_NOTES, BodyReader
from documents.extraction.office.docx.numbering import Numbering
from documents.extraction.office.docx.styles import Styles
from documents.extraction.web.xml import Attributes

MAX_NOTE_LENGTH = 10_000


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
