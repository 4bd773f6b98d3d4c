"""What an answer cites, checked when it ends: the number exists, and the words stand in the passage."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from documents.ingestion.sentences import sentences
from documents.models import Collection as Shelf
from documents.models import Document, Page, Version
from qa.answering.extractive import Quote
from qa.answering.statements import ReadSource, read
from qa.models import Citation, Question
from qa.retrieval.retriever import Source
from qa.retrieval.stop_words import Weights, content_words

MARKER = re.compile(r"\[(\d{1,4}(?:\s*[,;]\s*\d{1,4})*)\](?!\()")
# How models write references that were asked for as [1]: [Source 1], 【1†source】, ［1］, [^1], [1, page 3], (source 1).
_WORD = "sources?|passages?|documents?|docs?|references?|refs?|citations?|cites?|quellen?|fuentes?|fonti?|bron|src|id|来源|资料|文档|出典|資料"
_NUMBERS = rf"\d{{1,4}}(?:\s*(?:[,;&、，；]|and|und|et|y|[-\u2010-\u2015])\s*(?:(?:{_WORD})\s*)?\d{{1,4}})*"
_OTHER = re.compile(
    rf"(?:\\?\[\[?|[【［〔⟦])\s*[#^]?(?:(?:{_WORD}|s)[._\s-]*[:#№]?\s*(?:no\.?\s*)?)?({_NUMBERS})(?::\d{{1,3}}(?=[†‡]))?(?:\s*[†‡|:,;，：]\s?(?!\d)[^\[\]【】］〕\n]{{0,80}})?\s*"
    rf"(?:\\?\]\]?|[】］〕⟧])(?!\()|\((?:{_WORD})\.?\s*[:#]?\s*({_NUMBERS})(?:\s*[,:;]\s?(?!\d)[^()\n]{{0,80}})?\)"
    rf"|<sup>\s*\[?({_NUMBERS})\]?\s*</sup>",
    re.IGNORECASE,
)
# A reference with a link of the model's own: [1](#source-1).
_LINKED = re.compile(
    rf"\[\[?[#^]?(?:(?:{_WORD})[._\s-]*[:#]?\s*)?({_NUMBERS})\]?\]\([^()\s]{{0,500}}\)", re.IGNORECASE
)
# These are words of a text as well (§ 5 (1), m²): references only in an answer that has no other.
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_BARE = re.compile(
    r"(?:(?<=[^\s\d_(])|(?<=[^\s\d_(] ))\((\d{1,2}(?:\s*[,;]\s*\d{1,2})*)\)(?=\s*(?:[.,;:!?\n]|$))"
    rf"|(?:(?<=[.!?,;:”\"’)])|(?<=[^\W\d_]{{4}}))([{_RAISED}]+(?:[\s,˒]+[{_RAISED}]+)*)"
)
QUOTED = re.compile(r"[\"“„«]([^\"“”„«»]{12,400})[\"”“»]")
MAX_QUOTE_LENGTH = 600  # characters
CLAIMS = 12  # statements looked at for one source
KEPT = [
    "number", "document_id", "collection_id", "version_id", "document_title", "page", "page_end", "page_label", "heading_path", "excerpt", "start",
    "end", "quote", "quote_start", "quote_end", "is_cited", "is_confirmed", "score",
]  # fmt: skip


@dataclass(frozen=True)
class Claim:
    """A statement of the answer, and the sources it names."""

    text: str
    numbers: frozenset[int]


def cite(answer: str, question: str, sources: Sequence[Source]) -> list[Citation]:
    """A row for every source that was handed to the model, unsaved. A number that no source has becomes no row."""
    claims = read_claims(answer)
    rows = [
        _row(text, [claim for claim in claims if text.source.number in claim.numbers], question)
        for text in read(sources)
    ]
    return _with_pages(rows)


def cite_quotes(
    quotes: Sequence[Quote], sources: Sequence[Source], *, are_answer: bool = True
) -> list[Citation]:
    """The same for an answer that consists of quotes: each source with its first, which is what it was chosen for."""
    rows = []
    for source in sources:
        row = _uncited(source)
        if quote := next((quote for quote in quotes if quote.number == source.number), None):
            row.quote, row.quote_start, row.quote_end, row.is_cited = (
                quote.text,
                quote.start,
                quote.end,
                are_answer,
            )
        rows.append(row)
    return _with_pages(rows)


def save_citations(question: Question, rows: Iterable[Citation]) -> bool:
    """Write them once. What was deleted meanwhile keeps its text here and loses its link; whether anything was."""
    rows = list(rows)
    # Held, in order: whoever deletes one of them comes before all of these rows or after.
    cited = Document.objects.filter(pk__in={row.document_id for row in rows}).order_by("pk")
    documents = set(cited.select_for_update(no_key=True).values_list("pk", flat=True))
    versions = set(
        Version.objects.filter(pk__in={row.version_id for row in rows}).values_list("pk", flat=True)
    )
    collections = set(
        Shelf.objects.filter(pk__in={row.collection_id for row in rows}).values_list("pk", flat=True)
    )
    question.citations.all().delete()  # of a save that was thought to have failed
    for row in rows:
        row.pk, row.question = None, question
        row.document_id = row.document_id if row.document_id in documents else None
        row.collection_id = row.collection_id if row.collection_id in collections else None
        row.version_id = row.version_id if row.version_id in versions else None
    Citation.objects.bulk_create(rows)
    return any(row.document_id is None for row in rows)


def pack(row: Citation) -> dict[str, Any]:
    return {name: getattr(row, name) for name in KEPT}


def unpack(values: dict[str, Any]) -> Citation:
    return Citation(**values)


def numbers_in(text: str) -> list[int]:
    """The numbers cited, in order, each once."""
    found = (int(number) for marker in MARKER.finditer(text) for number in re.findall(r"\d+", marker[1]))
    return list(dict.fromkeys(found))


def plain_markers(answer: str, known: Collection[int]) -> str:
    """The answer with its references as [1] or [1, 2]. What names no known source stays as it is."""

    def as_asked_for(found: re.Match[str]) -> str:
        numbers = _listed(next(filter(None, found.groups())))
        return f"[{', '.join(map(str, numbers))}]" if numbers and set(numbers) <= set(known) else found[0]

    answer = _OTHER.sub(as_asked_for, _LINKED.sub(as_asked_for, answer))
    return answer if numbers_in(answer) else _BARE.sub(as_asked_for, answer)


def _listed(text: str) -> list[int]:
    """The numbers of a list; a range counts as all that it spans."""
    numbers: list[int] = []
    text = text.translate(str.maketrans(_RAISED, "0123456789"))
    for found in re.finditer(r"(\d+)(?:\s*[-\u2010-\u2015]\s*(\d+))?", text):
        first, last = int(found[1]), int(found[2] or found[1])
        numbers += range(first, min(last, first + 50) + 1) if first <= last else [first, last]
    return list(dict.fromkeys(numbers))


def read_claims(answer: str) -> list[Claim]:
    """Each statement that carries a number. A number that stands by itself belongs to the statement before it."""
    claims: list[Claim] = []
    before = ""
    for start, end in sentences(answer):
        text = answer[start:end]
        words, numbers = MARKER.sub("", text).strip(), frozenset(numbers_in(text))
        if numbers:
            claims.append(Claim(words if content_words(words) else before, numbers))
        before = words or before
    return claims


def _row(text: ReadSource, claims: Sequence[Claim], question: str) -> Citation:
    source = text.source
    row = _uncited(source)
    row.is_cited = bool(claims)
    if claims:
        row.is_confirmed = all(
            _stands_in(words, source.text) for claim in claims for words in _words_said_of(claim)
        )
        if span := _best_sentence(text, claims[:CLAIMS], question):
            row.quote_start, row.quote_end = source.start + span[0], source.start + span[1]
            row.quote = source.text[span[0] : span[1]]
    return row


def _words_said_of(claim: Claim) -> list[str]:
    """What the statement puts between quotation marks; of one that names several sources nobody knows whose words they are."""
    return QUOTED.findall(claim.text) if len(claim.numbers) == 1 else []


def _stands_in(words: str, text: str) -> bool:
    return _plain(words) in _plain(text)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _best_sentence(text: ReadSource, claims: Sequence[Claim], question: str) -> tuple[int, int] | None:
    """The sentence of the passage that says most of what the answer says, preferring the answer's own quoted words."""
    source = text.source
    spans = [(start, min(end, start + MAX_QUOTE_LENGTH)) for start, end in text.statements()]
    said = [content_words(source.text[start:end]) for start, end in spans]
    weights = Weights(said)
    asked = content_words(question)
    quoted = [words for claim in claims for words in QUOTED.findall(claim.text)]

    def support(at: int) -> float:
        words = source.text[slice(*spans[at])]
        best = max(weights.overlap(content_words(claim.text), said[at]) for claim in claims)
        return (
            best + 0.25 * weights.overlap(asked, said[at]) + any(_stands_in(quote, words) for quote in quoted)
        )

    best = max(range(len(spans)), key=support, default=None)
    return spans[best] if best is not None and support(best) > 0 else None


def _uncited(source: Source) -> Citation:
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


def _with_pages(rows: list[Citation]) -> list[Citation]:
    """A passage may run over several pages: a citation names those on which its quote stands."""
    spread = [row for row in rows if row.quote_start is not None and row.page_end != row.page]
    pages = _pages_of(spread) if spread else []
    for row in spread:
        inside = [page for page in pages if page.version_id == row.version_id and _stands_on(row, page)]
        if inside:
            row.page, row.page_end, row.page_label = inside[0].number, inside[-1].number, inside[0].label
    return rows


def _stands_on(row: Citation, page: Page) -> bool:
    start, end = row.quote_start or 0, row.quote_end or 0
    return page.start < end and start < page.start + len(page.text)


def _pages_of(rows: Sequence[Citation]) -> list[Page]:
    first, last = min(row.page for row in rows), max(row.page_end for row in rows)
    versions = {row.version_id for row in rows}
    return list(Page.objects.filter(version__in=versions, number__range=(first, last)).order_by("start"))
