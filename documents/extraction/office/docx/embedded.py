"""Read documents of other formats that a Word file embeds unconverted (altChunk)."""

import email
from collections.abc import Callable, Iterable
from io import BytesIO

from documents.extraction.blocks.blocks import Block, tidy
from documents.extraction.blocks.page_writer import PageWriter
from documents.extraction.errors import UnreadableFile
from documents.extraction.office.ooxml import Package
from documents.extraction.office.rtf.loader import read_rtf
from documents.extraction.registry import DOCX, MAIL, RTF
from documents.extraction.sniffing import sniff
from documents.extraction.text.encodings import decode
from documents.extraction.text.mail import BLANK_LINES, MailReader
from documents.extraction.web.html import read_html

MAX_DEPTH = 3  # of nested Word files
DocxReader = Callable[[Package, PageWriter, int], None]  # the last argument counts the enclosing Word files


class BlockWriter(PageWriter):
    """Keeps blocks as they are, for another document's writer."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[Block] = []

    def add(self, blocks: Iterable[Block]) -> None:
        self.blocks += blocks


def embedded_document(package: Package, part: str, depth: int, read_docx: DocxReader) -> BlockWriter:
    """Read an embedded part in any supported format; `read_docx` reads a Word file. Raises UnreadableFile."""
    content = b"".join(package.pieces(package.parts[part.lower()])) if package.has(part) else b""
    writer, kind = BlockWriter(), sniff(content, part)
    if kind == "text/html":
        page = read_html(content)
        writer.add(page.blocks)
        writer.count_hidden(page.hidden)
        writer.is_partial = page.is_partial
    elif kind == MAIL:
        MailReader(writer).read_bodies(email.message_from_bytes(content))
    elif kind == RTF:
        read_rtf(content, writer)
    elif kind == DOCX and depth < MAX_DEPTH:
        with Package(BytesIO(content)) as inner:
            inner.left = package.left  # both share one limit on unpacked bytes
            read_docx(inner, writer, depth + 1)
            package.left = inner.left
    elif kind.startswith("text/") and not content.lstrip().startswith(b"<?xml"):
        writer.add(Block("paragraph", tidy(piece)) for piece in BLANK_LINES.split(decode(content)))
    else:
        raise UnreadableFile("unsupported")
    return writer
