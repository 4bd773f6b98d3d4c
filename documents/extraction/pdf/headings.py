"""Finds headings: from bookmarks, else from the letter size."""

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from documents.extraction.cleanup.clean_pages import CleanPage
from documents.extraction.cleanup.fold import fold
from documents.extraction.pages import Heading

MAX_LENGTH = 150
MAX_SEARCHED = 50_000  # characters of a page, far more than a printed page has
LARGER = 1.12  # times the letter height of the body


def headings_from_outline(outline: Sequence[Sequence[Any]], texts: Sequence[str]) -> dict[int, list[Heading]]:
    """Bookmarks by page index, each at its title in the page's text, else at the previous heading."""
    found: dict[int, list[Heading]] = defaultdict(list)
    for level, bookmark, number in outline:
        title = " ".join(fold(str(bookmark)).split())
        if title and 0 <= number < len(texts):
            after = found[number][-1].offset if found[number] else 0
            found[number].append(
                Heading(_offset_of(title, texts[number][:MAX_SEARCHED], after), int(level), title)
            )
    return {
        number: sorted(headings, key=lambda heading: heading.offset) for number, headings in found.items()
    }


def relocate_headings(headings: Sequence[Heading], text: str) -> list[list[Any]]:
    """The headings of a page after its text changed, each at its title, else at the previous heading."""
    found: list[list[Any]] = []
    for heading in headings:
        after = found[-1][0] if found else 0
        found.append([_offset_of(heading.title, text[:MAX_SEARCHED], after), heading.level, heading.title])
    return sorted(found)


def _offset_of(title: str, text: str, after: int) -> int:
    """Offset of a paragraph that begins with the title, perhaps after a number, else `after`."""
    words = r"\s+".join(map(re.escape, title.split()[:30]))
    pattern = re.compile(rf"(?:^|\n)(?P<heading>(?:[\dA-Z][\d.]*\s+)?{words})", re.IGNORECASE)
    match = pattern.search(text, max(0, after - 1)) or pattern.search(text)
    return match.start("heading") if match else after


def headings_by_size(pages: Sequence[CleanPage]) -> Mapping[int, list[Heading]]:
    """Short paragraphs in larger letters than the body, unless they are too many for headings."""
    paragraphs = [_paragraphs(page) for page in pages]
    weights: Counter[float] = Counter()
    for page in paragraphs:
        for _offset, text, height in page:
            weights[round(height)] += len(text)
    if not weights or not (body := weights.most_common(1)[0][0]):
        return {}
    large = [
        (number, offset, text, round(height))
        for number, page in enumerate(paragraphs)
        for offset, text, height in page
        if height > LARGER * body and 2 < len(text) <= MAX_LENGTH and re.search(r"[^\W\d_]{2}", text)
    ]
    total = sum(map(len, paragraphs))
    if not large or len(large) > 0.4 * total:
        return {}
    levels = {height: level for level, height in enumerate(sorted({h for *_, h in large}, reverse=True), 1)}
    found: dict[int, list[Heading]] = defaultdict(list)
    for number, offset, text, height in large:
        found[number].append(Heading(offset, min(6, levels[height]), " ".join(text.split())))
    return found


def _paragraphs(page: CleanPage) -> list[tuple[int, str, float]]:
    """Offset, text and letter height of each paragraph."""
    found = []
    heights = iter([*page.lines, (sys.maxsize, 0.0)])
    at, height = next(heights)
    start = 0
    for paragraph in page.text.split("\n\n"):
        while at < start:
            at, height = next(heights)
        if at == start and paragraph:
            found.append((start, paragraph, height))
        start += len(paragraph) + 2
    return found
