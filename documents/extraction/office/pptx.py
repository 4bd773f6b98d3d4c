"""Loader for PowerPoint presentations: one page per slide, with tables, diagrams and speaker notes."""

from collections.abc import Iterator
from pathlib import Path

from documents.extraction.blocks.blocks import Block
from documents.extraction.blocks.builder import BlockBuilder
from documents.extraction.blocks.page_writer import PageWriter
from documents.extraction.errors import UnreadableFile
from documents.extraction.office.charts import chart_blocks
from documents.extraction.office.ooxml import Package, is_on
from documents.extraction.pages import Extraction
from documents.extraction.web.xml import Attributes, XMLHandler

MAX_SLIDES = 5_000
TITLE_PLACEHOLDERS = ("title", "ctrTitle")
# Date, footer, header and slide number of every slide, and the slide's image on its notes page.
IGNORED_PLACEHOLDERS = ("dt", "ftr", "hdr", "sldNum", "sldImg")
BODY_PLACEHOLDERS = ("body", "obj", "")  # placeholders whose paragraphs are list items
NOTES = "Notes: "


def load(path: Path) -> Extraction:
    """Extract every slide in order. A hidden slide keeps its number without its text."""
    with Package(path) as package:
        order = SlideOrderReader()
        package.parse_part(package.main, order)
        slides = package.relationships(package.main)
        writer = PageWriter()
        for number, relationship in enumerate(order.found[:MAX_SLIDES], 1):
            slide = slides.get(relationship)
            if slide and slide.kind == "slide" and package.has(slide.target):
                write_slide(package, slide.target, number, writer)
        properties = package.properties()
        writer.is_partial |= package.is_damaged or len(order.found) > MAX_SLIDES
        if package.is_damaged and not writer.characters:
            raise UnreadableFile("damaged")
    return writer.extraction(properties.get("title", ""), dict(properties))


def write_slide(package: Package, part: str, number: int, writer: PageWriter) -> None:
    reader = ShapeReader()
    package.parse_optional_part(part, reader)
    blocks = [*reader.title, *reader.blocks()]
    # Notes come last, independent of the order of the relationships.
    for relationship in sorted(
        package.relationships(part).values(), key=lambda each: each.kind == "notesSlide"
    ):
        blocks += related_blocks(package, relationship.kind, relationship.target)
    if reader.is_hidden:
        writer.begin_page(str(number))
        writer.mark_hidden_slide(sum(len(block.text) for block in blocks))
        return
    writer.begin_page(reader.title[0].text if reader.title else str(number))
    writer.add(blocks)


def related_blocks(package: Package, kind: str, part: str) -> Iterator[Block]:
    """The blocks of a slide's related parts: speaker notes, diagrams and charts."""
    if kind == "chart":
        yield from chart_blocks(package, part)
    if kind not in ("notesSlide", "diagramData"):
        return
    reader: TextReader = ShapeReader() if kind == "notesSlide" else DiagramReader()
    try:
        package.parse_part(part, reader)
    except UnreadableFile:
        return
    for position, block in enumerate(reader.blocks()):
        is_note = kind == "notesSlide" and block.kind != "table"
        yield Block("paragraph", (NOTES if position == 0 else "") + block.text) if is_note else block


class SlideOrderReader(XMLHandler):
    """Collects the relationship ids of the slides in order."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "p:sldId":
            self.found.append(attributes.get("r:id", ""))


class TextReader(XMLHandler):
    """Builds paragraphs from DrawingML text."""

    def __init__(self) -> None:
        self.builder = BlockBuilder()
        self.pieces: list[str] = []
        self.is_text = False
        self.level = 0

    def blocks(self) -> list[Block]:
        self.builder.end()
        return self.builder.pop_blocks()

    def start(self, name: str, attributes: Attributes) -> None:
        if name in ("a:t", "m:t"):
            self.is_text = True
        elif name == "a:br":
            self.pieces.append("\n")
        elif name == "a:p":
            self.pieces, self.level = [], 0
        elif name == "a:pPr":
            level = attributes.get("lvl", "0")
            self.level = int(level) if level.isdecimal() and len(level) == 1 else 0

    def end(self, name: str) -> None:
        if name in ("a:t", "m:t"):
            self.is_text = False
        elif name == "a:p":
            self.paragraph("".join(self.pieces))

    def text(self, text: str) -> None:
        if self.is_text:
            self.pieces.append(text)

    def paragraph(self, text: str) -> None:
        self.builder.begin_block("paragraph")
        self.builder.add_text(text)
        self.builder.flush()


class DiagramReader(TextReader):
    """Reads the text of a diagram's boxes."""


class ShapeReader(TextReader):
    """Reads the shapes of a slide or notes page in drawing order, keeping the title separate."""

    def __init__(self) -> None:
        super().__init__()
        self.title: list[Block] = []
        self.is_hidden = False
        self.placeholder: str | None = None
        self.paragraphs: list[tuple[int, str]] = []
        self.skipped = 0

    def start(self, name: str, attributes: Attributes) -> None:
        if self.skipped or name == "mc:Fallback":
            self.skipped += 1
        elif name in ("p:sld", "p:notes"):
            self.is_hidden = not is_on(attributes, "show")
        elif name == "p:sp":
            self.placeholder = None
        elif name == "p:ph":
            self.placeholder = attributes.get("type", "")
        elif name.startswith("a:t"):
            self._table(name, attributes)
        else:
            super().start(name, attributes)

    def end(self, name: str) -> None:
        if self.skipped:
            self.skipped -= 1
        elif name == "a:tbl":
            self.builder.end_table()
        elif name == "a:tc":
            self.builder.end_cell()
        elif name == "p:sp":
            self._end_shape()
        else:
            super().end(name)

    def text(self, text: str) -> None:
        if not self.skipped:
            super().text(text)

    def paragraph(self, text: str) -> None:
        if self.builder.is_in_table or self.placeholder is None:
            super().paragraph(text)
        elif self.placeholder not in IGNORED_PLACEHOLDERS and text.strip():
            self.paragraphs.append((self.level, text))

    def _table(self, name: str, attributes: Attributes) -> None:
        if name == "a:tbl":
            self.builder.begin_table()
        elif name == "a:tblPr" and attributes.get("firstRow") in ("1", "true"):
            self.builder.expect_header()
        elif name == "a:tr":
            self.builder.begin_row()
        elif name == "a:tc":
            self.builder.begin_cell()
            if attributes.get("vMerge") in ("1", "true"):
                self.builder.merge_with_cell_above()
        else:
            super().start(name, attributes)

    def _end_shape(self) -> None:
        """Add a placeholder's paragraphs: as the title, as list items, or as paragraphs."""
        paragraphs, self.paragraphs = self.paragraphs, []
        placeholder, self.placeholder = self.placeholder, None
        if not paragraphs:
            return
        if placeholder in TITLE_PLACEHOLDERS and not self.title:
            title = BlockBuilder()
            title.begin_block("heading")
            title.add_text(" ".join(text for _level, text in paragraphs))
            self.title = title.pop_blocks()
            return
        are_items = placeholder in BODY_PLACEHOLDERS and len(paragraphs) > 1
        for level, text in paragraphs:
            if are_items:
                self.builder.begin_block("item", level + 1, "- ")
            else:
                self.builder.begin_block("paragraph")
            self.builder.add_text(text)
        self.builder.flush()
