"""The source panel: the cited page with the quoted words marked, or what is left if the document changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from documents.extraction.text.markup_spans import MarkupSpan, markup_spans, without_markup
from documents.models import Document, Page
from documents.models.page import Part
from documents.sources.uploads import MARKDOWN
from documents.structure.drawing import drawn_blocks, with_blocks
from qa.models import Citation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from documents.extraction.pages import Heading
    from ragsite.accounts.models import User

Range = tuple[int, int]


class Stretch(NamedTuple):
    """A stretch of text, and whether it belongs to the passage or to the quoted words."""

    text: str
    is_passage: bool = False
    is_quote: bool = False

    @property
    def html(self) -> SafeString:
        if self.is_quote:
            return format_html("<mark>{}</mark>", self.text)
        if self.is_passage:
            return format_html('<span class="passage-around">{}</span>', self.text)
        return format_html("{}", self.text)


@dataclass(frozen=True)
class MarkedText:
    """A text, and the ranges of the passage and of the quoted words in it. Without a quote, the passage is marked."""

    text: str
    media_type: str
    passage: Range | None = None
    quote: Range | None = None
    headings: Sequence[Heading] = ()

    @property
    def stretches(self) -> list[Stretch]:
        """The text without Markdown syntax, split where the passage or the quote begins or ends."""
        return list(self._stretches(0, len(self.text)))

    @property
    def html(self) -> SafeString:
        """The text with its tables and headings drawn, and the passage and the quoted words marked."""
        drawn = drawn_blocks(self.text, self.media_type, self.headings)
        return with_blocks(self.text, drawn, self._draw)

    def _draw(self, start: int, end: int) -> SafeString:
        return format_html_join("", "{}", ((stretch.html,) for stretch in self._stretches(start, end)))

    def _stretches(self, start: int, end: int) -> Iterator[Stretch]:
        quote = self.quote or self.passage
        edges = {edge for edge in (*(self.passage or ()), *(quote or ())) if start < edge < end}
        for first, last in pairwise(sorted({start, end, *edges})):
            words = without_markup(self.text, self._markup, first, last)
            yield Stretch(words, _contains(self.passage, first), _contains(quote, first))

    @cached_property
    def _markup(self) -> list[MarkupSpan]:
        return markup_spans(self.text, self.media_type)


@dataclass
class Passage:
    """What the source panel shows. `state` is "" for the cited version, else "replaced", "gone" or "forbidden"."""

    citation: Citation
    state: str = ""
    document: Document | None = None
    page: Page | None = None
    previous: int | None = None
    next: int | None = None
    last: int | None = None
    part: Part | None = None
    words: MarkedText | None = None
    marked: list[tuple[int, int]] = field(default_factory=list)  # ranges of the page's text

    @property
    def marks(self) -> str:
        """The query string with the ranges to mark in the page's image."""
        return urlencode([("at", f"{start}-{end}") for start, end in self.marked])

    @property
    def stretches(self) -> list[Stretch]:
        return self.words.stretches if self.words else []

    @property
    def html(self) -> SafeString:
        """The text with the quoted words and the passage around them marked."""
        return self.words.html if self.words else SafeString()

    @property
    def shows_headings(self) -> bool:
        return bool(self.citation.heading_path) and self.is_cited_page and self.state != "forbidden"

    @property
    def previous_part_url(self) -> str:
        return self._part_url(self.part.previous if self.part else None)

    @property
    def next_part_url(self) -> str:
        return self._part_url(self.part.next if self.part else None)

    def _part_url(self, part: int | None) -> str:
        number = self.page.number if self.page else self.citation.page
        query = {"page": number, "part": part or 1}
        return reverse("qa:citation", args=[self.citation.pk], query=query)

    @property
    def document_url(self) -> str:
        """The page of the document, in the cited version and in the part that is shown."""
        if not self.document or not self.page:
            return ""
        query = {}
        if self.state:
            query["version"] = self.page.version.number
        elif self.part and self.part.number > 1:
            query["part"] = self.part.number
        return reverse("documents:page", args=[self.document.pk, self.page.number], query=query)

    @property
    def is_cited_page(self) -> bool:
        """Whether the page shown is one of the cited pages."""
        return self.page is None or self.citation.page <= self.page.number <= self.citation.page_end


