"""Read the comments on the cells of a sheet."""

import re
from collections.abc import Iterator

from documents.extraction.blocks.blocks import Block, tidy
from documents.extraction.office.ooxml import Package
from documents.extraction.web.xml import Attributes, XMLHandler

MAX_COMMENTS = 5_000  # of a sheet
# Excel prefixes threaded comments with this notice for older versions.
LEGACY_PREFIX = re.compile(r"\[Threaded comment\].*?\n\s*(?:Comment|Kommentar|Commentaire):\s*", re.DOTALL)


def comments_of(package: Package, sheet: str) -> Iterator[Block]:
    """Yield a paragraph per comment that names its cell, in file order."""
    reader = CommentReader()
    package.parse_optional_part(package.related_part(sheet, "comments"), reader)
    for cell, text in reader.found:
        if comment := tidy(LEGACY_PREFIX.sub("", text)):
            yield Block("paragraph", f"Comment at {cell}: {comment}")


class CommentReader(XMLHandler):
    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []
        self.cell = ""
        self.pieces: list[str] = []
        self.is_text = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "s:comment":
            self.cell, self.pieces = attributes.get("ref", "")[:20], []
        elif name == "s:t":
            self.is_text = True

    def end(self, name: str) -> None:
        if name == "s:t":
            self.is_text = False
        elif name == "s:comment" and len(self.found) < MAX_COMMENTS:
            self.found.append((self.cell, "".join(self.pieces)))

    def text(self, text: str) -> None:
        if self.is_text:
            self.pieces.append(text)
