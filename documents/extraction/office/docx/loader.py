"""Loader for Word documents: headings, numbered lists, tables, text boxes, notes, headers and footers."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from documents.extraction.blocks.blocks import Block
from documents.extraction.blocks.page_writer import PageWriter
from documents.extraction.errors import UnreadableFile
from documents.extraction.office.charts import chart_blocks
from documents.extraction.office.docx.body import BodyReader
from documents.extraction.office.docx.embedded import BlockWriter, embedded_document
from documents.extraction.office.docx.notes import NoteReader
from documents.extraction.office.docx.numbering import Numbering, read_numbering
from documents.extraction.office.docx.styles import Styles, read_styles
from documents.extraction.office.ooxml import Package
from documents.extraction.pages import Extraction


def load(path: Path) -> Extraction:
    """Extract the text in pages of similar length, since only a layout engine knows the printed pages."""
    writer = PageWriter()
    with Package(path) as package:
        read_document(package, writer)
        properties = package.properties()
    return writer.extraction(properties.get("title", ""), dict(properties))


def read_document(package: Package, writer: PageWriter, depth: int = 0) -> None:
    """Write the document's blocks. `depth` counts the Word files that embed this one."""
    reader = BodyReader(read_styles(package), read_numbering(package), writer)
    for kind in ("footnotes", "endnotes"):
        reader.notes[kind] = read_notes(package, kind, reader.styles, depth)
    for name, relationship in package.relationships(package.main).items():
        if relationship.kind == "chart":
            reader.charts[name] = chart_blocks(package, relationship.target)
    reader.embedded = embedded_in(package, package.main, depth)
    package.parse_part(package.main, reader)
    reader.finish()
    writer.add(header_footer_blocks(package, reader.styles, writer, depth))
    writer.is_partial |= package.is_damaged


def read_notes(package: Package, kind: str, styles: Styles, depth: int = 0) -> dict[str, str]:
    """The texts of footnotes or endnotes by id."""
    reader = NoteReader(styles, Numbering(), PageWriter())
    part = package.related_part(package.main, kind)
    reader.embedded = embedded_in(package, part, depth) if part else {}
    try:
        package.parse_part(part, reader)
    except UnreadableFile:
        return {}  # the body may still be readable
    return reader.found


def embedded_in(package: Package, part: str, depth: int) -> dict[str, Callable[[], BlockWriter]]:
    """Readers for the documents that a part embeds (altChunk), by relationship id."""
    return {
        name: partial(embedded_document, package, relationship.target, depth, read_document)
        for name, relationship in package.relationships(part).items()
        if relationship.kind == "aFChunk"
    }


def header_footer_blocks(package: Package, styles: Styles, writer: PageWriter, depth: int) -> Iterator[Block]:
    """The distinct headers and footers, which may hold a reference number that the body lacks."""
    seen: set[str] = set()
    for relationship in package.relationships(package.main).values():
        if relationship.kind not in ("header", "footer"):
            continue
        reader = BodyReader(styles, Numbering(), PageWriter())
        reader.embedded = embedded_in(package, relationship.target, depth)
        try:
            package.parse_part(relationship.target, reader)
        except UnreadableFile:
            continue
        reader.finish()
        writer.is_partial |= reader.writer.is_partial
        for page in reader.writer.extraction().pages:
            if page.text and page.text not in seen and any(map(str.isalpha, page.text)):
                seen.add(page.text)
                yield Block("paragraph", page.text)
