"""Loader for OpenDocument texts, presentations and spreadsheets."""

from pathlib import Path

from documents.extraction.blocks.blocks import Block
from documents.extraction.blocks.page_writer import PageWriter
from documents.extraction.errors import UnreadableFile
from documents.extraction.office.opendocument.content import ContentReader
from documents.extraction.office.opendocument.styles import OpenStyles, StyleReader
from documents.extraction.office.properties import PropertyReader
from documents.extraction.pages import Extraction
from documents.extraction.web.xml import Attributes, XMLHandler, parse
from documents.extraction.zip_guard import Archive

META = {
    "dc:title": "title",
    "dc:subject": "subject",
    "dc:language": "language",
    "meta:initial-creator": "author",
    "meta:creation-date": "creationdate",
}


def load(path: Path) -> Extraction:
    """Extract the text in pages, one page per slide, or pages of rows for each visible sheet."""
    with Archive(path) as archive:
        reject_encrypted(archive)
        styles = OpenStyles()
        for part in ("styles.xml", "content.xml"):
            if part in archive:
                parse(archive.pieces(part), StyleReader(styles))
        writer = PageWriter()
        reader = ContentReader(styles, writer)
        parse(archive.pieces("content.xml"), reader)
        reader.finish()
        if reader.mode == "text":
            writer.add(Block("paragraph", text) for text in styles.headers_footers)
        properties: dict[str, object] = dict(read_properties(archive))
    if reader.hidden_sheets:
        properties["hidden_sheets"] = reader.hidden_sheets[:100]
    return writer.extraction(str(properties.get("title", "")), properties)


def reject_encrypted(archive: Archive) -> None:
    reader = ManifestReader()
    if "META-INF/manifest.xml" in archive:
        parse(archive.pieces("META-INF/manifest.xml"), reader)
    if reader.is_encrypted:
        raise UnreadableFile("unsupported", format="locked")


def read_properties(archive: Archive) -> dict[str, str]:
    reader = PropertyReader(META)
    try:
        if "meta.xml" in archive:
            parse(archive.pieces("meta.xml"), reader)
    except UnreadableFile:
        return {}
    return reader.found


class ManifestReader(XMLHandler):
    is_encrypted = False

    def start(self, name: str, attributes: Attributes) -> None:
        self.is_encrypted |= name == "manifest:encryption-data"
