"""What a Word document says of its paragraphs elsewhere: which style is a heading, how a list is numbered."""

import re
from collections import Counter
from dataclasses import dataclass, field

from documents.extraction.office.ooxml import Package, is_on
from documents.extraction.web.xml import Attributes, Events

HEADING = re.compile(r"heading (\d)")
MAX_STYLES = 10_000
MAX_DEPTH = 9
BULLET = "-"


@dataclass
class Style:
    """`level` is a heading's, from 1; 0 is none. `numbers` is the list it belongs to and how deep in it."""

    name: str = ""
    parent: str = ""
    level: int = 0
    is_hidden: bool = False
    list_id: str = ""
    depth: int = 0

    @property
    def is_contents(self) -> bool:
        """A line of the table of contents, which the headings say again."""
        return self.name.startswith("toc ")


Styles = dict[str, Style]


def read_styles(package: Package) -> Styles:
    reader = StyleReader()
    package.follow_sound(package.related(package.main, "styles"), reader)
    return {name: resolved(name, reader.styles) for name in reader.styles}


def resolved(name: str, styles: Styles) -> Style:
    """The style with what it takes over from those it is based on."""
    whole = Style(**vars(styles[name]))
    seen = {name}
    above = whole.parent
    while above in styles and above not in seen and len(seen) < MAX_DEPTH:
        seen.add(above)
        base = styles[above]
        whole.level = whole.level or base.level
        whole.is_hidden = whole.is_hidden or base.is_hidden
        if not whole.list_id:
            whole.list_id, whole.depth = base.list_id, whole.depth or base.depth
        above = base.parent
    return whole


class StyleReader(Events):
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
            self._note_depth(name, value)

    def _note_depth(self, name: str, value: str) -> None:
        if not value.isdecimal() or len(value) > 1 or int(value) >= MAX_DEPTH:
            return
        if name == "w:ilvl":
            self.style.depth = int(value)
        else:
            self.style.level = self.style.level or int(value) + 1


@dataclass
class Level:
    """How one level of a list is numbered, such as `%1.%2)` in small letters."""

    form: str = "decimal"
    pattern: str = ""
    start: int = 1


@dataclass
class Numbering:
    """The lists of a document, and how far each has been counted."""

    lists: dict[str, str] = field(default_factory=dict)  # a list's id to that of its kind
    kinds: dict[str, dict[int, Level]] = field(default_factory=dict)
    restarts: dict[tuple[str, int], int] = field(default_factory=dict)
    counts: dict[str, Counter[int]] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)

    def mark(self, list_id: str, depth: int) -> str:
        """What stands before the next paragraph of that list; "" where nothing does."""
        if list_id in ("", "0"):
            return ""
        kind = self.lists.get(list_id, "")
        levels = self.kinds.get(kind, {})
        level = levels.get(depth, Level("bullet"))
        counts = self.counts.setdefault(kind or list_id, Counter())
        if list_id not in self.started:
            self.started.add(list_id)
            for (restarted, at), start in self.restarts.items():
                if restarted == list_id:
                    counts[at] = start - 1
        counts[depth] = counts[depth] + 1 if depth in counts else level.start
        for deeper in [other for other in counts if other > depth]:
            del counts[deeper]
        if level.form == "none" or (level.form != "bullet" and not level.pattern):
            return ""
        if level.form == "bullet":
            return f"{BULLET} "
        return self._written(level.pattern, levels, counts) + " "

    def _written(self, pattern: str, levels: dict[int, Level], counts: Counter[int]) -> str:
        def number(match: re.Match[str]) -> str:
            at = int(match[1]) - 1
            level = levels.get(at, Level())
            return written(counts.get(at, level.start), level.form)

        return re.sub(r"%([1-9])", number, pattern[:40])


def written(number: int, form: str) -> str:
    if form in ("lowerLetter", "upperLetter") and number > 0:
        letter = chr(ord("a") + (number - 1) % 26) * min((number - 1) // 26 + 1, 4)
        return letter.upper() if form == "upperLetter" else letter
    if form in ("lowerRoman", "upperRoman") and 0 < number < 4000:
        return roman(number).lower() if form == "lowerRoman" else roman(number)
    if form == "decimalZero":
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
    reader = NumberingReader()
    package.follow_sound(package.related(package.main, "numbering"), reader)
    return reader.numbering


class NumberingReader(Events):
    def __init__(self) -> None:
        self.numbering = Numbering()
        self.kind: dict[int, Level] = {}
        self.level = Level()
        self.list_id = ""
        self.overridden = 0

    def start(self, name: str, attributes: Attributes) -> None:
        value = attributes.get("w:val", "")
        if name == "w:abstractNum":
            self.list_id, self.kind = "", {}
            self.numbering.kinds[attributes.get("w:abstractNumId", "")] = self.kind
        elif name == "w:lvl":
            self.level = Level()
            if not self.list_id:
                self.kind[_number(attributes.get("w:ilvl", "0"))] = self.level
        elif name == "w:numFmt":
            self.level.form = value
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
