"""Loader for plain text, source code and data: decode, normalize line ends, remove embedded images."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from documents.extraction.cleanup.garbage import solid_length
from documents.extraction.errors import UnreadableFile
from documents.extraction.pages import ExtractedPage, Extraction, Heading
from documents.extraction.text.embedded_data import strip_embedded_data
from documents.extraction.text.encodings import decode

MAX_BYTES = 100 * 1024 * 1024
PAGE_LENGTH = 20_000  # characters; a longer text is split into pages between paragraphs
MAX_TITLE_LENGTH = 300
PAGE_BREAK = "\n\n"


def load(path: Path) -> Extraction:
    """Extract the text in pages; joined by blank lines they are the whole text."""
    return pages_of_text(read_text(path))


def pages_of_text(text: str, found: Sequence[Heading] = (), title: str = "") -> Extraction:
    """Split a text into pages with their headings. The title defaults to the first top-level heading."""
    if not text.strip():
        raise UnreadableFile("empty")
    pages = []
    for number, (start, end) in enumerate(page_ranges(text), 1):
        own = [Heading(h.offset - start, h.level, h.title) for h in found if start <= h.offset < end]
        page = text[start:end]
        report = {"characters": solid_length(page)}
        pages.append(
            ExtractedPage(number, str(number), page, [[0, 0, len(page)]] if page else [], own, "", report)
        )
    return Extraction(pages, len(pages), title or next((h.title for h in found if h.level == 1), ""))


def read_text(path: Path) -> str:
    """Decode a text file. Raises UnreadableFile if it is too large or binary."""
    if path.stat().st_size > MAX_BYTES:
        raise UnreadableFile("limit")
    return strip_embedded_data(decode(path.read_bytes()))


def page_ranges(text: str) -> list[tuple[int, int]]:
    """The start and end of each page; exactly one blank line separates two pages.

    A page ends at a form feed next to a blank line and, in a long text, between paragraphs.
    """
    ranges = []
    start = 0
    for end in _cuts(text):
        ranges.append((start, end))
        start = end + len(PAGE_BREAK)
    return [*ranges, (start, len(text))]


def _cuts(text: str) -> Iterator[int]:
    start = 0
    while (cut := _next_cut(text, start)) >= 0:
        yield cut
        start = cut + len(PAGE_BREAK)


def _next_cut(text: str, start: int) -> int:
    """Return the last paragraph break within the page length, else the first after it, else -1."""
    limit = start + PAGE_LENGTH
    feed = re.compile(r"\n\n(?=\f)|(?<=\f)\n\n").search(text, start + 1, min(limit, len(text)))
    if feed:
        return feed.start()
    if len(text) <= limit:
        return -1
    cut = text.rfind(PAGE_BREAK, start + PAGE_LENGTH // 4, limit)
    return cut if cut >= 0 else text.find(PAGE_BREAK, limit)
