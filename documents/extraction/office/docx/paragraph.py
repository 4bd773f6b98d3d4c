"""One paragraph of a Word document while it is being read."""

from dataclasses import dataclass, field

from documents.extraction.blocks.blocks import Block
from documents.extraction.office.docx.numbering import Numbering
from documents.extraction.office.docx.styles import MAX_DEPTH, Style, Styles

NO_STYLE = Style()


@dataclass
class Paragraph:
    """An open paragraph and its own properties."""

    pieces: list[str] = field(default_factory=list)
    style: Style = field(default_factory=Style)
    level: int = 0
    list_id: str = ""
    depth: int = -1
    after: list[Block] = field(default_factory=list)  # text boxes and notes anchored in it

    def set_property(self, name: str, value: str, styles: Styles) -> None:
        """Apply an element of its `w:pPr`."""
        if name == "w:pStyle":
            self.style = styles.get(value, NO_STYLE)
        elif name == "w:outlineLvl" and value.isdecimal() and int(value) < MAX_DEPTH:
            self.level = int(value) + 1
        elif name == "w:numId":
            self.list_id = value
        elif name == "w:ilvl" and value.isdecimal():
            self.depth = min(int(value), MAX_DEPTH - 1)

    def kind(self, numbering: Numbering) -> tuple[str, int, str]:
        """Kind, level and marker of its block. Counts a list item, so call it once."""
        depth = self.depth if self.depth >= 0 else self.style.depth
        marker = numbering.marker(self.list_id or self.style.list_id, depth)
        if level := self.level or self.style.level:
            return "heading", level, marker.removeprefix("- ")
        return ("item", depth + 1, marker) if marker else ("paragraph", 1, "")
