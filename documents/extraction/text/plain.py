"""Plain text, source code and data: decoded, and otherwise left as written.

A byte-order mark goes, line ends become newlines, and pictures that are written into the text are left out.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from documents.extraction.cleanup.garbage import solid_length
from documents.extraction.errors import UnreadableFile
from documents.extraction.pages import ExtractedPage, Extraction, Heading
from documents.extraction.text.embedded_data import without_embedded_data
from documents.extraction.text.encodings import decode

MAX_BYTES = 100 * 1024 * 1024
PAGE_LENGTH = 20_000  # characters; a longer text is cut into pages at the ends of paragraphs
MAX_TITLE_LENGTH = 300
BREAK = "\n\n"


def load(path: Path) -> Extraction:
    """The text in pages which, joined by blank lines, are the text again."""
    return pages_of_text(read_text(path))


def pages_of_text(text: str, found: Sequence[Heading] = (), title: str = "") -> Extraction:
    """The title is the one given, else the first heading of the first level."""
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
    """The file's text. Raises UnreadableFile for one that is too large or no text."""
    if path.stat().st_size > MAX_BYTES:
        raise UnreadableFile("limit")
    return without_embedded_data(decode(path.read_bytes()))


def page_ranges(text: str) -> list[tuple[int, int]]:
    """Where each page starts and ends; between two pages stands exactly one blank line's worth of newlines.

    A page ends at a form feed that has a blank line at its side, and, in a long text, at the end of a paragraph.
    """
    ranges = []
    start = 0
    for end in _cuts(text):
        ranges.append((start, end))
        start = end + len(BREAK)
    return [*ranges, (start, len(text))]


def _cuts(text: str) -> Iterator[int]:
    start = 0
    while (cut := _next_cut(text, start)) >= 0:
        yield cut
        start = cut + len(BREAK)


def _next_cut(text: str, start: int) -> int:
    """Before the last break that keeps the page within its length, else before the first one after."""
    limit = start + PAGE_LENGTH
    feed = re.compile(r"\n\n(?=\f)|(?<=\f)\n\n").search(text, start + 1, min(limit, len(text)))
    if feed:
        return feed.start()
    if len(text) <= limit:
        return -1
    cut = text.rfind(BREAK, start + PAGE_LENGTH // 4, limit)
    return cut if cut >= 0 else text.find(BREAK, limit)
