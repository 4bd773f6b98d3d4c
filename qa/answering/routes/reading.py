"""Reads one document for an answer, and cites stretches of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from documents.models import Document, Page, Version
from documents.structure.outline import Outline, Section, Statement
from qa.answering.parts import Part
from qa.answering.parts import Quote as QuotePart
from qa.answering.quoting.answer import Quote
from qa.models.question import AnswerWay
from qa.retrieval.chunk import RetrievedChunk

MAX_CHARACTERS = 400_000  # of a document that is read for one answer
MAX_EXCERPT = 1200
# A paragraph of a few words without a full stop, with another paragraph below.
LONE_LINE = re.compile(r"(?<=\n\n)(?P<title>[^\W\d_a-z][^\n.!?:;|]{2,60})\n\n(?=\S)")


class Reading:
    """A document's text with its outline, loaded when first needed."""

    def __init__(self, document: Document) -> None:
        self.document = document

    @cached_property
    def version(self) -> Version:
        assert self.document.serving is not None
        return self.document.serving

    @cached_property
    def pages(self) -> list[Page]:
        pages = self.version.pages.order_by("number").only("number", "label", "start", "version")
        return list(pages)

    @cached_property
    def text(self) -> str:
        return self.version.text[:MAX_CHARACTERS]

    @cached_property
    def outline(self) -> Outline:
        return Outline.of(self.version, self.text)

    @cached_property
    def sections(self) -> list[Section]:
        """Its sections; where the file marks no headings, those under lines that stand alone like one."""
        return self.outline.sections or list(under_lone_lines(self.text))

    @property
    def statements(self) -> list[Statement]:
        return self.outline.statements

    def headings_at(self, at: int) -> list[str]:
        """The titles of the sections around an offset, outermost first."""
        return [section.title for section in self.sections if section.start <= at < section.end]

    def place_of(self, words: str) -> tuple[int, int] | None:
        """Where these words stand in the text, whatever white space is between them and however they begin."""
        pattern = r"\s+".join(re.escape(word) for word in words.split())
        found = re.search(pattern, self.text, re.IGNORECASE) if pattern else None
        return found.span() if found else None


@dataclass
class RoutedAnswer:
    """An answer that needs no search: its parts, and the stretches of documents that they cite."""

    way: AnswerWay
    parts: list[Part] = field(default_factory=list)
    sources: list[RetrievedChunk] = field(default_factory=list)
    quotes: list[Quote] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)  # that it names
    ranges: list[tuple[Reading, int, int]] = field(default_factory=list)  # that a model should read
    next_questions: list[str] = field(default_factory=list)
    is_nothing: bool = False

    def cite(self, reading: Reading, start: int, end: int, *, has_quote: bool = True) -> int:
        """Cite a stretch of a document and return its number; without a quote, the paragraph is the source."""
        number = len(self.sources) + 1
        self.sources.append(source_at(reading, *_paragraph(reading.text, start, end), number))
        text = reading.text[start:end]
        if has_quote:
            self.quotes.append(Quote(number, start, end, text))
        self.note(reading.document)
        return number

    def quote(self, reading: Reading, statements: Sequence[Statement]) -> list[QuotePart]:
        """Cite each run of adjacent statements, and return a part for each."""
        return [
            QuotePart(self.cite(reading, run[0].start, run[-1].end), " ".join(each.words for each in run))
            for run in _runs(reading.text, statements)
        ]

    def note(self, document: Document) -> None:
        """Remember that the answer names a document."""
        if document not in self.documents:
            self.documents.append(document)


def under_lone_lines(text: str) -> Iterator[Section]:
    """Yield the sections of a text under the short lines that stand alone between its paragraphs."""
    found = list(LONE_LINE.finditer(text))
    for place, line in enumerate(found, start=1):
        end = found[place].start() if place < len(found) else len(text)
        yield Section(line["title"], 1, line.start(), line.end(), end)


def _runs(text: str, statements: Iterable[Statement]) -> list[list[Statement]]:
    runs: list[list[Statement]] = []
    for each in sorted(statements):
        before = runs[-1][-1] if runs else None
        is_next = (
            before and not each.is_item and not before.is_item and not text[before.end : each.start].strip()
        )
        if is_next:
            runs[-1].append(each)
        else:
            runs.append([each])
    return runs


def source_at(reading: Reading, start: int, end: int, number: int) -> RetrievedChunk:
    """Return a stretch of a document as a source."""
    pages = [page for page in reading.pages if page.start < end] or reading.pages[:1]
    first = next((page for page in reversed(pages) if page.start <= start), pages[0])
    document = reading.document
    return RetrievedChunk(
        document_id=document.pk,
        version_id=reading.version.pk,
        document_title=document.title,
        page_start=first.number,
        page_end=pages[-1].number,
        page_label=first.label,
        heading_path=reading.headings_at(start),
        text=reading.text[start:end],
        start=start,
        end=end,
        tokens=0,
        score=1.0,
        number=number,
        collection_id=document.collection_id,
    )


def _paragraph(text: str, start: int, end: int) -> tuple[int, int]:
    """The paragraphs around a stretch, cut where they are long."""
    first = text.rfind("\n\n", max(0, start - MAX_EXCERPT), start) + 2
    first = first if first > 1 else max(0, start - MAX_EXCERPT)
    last = text.find("\n\n", end, end + MAX_EXCERPT)
    return first, last if last >= 0 else min(len(text), end + MAX_EXCERPT)
