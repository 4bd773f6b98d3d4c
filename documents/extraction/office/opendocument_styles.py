"""What an OpenDocument file says in its styles: what is hidden, which lists are numbered, what runs along the pages."""

from dataclasses import dataclass, field
from typing import NamedTuple

from documents.extraction.blocks.blocks import tidy
from documents.extraction.office.docx_styles import written
from documents.extraction.web.xml import Attributes, Events

MAX_STYLES = 50_000
FORMS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}


class NumberForm(NamedTuple):
    """How one level of a list is numbered, such as (a)."""

    form: str
    before: str
    behind: str
    start: int = 1

    def mark(self, number: int) -> str:
        return f"{self.before}{written(number, self.form)}{self.behind or '.' * (not self.before)} ".lstrip()


@dataclass
class OpenStyles:
    """Names of styles, by what they do to whatever has them."""

    hidden: set[str] = field(default_factory=set)
    numbered: dict[tuple[str, int], NumberForm] = field(default_factory=dict)  # by list style and depth
    titles: set[str] = field(default_factory=lambda: {"Title"})  # of paragraphs that are the document's title
    margins: list[str] = field(default_factory=list)  # what headers and footers say


class StyleReader(Events):
    """Reads the styles of content.xml and of styles.xml alike."""

    def __init__(self, styles: OpenStyles) -> None:
        self.styles = styles
        self.style = self.list_style = ""
        self.in_margin = 0
        self.pieces: list[str] = []

    def start(self, name: str, attributes: Attributes) -> None:
        if self.in_margin:
            self.in_margin += name not in ("text:page-number", "text:page-count")
        elif name == "style:style":
            self.style = attributes.get("style:name", "")
            if attributes.get("style:parent-style-name") in self.styles.titles:
                self.styles.titles.add(self.style)
        elif name.endswith("-properties"):
            if says_hidden(attributes) and len(self.styles.hidden) < MAX_STYLES:
                self.styles.hidden.add(self.style)
        elif name == "text:list-style":
            self.list_style = attributes.get("style:name", "")
        elif name == "text:list-level-style-number":
            level = attributes.get("text:level", "1")
            if attributes.get("style:num-format") and len(self.styles.numbered) < MAX_STYLES:
                depth = int(level) if level.isdecimal() and len(level) == 1 else 10
                self.styles.numbered[self.list_style, depth] = NumberForm(
                    FORMS.get(attributes["style:num-format"], "decimal"),
                    attributes.get("style:num-prefix", "")[:20],
                    attributes.get("style:num-suffix", "")[:20],
                    number_of(attributes, "text:start-value", 1),
                )
        elif name in ("style:header", "style:footer"):
            self.in_margin, self.pieces = 1, []

    def end(self, name: str) -> None:
        if not self.in_margin or name in ("text:page-number", "text:page-count"):
            return
        self.in_margin -= 1
        if name in ("text:p", "text:h"):
            self.pieces.append("\n")
        text = tidy("".join(self.pieces)) if not self.in_margin else ""
        if any(map(str.isalpha, text)) and text not in self.styles.margins:
            self.styles.margins.append(text)

    def text(self, text: str) -> None:
        if self.in_margin:
            self.pieces.append(" ".join(text.split("\n")))


def number_of(attributes: Attributes, name: str, otherwise: int) -> int:
    value = attributes.get(name, "")
    return int(value) if value.isdecimal() and len(value) < 7 else otherwise


def says_hidden(attributes: Attributes) -> bool:
    return (
        attributes.get("text:display") == "none"
        or attributes.get("table:display") == "false"
        or attributes.get("presentation:visibility") == "hidden"
    )
