"""Plain text and Markdown: decoded, and otherwise left exactly as written, so that offsets are the file's.

Only a byte-order mark goes and line ends become newlines.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from documents.extraction.failures import UnreadableFile
from documents.extraction.pages import ExtractedPage, Extraction, Heading

MOST_BYTES = 100 * 1024 * 1024
PAGE_LENGTH = 20_000  # characters; a longer text is cut into pages at the ends of paragraphs
GUESSING_LENGTH = 200_000  # bytes that are looked at to guess an encoding
ATX = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)")
CLOSING_SIGNS = re.compile(r"(?:^|[ \t])#+$")
LONGEST_TITLE = 300
SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
NO_PARAGRAPH = re.compile(r"\s*$| {0,3}(?:[>#|]|[-*+] |\d{1,9}[.)] )| {4}|\t")
BREAK = "\n\n"


def pages_of_text(
    path: Path, *, is_markdown: bool, on_progress: Callable[[int, int], None] | None = None
) -> Extraction:
    """The text in pages which, joined by blank lines, are the text again."""
    content = path.read_bytes() if path.stat().st_size <= MOST_BYTES else None
    if content is None:
        raise UnreadableFile("limit")
    text = decode(content)
    if not text.strip():
        raise UnreadableFile("empty")
    found = headings(text) if is_markdown else []
    pages = []
    for number, (start, end) in enumerate(page_ranges(text), 1):
        own = [Heading(h.offset - start, h.level, h.title) for h in found if start <= h.offset < end]
        page = text[start:end]
        report = {"characters": len(re.sub(r"\s", "", page))}
        pages.append(
            ExtractedPage(number, str(number), page, [[0, 0, len(page)]] if page else [], own, "", report)
        )
    if on_progress:
        on_progress(len(pages), len(pages))
    title = next((h.title for h in found if h.level == 1), "")
    return Extraction(pages, len(pages), title)


def decode(content: bytes) -> str:
    """UTF-8 first, UTF-16 by its mark, else the likeliest encoding; raises UnreadableFile for what is no text."""
    text = _decoded(content).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\x00") * 1000 > len(text):
        raise UnreadableFile("encoding")
    # PostgreSQL stores no NUL; a blank in its place keeps every offset.
    return text.replace("\x00", " ")


def _decoded(content: bytes) -> str:
    marks = {
        b"\xff\xfe\x00\x00": "utf-32",
        b"\x00\x00\xfe\xff": "utf-32",
        b"\xff\xfe": "utf-16",
        b"\xfe\xff": "utf-16",
    }
    named = next((encoding for mark, encoding in marks.items() if content.startswith(mark)), "utf-8")
    try:
        return content.decode(named)
    except UnicodeDecodeError:
        if named != "utf-8" or content[:GUESSING_LENGTH].count(0) * 1000 > len(content[:GUESSING_LENGTH]):
            raise UnreadableFile("encoding") from None
    return _guessed(content)


def _guessed(content: bytes) -> str:
    from charset_normalizer import from_bytes  # late: only files that are not UTF-8 pay for it

    best = from_bytes(content[:GUESSING_LENGTH]).best()
    if best is None:
        raise UnreadableFile("encoding")
    # What was not looked at may hold a byte or two that the encoding does not have.
    return content.decode(best.encoding, errors="replace")


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


def headings(text: str) -> list[Heading]:
    """The headings of a Markdown text, written with # or underlined, outside code."""
    found: list[Heading] = []
    fence = ""
    before, before_at = "", 0  # the line above, for underlined headings
    at = 0
    for line in text.split("\n"):
        if fence:
            if (close := FENCE.match(line)) and close[1].startswith(fence) and not line.strip(" `~"):
                fence = ""
            before = ""
        elif opening := FENCE.match(line):
            fence, before = opening[1], ""
        elif heading := ATX.match(line):
            title = line[heading.end() :].strip()[: 2 * LONGEST_TITLE]
            _add(found, at, len(heading[1]), CLOSING_SIGNS.sub("", title))
            before = ""
        elif before and (underline := SETEXT.match(line)):
            _add(found, before_at, 1 if underline[1][0] == "=" else 2, before)
            before = ""
        else:
            before, before_at = ("" if NO_PARAGRAPH.match(line) else line), at
        at += len(line) + 1
    return found


def _add(found: list[Heading], offset: int, level: int, title: str) -> None:
    plain = re.sub(
        r"!?\[([^\]]*)\]\([^)]*\)|[*_`]{1,3}", lambda match: match[1] or "", title[: 2 * LONGEST_TITLE]
    ).strip()
    if plain:
        found.append(Heading(offset, level, plain[:LONGEST_TITLE]))
