"""Parse untrusted XML as events: no DTD declarations, no entities, no external references, bounded depth.

It uses expat directly: the tree of a large sheet would exceed the memory limit, and defusedxml streams only through a
parser in Python, which is several times slower. The guards are those of defusedxml.
"""

from collections.abc import Iterable
from typing import Any
from xml.parsers import expat

from documents.extraction.errors import UnreadableFile

MAX_DEPTH = 500
MAX_NAMES = 20_000  # distinct names that are cached
Attributes = dict[str, str]

# OOXML namespaces have a "transitional" and a "strict" variant.
OOXML = ("http://schemas.openxmlformats.org/", "http://purl.oclc.org/ooxml/")
PREFIXES = {
    "wordprocessingml/2006/main": "w",
    "wordprocessingml/main": "w",
    "drawingml/2006/main": "a",
    "drawingml/main": "a",
    "drawingml/2006/diagram": "dgm",
    "drawingml/diagram": "dgm",
    "drawingml/2006/chart": "c",
    "drawingml/chart": "c",
    "presentationml/2006/main": "p",
    "presentationml/main": "p",
    "spreadsheetml/2006/main": "s",
    "spreadsheetml/main": "s",
    "officeDocument/2006/relationships": "r",
    "officeDocument/relationships": "r",
    "officeDocument/2006/math": "m",
    "officeDocument/math": "m",
    "markup-compatibility/2006": "mc",
    "package/2006/relationships": "rel",
    "package/2006/content-types": "ct",
    "package/2006/metadata/core-properties": "cp",
}
NAMESPACES = {
    **{start + name: prefix for start in OOXML for name, prefix in PREFIXES.items()},
    **{
        f"urn:oasis:names:tc:opendocument:xmlns:{name}:1.0": prefix
        for name, prefix in {
            "office": "office",
            "text": "text",
            "table": "table",
            "drawing": "draw",
            "style": "style",
            "presentation": "presentation",
            "meta": "meta",
            "manifest": "manifest",
            "xsl-fo-compatible": "fo",
        }.items()
    },
    "urn:oasis:names:tc:opendocument:xmlns:container": "container",
    "http://www.w3.org/1999/xlink": "xlink",
    "http://www.w3.org/XML/1998/namespace": "xml",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://www.idpf.org/2007/opf": "opf",
    "http://www.daisy.org/z3986/2005/ncx/": "ncx",
    "http://www.w3.org/1999/xhtml": "html",
    "http://www.w3.org/2001/04/xmlenc#": "enc",
}


class XMLHandler:
    """Base class for event handlers. Names are `prefix:local` with the prefixes above, not those of the file."""

    def start(self, name: str, attributes: Attributes) -> None: ...

    def end(self, name: str) -> None: ...

    def text(self, text: str) -> None: ...


def parse(pieces: Iterable[bytes], handler: XMLHandler) -> None:
    """Parse a file. Raises UnreadableFile: `damaged` for malformed XML, `limit` for an attack."""
    parser = Parser(handler)
    for piece in pieces:
        parser.feed(piece)
    parser.finish()


class Parser:
    """An incremental parser for one file."""

    def __init__(self, handler: XMLHandler) -> None:
        self.handler = handler
        self.depth = 0
        self.names: dict[str, str] = {}
        self.expat: Any = expat.ParserCreate(namespace_separator="}")
        self.expat.buffer_text = True
        self.expat.buffer_size = 65_536
        self.expat.StartElementHandler = self.start
        self.expat.EndElementHandler = self.end
        self.expat.CharacterDataHandler = handler.text
        self.expat.EntityDeclHandler = self.reject
        self.expat.UnparsedEntityDeclHandler = self.reject
        self.expat.AttlistDeclHandler = self.reject
        self.expat.ExternalEntityRefHandler = self.reject
        self.expat.StartDoctypeDeclHandler = self.doctype

    def feed(self, piece: bytes, is_last: bool = False) -> None:
        try:
            self.expat.Parse(piece, is_last)
        except expat.ExpatError:
            raise UnreadableFile("damaged") from None

    def finish(self) -> None:
        self.feed(b"", is_last=True)

    def start(self, name: str, attributes: Attributes) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise UnreadableFile("limit")
        names = self.names
        if attributes:
            attributes = {names.get(key) or self.shorten(key): value for key, value in attributes.items()}
        self.handler.start(names.get(name) or self.shorten(name), attributes)

    def end(self, name: str) -> None:
        self.depth -= 1
        self.handler.end(self.names.get(name) or self.shorten(name))

    def shorten(self, name: str) -> str:
        """Replace the namespace by its prefix, or `?` if it is unknown."""
        namespace, separator, local = name.rpartition("}")
        short = f"{NAMESPACES.get(namespace, '?')}:{local}" if separator else local
        if len(self.names) < MAX_NAMES:
            self.names[name] = short
        return short

    def doctype(self, _name: str, _system: str | None, _public: str | None, has_declarations: int) -> None:
        if has_declarations:
            raise UnreadableFile("limit")

    def reject(self, *_: object) -> int:
        raise UnreadableFile("limit")
