"""A cited passage where it stands: the page's text with the quoted words marked, and what to say when it stands there no more."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from documents.models import Document, Page
from qa.models import Citation

if TYPE_CHECKING:
    from ragsite.accounts.models import User


class Stretch(NamedTuple):
    """A run of text, and whether it belongs to the passage or to the quoted words."""

    text: str
    is_passage: bool = False
    is_quote: bool = False


@dataclass
class Passage:
    """What the source panel shows. `state`: "" as it was cited, "replaced" (an older content), "gone", "forbidden"."""

    citation: Citation
    state: str = ""
    document: Document | None = None
    page: Page | None = None
    previous: int | None = None
    next: int | None = None
    last: int | None = None
    stretches: list[Stretch] = field(default_factory=list)

    @property
    def is_cited_page(self) -> bool:
        return self.page is None or self.citation.page <= self.page.number <= self.citation.page_end


def open_passage(citation: Citation, user: User, number: int | None = None) -> Passage:
    """The cited page, or another of the same content, of a document that the user may read."""
    document = (
        Document.objects.visible_to(user).filter(pk=citation.document_id).first()
        if citation.document_id
        else None
    )
    if citation.document_id and document is None:
        return Passage(citation, "forbidden")
    pages = Page.objects.filter(version=citation.version_id) if citation.version_id else Page.objects.none()
    page = pages.filter(number=number or citation.page).first() or pages.filter(number=citation.page).first()
    if document is None or page is None:
        return Passage(citation, "gone", document, stretches=_of_excerpt(citation))
    state = "" if document.serving_id == citation.version_id else "replaced"
    numbers = pages.order_by("number").values_list("number", flat=True)
    return Passage(
        citation,
        state,
        document,
        page,
        previous=numbers.filter(number__lt=page.number).last(),
        next=numbers.filter(number__gt=page.number).first(),
        last=numbers.last(),
        stretches=_of_page(page, citation),
    )


def _of_page(page: Page, citation: Citation) -> list[Stretch]:
    quote = _inside(page, citation.quote_start, citation.quote_end)
    if quote and page.text[slice(*quote)] not in citation.quote:  # the page was read afresh, and differently
        at = page.text.find(citation.quote)
        quote = (at, at + len(citation.quote)) if at >= 0 else None
    return _cut(page.text, _inside(page, citation.start, citation.end), quote)


def _of_excerpt(citation: Citation) -> list[Stretch]:
    quote = None
    if citation.quote_start is not None and citation.quote_end is not None:
        quote = (citation.quote_start - citation.start, citation.quote_end - citation.start)
    return _cut(citation.excerpt, (0, len(citation.excerpt)), quote)


def _inside(page: Page, start: int | None, end: int | None) -> tuple[int, int] | None:
    """That range of the document's text, in this page's; None if it does not touch the page."""
    if start is None or end is None:
        return None
    first, last = max(start - page.start, 0), min(end - page.start, len(page.text))
    return (first, last) if first < last else None


def _cut(text: str, passage: tuple[int, int] | None, quote: tuple[int, int] | None) -> list[Stretch]:
    """The text in runs, at every place where passage or quote begins or ends. Without a quote the passage itself is marked."""
    quote = quote or passage
    cuts = sorted({0, len(text), *(passage or ()), *(quote or ())})
    return [
        Stretch(text[start:end], _holds(passage, start), _holds(quote, start))
        for start, end in pairwise(cuts)
    ]


def _holds(span: tuple[int, int] | None, at: int) -> bool:
    return span is not None and span[0] <= at < span[1]
