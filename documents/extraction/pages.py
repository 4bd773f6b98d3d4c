"""The result of every loader: pages of clean text. Standard library only, for the fork server."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self


class Heading(NamedTuple):
    """A heading of the document's structure, at its offset in the page's cleaned text."""

    offset: int
    level: int
    title: str


@dataclass
class ExtractedPage:
    """One page: its clean text, how it maps to the raw text, and its problem, if any.

    `runs` are sorted `[clean_start, raw_start, length]` ranges in which both texts are equal.
    `problem` is one of "", "no_text", "garbled", "unreadable". `continues_paragraph`: it starts inside a paragraph of the
    previous page.
    """

    number: int
    label: str
    text: str
    runs: list[list[int]] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    problem: str = ""
    report: dict[str, Any] = field(default_factory=dict)
    continues_paragraph: bool = False


@dataclass
class Extraction:
    """Everything read from a file. `is_partial`: some of it is missing, as the pages report."""

    pages: list[ExtractedPage]
    page_count: int
    title: str = ""
    is_partial: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of_texts(cls, texts: Iterable[str], title: str = "") -> Self:
        """One page per text: all that a simple loader has to return."""
        pages = [ExtractedPage(number, str(number), text) for number, text in enumerate(texts, 1)]
        return cls(pages, len(pages), title)
