"""What Word, PowerPoint and Excel files share: an archive of parts, joined by relationships, with properties."""

import posixpath
from pathlib import Path
from typing import IO, NamedTuple, Self
from urllib.parse import unquote

from documents.extraction.errors import UnreadableFile
from documents.extraction.office.properties import PropertyReader
from documents.extraction.web.xml import Attributes, Events, follow
from documents.extraction.zip_guard import Archive

CORE = {
    "dc:title": "title",
    "dc:creator": "author",
    "dc:subject": "subject",
    "dc:language": "language",
    "cp:keywords": "keywords",
    "?:created": "creationdate",
}


class Relation(NamedTuple):
    """Where a part points: the last word of the kind, and the name of the other part."""

    kind: str
    target: str


class Package(Archive):
    """An OOXML file. `main` is the part that everything else hangs on."""

    def __init__(self, file: Path | IO[bytes]) -> None:
        super().__init__(file)
        self.main = ""
        self.is_damaged = False  # a part that the others can do without is
        # Names of parts are compared without regard to case.
        self.parts = {name.lower().lstrip("/"): name for name in self.members}
        roots = self.relations("").values()
        self.main = next((each.target for each in roots if each.kind == "officeDocument"), "")
        if not self.has(self.main):
            raise UnreadableFile("damaged")

    def has(self, part: str) -> bool:
        return part.lower() in self.parts

    def follow(self, part: str, events: Events) -> None:
        """Tell the events of a part; a part that is not there has none."""
        if self.has(part):
            follow(self.pieces(self.parts[part.lower()]), events)

    def follow_sound(self, part: str, events: Events) -> None:
        """The same, as far as the part is sound: a damaged slide does not cost the others."""
        try:
            self.follow(part, events)
        except UnreadableFile as error:
            self.tolerate(error)

    def tolerate(self, error: UnreadableFile) -> None:
        """Go on after damage, and remember it; an attack ends the reading."""
        if error.kind != "damaged":
            raise error
        self.is_damaged = True

    def relations(self, part: str) -> dict[str, Relation]:
        """What the part points to inside the file, by the ids that it uses for it."""
        folder, name = posixpath.split(part)
        reader = RelationReader(folder)
        follow = self.follow if part in ("", self.main) else self.follow_sound
        follow(posixpath.join(folder, "_rels", f"{name}.rels"), reader)
        return reader.found

    def related(self, part: str, kind: str) -> str:
        """The first part of that kind that the part points to; "" if there is none."""
        return next((each.target for each in self.relations(part).values() if each.kind == kind), "")

    def properties(self) -> dict[str, str]:
        """Title, author and dates, as far as they are given."""
        reader = PropertyReader(CORE)
        targets = [each.target for each in self.relations("").values() if each.kind == "core-properties"]
        try:
            for target in targets[:1]:
                self.follow(target, reader)
        except UnreadableFile:
            return {}
        return reader.found

    def __enter__(self) -> Self:
        return self


class RelationReader(Events):
    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.found: dict[str, Relation] = {}

    def start(self, name: str, attributes: Attributes) -> None:
        if name != "rel:Relationship" or attributes.get("TargetMode") == "External":
            return
        target = unquote(attributes.get("Target", "")).replace("\\", "/")
        whole = posixpath.normpath(posixpath.join("/" + self.folder, target)).lstrip("/")
        kind = attributes.get("Type", "").rpartition("/")[2]
        self.found[attributes.get("Id", "")] = Relation(kind, whole)


def is_on(attributes: Attributes, name: str = "w:val") -> bool:
    """A switch of OOXML: on by being there, unless it says otherwise."""
    return attributes.get(name, "1").lower() not in ("0", "false", "off", "none")
