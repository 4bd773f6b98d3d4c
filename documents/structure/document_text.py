"""A document's text as one string: its pages joined, and where each of them starts."""

from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from documents.extraction.cleanup.cjk import CJK
from documents.extraction.pages import Heading

PAGE_BREAK = "\n\n"
# Joins two pages that share a paragraph; Chinese and Japanese are joined without it.
SPACE = " "
SEPARATORS = {len(separator): separator for separator in (PAGE_BREAK, SPACE, "")}


class PageText(NamedTuple):
    """A page's cleaned text, where it starts in the document's text, and its headings (offsets in the page)."""

    number: int
    text: str
    start: int
    headings: Sequence[Heading] = ()


def join_pages(pages: Iterable[PageText | str]) -> str:
    """The pages with a blank line between them, or a space or nothing where a paragraph continues on the next page."""
    parts: list[str] = []
    end = 0
    for page in pages:
        text, start = (page, -1) if isinstance(page, str) else (page.text, page.start)
        if parts:
            parts.append(SEPARATORS.get(start - end, PAGE_BREAK))
        parts.append(text)
        end = start + len(text)
    return "".join(parts)


def page_starts(texts: Iterable[str], continued: Container[int] = ()) -> list[int]:
    """Where each page starts in the document's text; pages at `continued` continue the paragraph of the page before."""
    starts: list[int] = []
    end, previous = 0, ""
    for position, text in enumerate(texts):
        separator = PAGE_BREAK
        if position in continued:
            is_spaced = not (CJK.match(previous[-1:]) and CJK.match(text[:1]))
            separator = SPACE if is_spaced else ""
        starts.append(end + len(separator) if position else 0)
        end, previous = starts[-1] + len(text), text
    return starts
