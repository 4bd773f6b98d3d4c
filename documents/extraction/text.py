"""Plain text and Markdown: decoded, and otherwise left exactly as written, so that offsets are the file's.

Only a byte-order mark goes and line ends become newlines.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from documents.extraction.encodings import decode
from documents.extraction.failures import UnreadableFile
from documents.extraction.garbage import solid_length
from documents.extraction.pages import ExtractedPage, Extraction, Heading

MOST_BYTES = 100 * 1024 * 1024
PAGE_LENGTH = 20_000  # characters; a longer text is cut into pages at the ends of paragraphs
ATX = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)")
CLOSING_SIGNS = re.compile(r"(?:^|[ \t])#+$")
LONGEST_TITLE = 300
SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
NO_PARAGRAPH = re.compile(r"\s*$| {0,3}(?:[>#|]|[-*+] |\d{1,9}[.)] )| {4}|\t")
FRONT_MATTER = re.compile(
    r"---[ \t]*\n((?:(?!(?:---|\.\.\.)[ \t]*$).*\n)*)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.MULTILINE
)
FIELD = re.compile(r"^[\w-]+[ \t]*:(?:[ \t]|$)", re.MULTILINE)
FRONT_TITLE = re.compile(r"^title[ \t]*:[ \t]+(.*)$", re.MULTILINE | re.IGNORECASE)
LONGEST_FRONT_MATTER = 20_000
BREAK = "\n\n"


def load(path: Path) -> Extraction:
    """The text in pages which, joined by blank lines, are the text again."""
    return pages_of_text(read_text(path))


def load_markdown(path: Path) -> Extraction:
    """The same, with its headings; its title is the one in its front matter, or the first heading."""
    text = read_text(path)
    return pages_of_text(text, headings(text), title_in_front(text))


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
    if path.stat().st_size > MOST_BYTES:
        raise UnreadableFile("limit")
    return decode(path.read_bytes())


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
    """The headings of a Markdown text, written with # or underlined, outside code and front matter."""
    found: list[Heading] = []
    fence = ""
    before, before_at = "", 0  # the line above, for underlined headings
    at = front_matter(text)
    for line in text[at:].split("\n"):
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


def front_matter(text: str) -> int:
    """Where the lines between --- and --- end with which a text may begin; 0 where it does not.

    They name things, or it is two rules with words between them.
    """
    block = FRONT_MATTER.match(text[:LONGEST_FRONT_MATTER])
    return block.end() if block and FIELD.search(block[1]) else 0


def title_in_front(text: str) -> str:
    found = FRONT_TITLE.search(text, 0, front_matter(text))
    title = found[1].strip() if found else ""
    if len(title) > 1 and title[0] == title[-1] and title[0] in "\"'":
        title = title[1:-1].strip()
    return "" if title[:1] in ("|", ">") else title[:LONGEST_TITLE]


def _add(found: list[Heading], offset: int, level: int, title: str) -> None:
    plain = re.sub(
        r"!?\[([^\]]*)\]\([^)]*\)|[*_`]{1,3}", lambda match: match[1] or "", title[: 2 * LONGEST_TITLE]
    ).strip()
    if plain:
        found.append(Heading(offset, level, plain[:LONGEST_TITLE]))
