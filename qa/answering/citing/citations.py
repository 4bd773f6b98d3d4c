"""Citations of a finished answer, checked: the number exists, and the quoted words are in the chunk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from documents.ingestion.sentences import sentences
from documents.models import Collection, Document, Page, Version
from qa.answering.citing.markers import MARKER, numbers_in
from qa.answering.citing.statements import ChunkText, annotate
from qa.answering.quoting.answer import Quote
from qa.models import Citation, Question
from qa.retrieval.chunk import RetrievedChunk
from qa.retrieval.stop_words import Weights, content_words

QUOTED = re.compile(r"[\"“„«]([^\"“”„«»]{12,400})[\"”“»]")
MAX_QUOTE_LENGTH = 600  # characters
MAX_CLAIMS = 12  # statements compared with one source
CACHED_FIELDS = [
    "number", "document_id", "collection_id", "version_id", "document_title", "page", "page_end", "page_label", "heading_path", "excerpt", "start",
    "end", "quote", "quote_start", "quote_end", "is_cited", "is_confirmed", "score",
]  # fmt: skip


@dataclass(frozen=True)
class Claim:
    """A statement of the answer, and the numbers it cites."""

    text: str
    numbers: frozenset[int]


def cite(answer: str, question: str, sources: Sequence[RetrievedChunk]) -> list[Citation]:
    """Return an unsaved citation for every source in the prompt; numbers without a source get none."""
    claims = find_claims(answer)
    rows = [
        _row(text, [claim for claim in claims if text.source.number in claim.numbers], question)
        for text in annotate(sources)
    ]
    return _narrowed_to_pages(rows)


def cite_quotes(quotes: Sequence[Quote], sources: Sequence[RetrievedChunk]) -> list[Citation]:
    """Return an unsaved citation for every source of an answer made of quotes, each with its first and best quote."""
    rows = []
    for source in sources:
        row = _uncited(source)
        if quote := next((quote for quote in quotes if quote.number == source.number), None):
            row.quote, row.quote_start, row.quote_end = quote.text, quote.start, quote.end
            row.is_cited = True
            if quote.excerpt:
                row.excerpt, row.start = quote.excerpt, quote.excerpt_start
                row.end = row.start + len(row.excerpt)
        rows.append(row)
    return _narrowed_to_pages(rows)


def save_citations(question: Question, rows: Iterable[Citation], *, is_first: bool = False) -> bool:
    """Save the citations and return whether a cited document was deleted: such rows keep their text and lose the link.

    `is_first`: no earlier save may have written any.
    """
    rows = list(rows)
    if not rows and is_first:
        return False
    # Lock the documents in order: a concurrent deletion comes before all of these rows or after.
    cited = Document.objects.filter(pk__in={row.document_id for row in rows}).order_by("pk")
    documents = dict(cited.select_for_update(no_key=True).values_list("pk", "collection_id"))
    versions = set(
        Version.objects.filter(pk__in={row.version_id for row in rows}).values_list("pk", flat=True)
    )
    collections = set(documents.values())
    # Those of deleted documents.
    if unknown := {row.collection_id for row in rows if row.collection_id} - collections:
        collections |= set(Collection.objects.filter(pk__in=unknown).values_list("pk", flat=True))
    if not is_first:
        question.citations.all().delete()  # of an earlier save whose commit was not confirmed
    for row in rows:
        row.pk, row.question = None, question
        row.document_id = row.document_id if row.document_id in documents else None
        row.collection_id = row.collection_id if row.collection_id in collections else None
        row.version_id = row.version_id if row.version_id in versions else None
    Citation.objects.bulk_create(rows)
    return any(row.document_id is None for row in rows)


def to_cache(row: Citation) -> dict[str, Any]:
    """Return the fields of a citation for the answer cache."""
    return {name: getattr(row, name) for name in CACHED_FIELDS}


def from_cache(values: dict[str, Any]) -> Citation:
    """Return an unsaved citation with the fields from the answer cache."""
    return Citation(**values)


def find_claims(answer: str) -> list[Claim]:
    """Return each statement with a number; a number alone belongs to the statement before it."""
    claims: list[Claim] = []
    before = ""
    for start, end in sentences(answer):
        text = answer[start:end]
        words, numbers = MARKER.sub("", text).strip(), frozenset(numbers_in(text))
        if numbers:
            claims.append(Claim(words if content_words(words) else before, numbers))
        before = words or before
    return claims


def _row(text: ChunkText, claims: Sequence[Claim], question: str) -> Citation:
    source = text.source
    row = _uncited(source)
    row.is_cited = bool(claims)
    if claims:
        row.is_confirmed = all(
            _is_in(words, source.text) for claim in claims for words in _quoted_words(claim)
        )
        if span := _best_sentence(text, claims[:MAX_CLAIMS], question):
            row.quote_start, row.quote_end = source.start + span[0], source.start + span[1]
            row.quote = source.text[span[0] : span[1]]
    return row


def _quoted_words(claim: Claim) -> list[str]:
    """Return the words in quotation marks; none if the statement cites several sources, as their origin is unknown."""
    return QUOTED.findall(claim.text) if len(claim.numbers) == 1 else []


def _is_in(words: str, text: str) -> bool:
    return _plain(words) in _plain(text)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _best_sentence(text: ChunkText, claims: Sequence[Claim], question: str) -> tuple[int, int] | None:
    """Return the sentence of the chunk that best supports the claims, preferring words that the answer quotes."""
    source = text.source
    spans = [(start, min(end, start + MAX_QUOTE_LENGTH)) for start, end in text.statements()]
    stems = [content_words(source.text[start:end]) for start, end in spans]
    weights = Weights(stems)
    asked = content_words(question)
    quoted = [words for claim in claims for words in QUOTED.findall(claim.text)]

    def support(at: int) -> float:
        words = source.text[slice(*spans[at])]
        best = max(weights.overlap(content_words(claim.text), stems[at]) for claim in claims)
        return best + 0.25 * weights.overlap(asked, stems[at]) + any(_is_in(quote, words) for quote in quoted)

    best = max(range(len(spans)), key=support, default=None)
    return spans[best] if best is not None and support(best) > 0 else None


def _uncited(source: RetrievedChunk) -> Citation:
    return Citation(
        number=source.number,
        document_id=source.document_id,
        collection_id=source.collection_id,
        version_id=source.version_id,
        document_title=source.document_title[:255],
        page=source.page_start,
        page_end=source.page_end,
        page_label=source.page_label,
        heading_path=source.heading_path,
        excerpt=source.text,
        start=source.start,
        end=source.end,
        score=source.score,
    )


def _narrowed_to_pages(rows: list[Citation]) -> list[Citation]:
    """Narrow citations of chunks that span several pages to the pages of their quote."""
    spread = [row for row in rows if row.quote_start is not None and row.page_end != row.page]
    pages = _pages_of(spread) if spread else []
    for row in spread:
        inside = [page for page in pages if page.version_id == row.version_id and _is_on(row, page)]
        if inside:
            row.page, row.page_end, row.page_label = inside[0].number, inside[-1].number, inside[0].label
    return rows


def _is_on(row: Citation, page: Page) -> bool:
    start, end = row.quote_start or 0, row.quote_end or 0
    return page.start < end and start < page.start + len(page.text)


def _pages_of(rows: Sequence[Citation]) -> list[Page]:
    first, last = min(row.page for row in rows), max(row.page_end for row in rows)
    versions = {row.version_id for row in rows}
    return list(Page.objects.filter(version__in=versions, number__range=(first, last)).order_by("start"))
