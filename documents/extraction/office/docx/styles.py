"""Paragraph styles of a Word document."""

import re
from dataclasses import dataclass

from documents.extraction.office.ooxml import Package, is_on
from documents.extraction.web.xml import Attributes, XMLHandler

HEADING = re.compile(r"heading (\d)")
MAX_STYLES = 10_000
MAX_DEPTH = 9


@dataclass
class Style:
    """A paragraph style. `level` is the heading level from 1, or 0; `depth` is the level in the list `list_id`."""

    name: str = ""
    parent: str = ""
    level: int = 0
    is_hidden: bool = False
    list_id: str = ""
    depth: int = 0

    @property
    def is_table_of_contents(self) -> bool:
        """Whether it marks a line of the table of contents, which repeats the headings."""
        return self.name.startswith("toc ")


Styles = dict[str, Style]


def read_styles(package: Package) -> Styles:
    """The document's styles by id, each with what it inherits."""
    reader = StyleReader()
    package.parse_optional_part(package.related_part(package.main, "styles"), reader)
    return {name: resolved(name, reader.styles) for name in reader.styles}


def resolved(name: str, styles: Styles) -> Style:
    """Return a copy of the style with the properties it inherits."""
    merged = Style(**vars(styles[name]))
    seen = {name}
    parent = merged.parent
    while parent in styles and parent not in seen and len(seen) < MAX_DEPTH:
        seen.add(parent)
        base = styles[parent]
        merged.level = merged.level or base.level
        merged.is_hidden = merged.is_hidden or base.is_hidden
        if not merged.list_id:
            merged.list_id, merged.depth = base.list_id, merged.depth or base.depth
        parent = base.parent
    return merged


class StyleReader(XMLHandler):
    def __init__(self) -> None:
        self.styles: Styles = {}
        self.style = Style()

    def start(self, name: str, attributes: Attributes) -> None:
        value = attributes.get("w:val", "")
        style = self.style
        if name == "w:style":
            self.style = Style()
            if len(self.styles) < MAX_STYLES:
                self.styles[attributes.get("w:styleId", "")] = self.style
        elif name == "w:name":
            style.name = value.lower()
            match = HEADING.match(style.name)
            style.level = int(match[1]) if match else int(style.name == "title")
        elif name == "w:basedOn":
            style.parent = value
        elif name == "w:vanish":
            style.is_hidden = is_on(attributes)
        elif name == "w:numId":
            style.list_id = value
        elif name in ("w:outlineLvl", "w:ilvl"):
            self._set_level(name, value)

    def _set_level(self, name: str, value: str) -> None:
        if not value.isdecimal() or len(value) > 1 or int(value) >= MAX_DEPTH:
            return
        if name == "w:ilvl":
            self.style.depth = int(value)
        else:
            self.style.level = self.style.level or int(value) + 1
