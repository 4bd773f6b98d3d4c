"""Paragraph styles and list numbering of a Word document."""

import re
from collections import Counter
from dataclasses import dataclass, field

from documents.extraction.office.ooxml import Package, is_on
from documents.extraction.web.xml import Attributes, XMLHandler

HEADING = re.compile(r"heading (\d)")
MAX_STYLES = 10_000
MAX_DEPTH = 9
BULLET = "-"


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


@dataclass
class Level:
    """The number format of one list level, such as `%1.%2)` with lowercase letters."""

    format: str = "decimal"
    pattern: str = ""
    start: int = 1


@dataclass
class Numbering:
    """The list definitions of a document and the current count of each."""

    lists: dict[str, str] = field(default_factory=dict)  # list id to the id of its definition
    definitions: dict[str, dict[int, Level]] = field(default_factory=dict)
    restarts: dict[tuple[str, int], int] = field(default_factory=dict)
    counts: dict[str, Counter[int]] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)

    def marker(self, list_id: str, depth: int) -> str:
        """Count the next paragraph of a list and return its marker, such as "2.1 "; "" if it has none."""
        if list_id in ("", "0"):
            return ""
        definition = self.lists.get(list_id, "")
        levels = self.definitions.get(definition, {})
        level = levels.get(depth, Level("bullet"))
        counts = self.counts.setdefault(definition or list_id, Counter())
        if list_id not in self.started:
            self.started.add(list_id)
            for (restarted, at), start in self.restarts.items():
                if restarted == list_id:
                    counts[at] = start - 1
        counts[depth] = counts[depth] + 1 if depth in counts else level.start
        for deeper in [other for other in counts if other > depth]:
            del counts[deeper]
        if level.format == "none" or (level.format != "bullet" and not level.pattern):
            return ""
        if level.format == "bullet":
            return f"{BULLET} "
        return self._format_pattern(level.pattern, levels, counts) + " "

    def _format_pattern(self, pattern: str, levels: dict[int, Level], counts: Counter[int]) -> str:
        def number(match: re.Match[str]) -> str:
            at = int(match[1]) - 1
            level = levels.get(at, Level())
            return format_number(counts.get(at, level.start), level.format)

        return re.sub(r"%([1-9])", number, pattern[:40])


def format_number(number: int, format: str) -> str:
    """Write a number as OOXML's `numFmt` asks: letters, Roman numerals or digits."""
    if format in ("lowerLetter", "upperLetter") and number > 0:
        letter = chr(ord("a") + (number - 1) % 26) * min((number - 1) // 26 + 1, 4)
        return letter.upper() if format == "upperLetter" else letter
    if format in ("lowerRoman", "upperRoman") and 0 < number < 4000:
        return roman(number).lower() if format == "lowerRoman" else roman(number)
    if format == "decimalZero":
        return f"{number:02}"
    return str(number)


def roman(number: int) -> str:
    values = (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1)
    letters = ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I")
    parts = []
    for value, letter in zip(values, letters, strict=True):
        times, number = divmod(number, value)
        parts.append(letter * times)
    return "".join(parts)


def read_numbering(package: Package) -> Numbering:
    """The document's list definitions; empty if the part is missing."""
    reader = NumberingReader()
    package.parse_optional_part(package.related_part(package.main, "numbering"), reader)
    return reader.numbering


class NumberingReader(XMLHandler):
    def __init__(self) -> None:
        self.numbering = Numbering()
        self.levels: dict[int, Level] = {}
        self.level = Level()
        self.list_id = ""
        self.overridden = 0

    def start(self, name: str, attributes: Attributes) -> None:
        value = attributes.get("w:val", "")
        if name == "w:abstractNum":
            self.list_id, self.levels = "", {}
            self.numbering.definitions[attributes.get("w:abstractNumId", "")] = self.levels
        elif name == "w:lvl":
            self.level = Level()
            if not self.list_id:
                self.levels[_number(attributes.get("w:ilvl", "0"))] = self.level
        elif name == "w:numFmt":
            self.level.format = value
        elif name == "w:lvlText":
            self.level.pattern = value
        elif name == "w:start":
            self.level.start = _number(value)
        else:
            self._list(name, value, attributes)

    def _list(self, name: str, value: str, attributes: Attributes) -> None:
        if name == "w:num":
            self.list_id = attributes.get("w:numId", "")
        elif name == "w:abstractNumId":
            self.numbering.lists[self.list_id] = value
        elif name == "w:lvlOverride":
            self.overridden = _number(attributes.get("w:ilvl", "0"))
        elif name == "w:startOverride" and len(self.numbering.restarts) < MAX_STYLES:
            self.numbering.restarts[self.list_id, self.overridden] = _number(value)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 7 else 0
