"""Styles of an OpenDocument file: hidden text, numbered lists, titles, headers and footers."""

from dataclasses import dataclass, field
from typing import NamedTuple

from documents.extraction.blocks.blocks import tidy
from documents.extraction.office.number_formats import format_number
from documents.extraction.web.xml import Attributes, XMLHandler

MAX_STYLES = 50_000
FORMATS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}


class NumberFormat(NamedTuple):
    """The number format of one list level, such as (a)."""

    format: str
    prefix: str
    suffix: str
    start: int = 1

    def marker(self, number: int) -> str:
        return f"{self.prefix}{format_number(number, self.format)}{self.suffix or '.' * (not self.prefix)} ".lstrip()


@dataclass
class OpenStyles:
    """Style names grouped by their effect."""

    hidden: set[str] = field(default_factory=set)
    numbered: dict[tuple[str, int], NumberFormat] = field(default_factory=dict)  # by list style and depth
    titles: set[str] = field(default_factory=lambda: {"Title"})  # styles of the document's title
    headers_footers: list[str] = field(default_factory=list)


class StyleReader(XMLHandler):
    """Reads the styles of content.xml or styles.xml."""

    def __init__(self, styles: OpenStyles) -> None:
        self.styles = styles
        self.style = self.list_style = ""
        self.in_header_footer = 0
        self.pieces: list[str] = []

    def start(self, name: str, attributes: Attributes) -> None:
        if self.in_header_footer:
            self.in_header_footer += name not in ("text:page-number", "text:page-count")
        elif name == "style:style":
            self.style = attributes.get("style:name", "")
            if attributes.get("style:parent-style-name") in self.styles.titles:
                self.styles.titles.add(self.style)
        elif name.endswith("-properties"):
            if is_hidden_style(attributes) and len(self.styles.hidden) < MAX_STYLES:
                self.styles.hidden.add(self.style)
        elif name == "text:list-style":
            self.list_style = attributes.get("style:name", "")
        elif name == "text:list-level-style-number":
            level = attributes.get("text:level", "1")
            if attributes.get("style:num-format") and len(self.styles.numbered) < MAX_STYLES:
                depth = int(level) if level.isdecimal() and len(level) == 1 else 10
                self.styles.numbered[self.list_style, depth] = NumberFormat(
                    FORMATS.get(attributes["style:num-format"], "decimal"),
                    attributes.get("style:num-prefix", "")[:20],
                    attributes.get("style:num-suffix", "")[:20],
                    number_of(attributes, "text:start-value", 1),
                )
        elif name in ("style:header", "style:footer"):
            self.in_header_footer, self.pieces = 1, []

    def end(self, name: str) -> None:
        if not self.in_header_footer or name in ("text:page-number", "text:page-count"):
            return
        self.in_header_footer -= 1
        if name in ("text:p", "text:h"):
            self.pieces.append("\n")
        text = tidy("".join(self.pieces)) if not self.in_header_footer else ""
        if any(map(str.isalpha, text)) and text not in self.styles.headers_footers:
            self.styles.headers_footers.append(text)

    def text(self, text: str) -> None:
        if self.in_header_footer:
            self.pieces.append(" ".join(text.split("\n")))


def number_of(attributes: Attributes, name: str, default: int) -> int:
    value = attributes.get(name, "")
    return int(value) if value.isdecimal() and len(value) < 7 else default


def is_hidden_style(attributes: Attributes) -> bool:
    return (
        attributes.get("text:display") == "none"
        or attributes.get("table:display") == "false"
        or attributes.get("presentation:visibility") == "hidden"
    )
