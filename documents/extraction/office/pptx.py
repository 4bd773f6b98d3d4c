"""PowerPoint presentations: a page for each slide, with its title, lists, tables, diagrams and the speaker's notes."""

from collections.abc import Iterator
from pathlib import Path

from documents.extraction.blocks.blocks import Block, PageWriter
from documents.extraction.blocks.builder import Collector
from documents.extraction.errors import UnreadableFile
from documents.extraction.office.charts import chart_blocks
from documents.extraction.office.ooxml import Package, is_on
from documents.extraction.pages import Extraction
from documents.extraction.web.xml import Attributes, Events

MAX_SLIDES = 5_000
TITLES = ("title", "ctrTitle")
# What runs along every slide, and the picture of the slide on its notes.
RUNNING = ("dt", "ftr", "hdr", "sldNum", "sldImg")
LISTS = ("body", "obj", "")  # the placeholders whose paragraphs are points
NOTES = "Notes: "


def load(path: Path) -> Extraction:
    """Every slide in its order. A hidden one keeps its number, and its text is left out."""
    with Package(path) as package:
        order = OrderReader()
        package.follow(package.main, order)
        slides = package.relations(package.main)
        writer = PageWriter()
        for number, relation in enumerate(order.found[:MAX_SLIDES], 1):
            slide = slides.get(relation)
            if slide and slide.kind == "slide" and package.has(slide.target):
                write_slide(package, slide.target, number, writer)
        properties = package.properties()
        writer.is_partial |= package.is_damaged or len(order.found) > MAX_SLIDES
        if package.is_damaged and not writer.characters:
            raise UnreadableFile("damaged")
    return writer.extraction(properties.get("title", ""), dict(properties))


def write_slide(package: Package, part: str, number: int, writer: PageWriter) -> None:
    reader = ShapeReader()
    package.follow_sound(part, reader)
    blocks = [*reader.title, *reader.blocks()]
    # Notes come last, whatever the order of the relations.
    for relation in sorted(package.relations(part).values(), key=lambda each: each.kind == "notesSlide"):
        blocks += blocks_beside(package, relation.kind, relation.target)
    if reader.is_hidden:
        writer.begin_page(str(number))
        writer.hide_slide(sum(len(block.text) for block in blocks))
        return
    writer.begin_page(reader.title[0].text if reader.title else str(number))
    writer.add(blocks)


def blocks_beside(package: Package, kind: str, part: str) -> Iterator[Block]:
    """What a slide has in parts of their own: its notes, the words of its diagrams, the figures of its charts."""
    if kind == "chart":
        yield from chart_blocks(package, part)
    if kind not in ("notesSlide", "diagramData"):
        return
    reader: TextReader = ShapeReader() if kind == "notesSlide" else DiagramReader()
    try:
        package.follow(part, reader)
    except UnreadableFile:
        return
    for position, block in enumerate(reader.blocks()):
        is_note = kind == "notesSlide" and block.kind != "table"
        yield Block("paragraph", (NOTES if position == 0 else "") + block.text) if is_note else block


class OrderReader(Events):
    """The relations of the slides as they follow one another."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "p:sldId":
            self.found.append(attributes.get("r:id", ""))


class TextReader(Events):
    """Paragraphs of drawing text, wherever they stand."""

    def __init__(self) -> None:
        self.collector = Collector()
        self.pieces: list[str] = []
        self.is_text = False
        self.level = 0

    def blocks(self) -> list[Block]:
        self.collector.end()
        return self.collector.take()

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
        self.collector.begin("paragraph")
        self.collector.text(text)
        self.collector.flush()


class DiagramReader(TextReader):
    """The words in the boxes of a diagram."""


class ShapeReader(TextReader):
    """A slide or its notes: shapes one after the other as they were drawn, the title apart."""

    def __init__(self) -> None:
        super().__init__()
        self.title: list[Block] = []
        self.is_hidden = False
        self.placeholder: str | None = None
        self.points: list[tuple[int, str]] = []
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
            self.collector.end_table()
        elif name == "a:tc":
            self.collector.end_cell()
        elif name == "p:sp":
            self._end_shape()
        else:
            super().end(name)

    def text(self, text: str) -> None:
        if not self.skipped:
            super().text(text)

    def paragraph(self, text: str) -> None:
        if self.collector.is_in_table or self.placeholder is None:
            super().paragraph(text)
        elif self.placeholder not in RUNNING and text.strip():
            self.points.append((self.level, text))

    def _table(self, name: str, attributes: Attributes) -> None:
        if name == "a:tbl":
            self.collector.begin_table()
        elif name == "a:tblPr" and attributes.get("firstRow") in ("1", "true"):
            self.collector.expect_names()
        elif name == "a:tr":
            self.collector.begin_row()
        elif name == "a:tc":
            self.collector.begin_cell()
            if attributes.get("vMerge") in ("1", "true"):
                self.collector.continue_cell()
        else:
            super().start(name, attributes)

    def _end_shape(self) -> None:
        """A placeholder's paragraphs: the title, or points where there are several."""
        points, self.points = self.points, []
        placeholder, self.placeholder = self.placeholder, None
        if not points:
            return
        if placeholder in TITLES and not self.title:
            title = Collector()
            title.begin("heading")
            title.text(" ".join(text for _level, text in points))
            self.title = title.take()
            return
        are_points = placeholder in LISTS and len(points) > 1
        for level, text in points:
            if are_points:
                self.collector.begin("item", level + 1, "- ")
            else:
                self.collector.begin("paragraph")
            self.collector.text(text)
        self.collector.flush()
