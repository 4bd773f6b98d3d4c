"""List numbering of a Word document: the definitions, and the count of each list."""

import re
from collections import Counter
from dataclasses import dataclass, field

from documents.extraction.office.number_formats import format_number
from documents.extraction.office.ooxml import Package
from documents.extraction.web.xml import Attributes, XMLHandler

MAX_RESTARTS = 10_000
BULLET = "-"


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
        elif name == "w:startOverride" and len(self.numbering.restarts) < MAX_RESTARTS:
            self.numbering.restarts[self.list_id, self.overridden] = _number(value)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 7 else 0