def open_passage(
    citation: Citation, user: User, number: int | None = None, part: int | None = None
) -> Passage:
    """Return the cited page, or another page of the same version; of a long page, one part."""
    if not citation.is_readable:
        return Passage(citation, "forbidden")
    document = Document.objects.visible_to(user).filter(pk=citation.document_id or 0).first()
    page = _page(citation, number) or _page(citation, citation.page)
    if document is None or page is None:
        return Passage(citation, "gone", document, words=_of_excerpt(citation))
    state = "" if document.serving_id == citation.version_id else "replaced"
    numbers = page.version.pages.order_by("number").values_list("number", flat=True)
    shown = _part(page, citation, part)
    cited, quote = _in_part(page, shown, citation)
    marked = quote or cited
    return Passage(
        citation,
        state,
        document,
        page,
        previous=numbers.filter(number__lt=page.number).last(),
        next=numbers.filter(number__gt=page.number).first(),
        last=numbers.last(),
        part=shown,
        words=MarkedText(shown.text, page.version.media_type, cited, quote, page.headings_in(shown)),
        marked=[(shown.start + marked[0], shown.start + marked[1])] if marked else [],
    )


def _page(citation: Citation, number: int | None) -> Page | None:
    """That page of the cited version, by default the cited page."""
    if not citation.version_id:
        return None
    pages = Page.objects.in_parts().filter(version=citation.version_id).select_related("version")
    return pages.filter(number=number or citation.page).first()


def _part(page: Page, citation: Citation, number: int | None) -> Part:
    """The part that was asked for, else the one with the quoted words, else with the passage."""
    if number is not None:
        return page.part(number)
    start = citation.start if citation.quote_start is None else citation.quote_start
    return page.part_at(min(max(0, start - page.start), max(0, page.characters - 1)))


def _in_part(page: Page, part: Part, citation: Citation) -> tuple[Range | None, Range | None]:
    """Offsets of the passage and the quoted words in the text that is shown."""
    cited = _inside(page, part, citation.start, citation.end)
    quote = _inside(page, part, citation.quote_start, citation.quote_end)
    return _relocated(part, cited, citation.excerpt), _relocated(part, quote, citation.quote)


def _relocated(part: Part, place: Range | None, words: str) -> Range | None:
    """Return where the words are now: the document may have been extracted again, with a different text."""
    if place and part.text[slice(*place)] in words:
        return place
    at = part.text.find(words) if words else -1
    return (at, at + len(words)) if at >= 0 else None


def _of_excerpt(citation: Citation) -> MarkedText:
    quote = None
    if citation.quote_start is not None and citation.quote_end is not None:
        quote = (citation.quote_start - citation.start, citation.quote_end - citation.start)
    return MarkedText(citation.excerpt, media_type_of(citation), (0, len(citation.excerpt)), quote)


def _inside(page: Page, part: Part, start: int | None, end: int | None) -> Range | None:
    """Return a range of the document's text as a range of this part of the page, or None if they do not overlap."""
    if start is None or end is None:
        return None
    before = page.start + part.start
    first, last = max(start - before, 0), min(end - before, len(part.text))
    return (first, last) if first < last else None


def media_type_of(citation: Citation) -> str:
    """Return the media type of the cited file, guessed from the excerpt if its version was deleted."""
    return citation.media_type or ("text/markdown" if MARKDOWN.search(citation.excerpt) else "text/plain")


def _contains(span: Range | None, at: int) -> bool:
    return span is not None and span[0] <= at < span[1]
