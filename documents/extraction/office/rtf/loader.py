"""Loader for RTF, the format of WordPad and of old Word files."""

from pathlib import Path

from documents.extraction.blocks.page_writer import PageWriter
from documents.extraction.errors import UnreadableFile
from documents.extraction.office.rtf.header import TITLE, properties_of, property_of
from documents.extraction.office.rtf.reader import RTFReader
from documents.extraction.pages import Extraction
from documents.extraction.text.plain import MAX_BYTES


def load(path: Path) -> Extraction:
    """Extract the text in pages. A truncated file is read to its end and marked as partial."""
    if path.stat().st_size > MAX_BYTES:
        raise UnreadableFile("limit")
    content, writer = path.read_bytes(), PageWriter()
    read_rtf(content, writer)
    return writer.extraction(property_of(content, TITLE), properties_of(content))


def read_rtf(content: bytes, writer: PageWriter) -> None:
    """Write the blocks of an RTF document. Raises UnreadableFile."""
    start = content.find(b"{\\rtf", 0, 1024)
    if start < 0:
        raise UnreadableFile("damaged")
    RTFReader(content, writer).read(content, start)
