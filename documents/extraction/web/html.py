"""Loader for HTML: the main text of a page as blocks. Nothing is fetched."""

import re
from pathlib import Path

from documents.extraction.blocks.blocks import Block
from documents.extraction.blocks.page_writer import PageWriter
from documents.extraction.errors import UnreadableFile
from documents.extraction.pages import Extraction
from documents.extraction.text.plain import MAX_BYTES, decode
from documents.extraction.web.article import main_blocks
from documents.extraction.web.html_reader import HTMLReader, WebPage

DECLARED = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE)
DECLARED_BY_XML = re.compile(rb"""^\s*<\?xml[^>]{0,100}encoding\s*=\s*["']([\w.:-]{2,40})""")


def load(path: Path) -> Extraction:
    """Extract the main text of an HTML file in pages."""
    if path.stat().st_size > MAX_BYTES:
        raise UnreadableFile("limit")
    return extract_html(path.read_bytes())


def extract_html(content: bytes | str, charset: str = "") -> Extraction:
    """Extract the main text of HTML in pages. `charset` is the one of the HTTP or MIME header, if any."""
    html = content if isinstance(content, str) else decode_html(content, charset)
    page = read_html(html)
    return extract_blocks(page, main_blocks(html, page.blocks))


def extract_blocks(page: WebPage, blocks: list[Block]) -> Extraction:
    """Build the extraction from a selection of the page's blocks."""
    writer = PageWriter()
    writer.add(blocks)
    writer.count_hidden(page.hidden)
    known = {
        "language": page.language,
        "description": page.description,
        "author": page.author,
        "creationdate": page.published,
    }
    extraction = writer.extraction(page.title, {name: value for name, value in known.items() if value})
    extraction.is_partial |= page.is_partial
    return extraction


def read_html(content: bytes | str, charset: str = "") -> WebPage:
    """Parse HTML into its metadata and all visible blocks."""
    parser = HTMLReader()
    parser.feed(
        neutralize_open_comments(content if isinstance(content, str) else decode_html(content, charset))
    )
    parser.close()
    return parser.finish()


def neutralize_open_comments(html: str) -> str:
    """Replace unclosed comments, for each of which the parser would rescan the rest of the page.

    An element without text replaces them; inside a script it is part of the script.
    """
    last = html.rfind("-->") + 1
    return html[:last] + html[last:].replace("<!--", "<template>")


def decode_html(content: bytes, charset: str = "") -> str:
    """Decode HTML by byte-order mark, the given or declared encoding, or detection."""
    declared = DECLARED_BY_XML.match(content[:500]) or DECLARED.search(content[:4096])
    named = charset or (declared[1].decode() if declared else "")
    return decode(content, named)
