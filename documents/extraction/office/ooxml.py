"""The package format of Word, PowerPoint and Excel: an archive of parts linked by relationships."""

import posixpath
from pathlib import Path
from typing import IO, NamedTuple, Self
from urllib.parse import unquote

from documents.extraction.errors import UnreadableFile
from documents.extraction.office.properties import PropertyReader
from documents.extraction.web.xml import Attributes, XMLHandler, parse
from documents.extraction.zip_guard import Archive

CORE = {
    "dc:title": "title",
    "dc:creator": "author",
    "dc:subject": "subject",
    "dc:language": "language",
    "cp:keywords": "keywords",
    "?:created": "creationdate",
}


class Relationship(NamedTuple):
    """A link to another part: the last segment of its type, and the target's name."""

    kind: str
    target: str


class Package(Archive):
    """An OOXML file. `main` is the name of the main document part."""

    def __init__(self, file: Path | IO[bytes]) -> None:
        super().__init__(file)
        self.main = ""
        self.is_damaged = False  # an optional part is damaged
        # Part names are case-insensitive.
        self.parts = {name.lower().lstrip("/"): name for name in self.members}
        roots = self.relationships("").values()
        self.main = next((each.target for each in roots if each.kind == "officeDocument"), "")
        if not self.has(self.main):
            raise UnreadableFile("damaged")

    def has(self, part: str) -> bool:
        return part.lower() in self.parts

    def parse_part(self, part: str, handler: XMLHandler) -> None:
        """Parse a part; do nothing if it is missing."""
        if self.has(part):
            parse(self.pieces(self.parts[part.lower()]), handler)

    def parse_optional_part(self, part: str, handler: XMLHandler) -> None:
        """Parse a part up to its first damage: a damaged slide must not cost the others."""
        try:
            self.parse_part(part, handler)
        except UnreadableFile as error:
            self.tolerate_damage(error)

    def tolerate_damage(self, error: UnreadableFile) -> None:
        """Record damage and continue. Re-raises every other error, such as an exceeded limit."""
        if error.kind != "damaged":
            raise error
        self.is_damaged = True

    def relationships(self, part: str) -> dict[str, Relationship]:
        """The part's internal relationships by id."""
        folder, name = posixpath.split(part)
        reader = RelationshipReader(folder)
        parse_part = self.parse_part if part in ("", self.main) else self.parse_optional_part
        parse_part(posixpath.join(folder, "_rels", f"{name}.rels"), reader)
        return reader.found

    def related_part(self, part: str, kind: str) -> str:
        """The target of the part's first relationship of that kind; "" if there is none."""
        return next((each.target for each in self.relationships(part).values() if each.kind == kind), "")

    def properties(self) -> dict[str, str]:
        """The core properties: title, author, dates. Empty if they are missing or damaged."""
        reader = PropertyReader(CORE)
        targets = [each.target for each in self.relationships("").values() if each.kind == "core-properties"]
        try:
            for target in targets[:1]:
                self.parse_part(target, reader)
        except UnreadableFile:
            return {}
        return reader.found

    def __enter__(self) -> Self:
        return self


class RelationshipReader(XMLHandler):
    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.found: dict[str, Relationship] = {}

    def start(self, name: str, attributes: Attributes) -> None:
        if name != "rel:Relationship" or attributes.get("TargetMode") == "External":
            return
        target = unquote(attributes.get("Target", "")).replace("\\", "/")
        whole = posixpath.normpath(posixpath.join("/" + self.folder, target)).lstrip("/")
        kind = attributes.get("Type", "").rpartition("/")[2]
        self.found[attributes.get("Id", "")] = Relationship(kind, whole)


def is_on(attributes: Attributes, name: str = "w:val") -> bool:
    """The value of an OOXML toggle element, which is true without a value."""
    return attributes.get(name, "1").lower() not in ("0", "false", "off", "none")
