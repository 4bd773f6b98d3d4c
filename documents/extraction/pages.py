"""What every loader gives: pages of cleaned text. Standard library only: the fork server imports this package."""

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
    """One page: its cleaned text, how that maps to the raw text, and what is wrong with it.

    `runs` are `[clean_start, raw_start, length]` pieces, sorted, in which both texts are equal.
    `problem` is one of "", "no_text", "garbled", "unreadable". `goes_on`: it begins inside a paragraph of the page before.
    """

    number: int
    label: str
    text: str
    runs: list[list[int]] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    problem: str = ""
    report: dict[str, Any] = field(default_factory=dict)
    goes_on: bool = False


@dataclass
class Extraction:
    """All that was read of a file. `is_partial`: some of it is missing, and the pages say which."""

    pages: list[ExtractedPage]
    page_count: int
    title: str = ""
    is_partial: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of_texts(cls, texts: Iterable[str], title: str = "") -> Self:
        """Each text as one page: all that a simple loader has to return."""
        pages = [ExtractedPage(number, str(number), text) for number, text in enumerate(texts, 1)]
        return cls(pages, len(pages), title)
