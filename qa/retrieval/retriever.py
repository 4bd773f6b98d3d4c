"""A question to its sources: one statement finds the passages, by meaning and by keywords, that the person may read."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings
from django.db import connection
from django.db.models import QuerySet, Sum
from pgvector import HalfVector

from documents.models import Collection, Document, Index
from ragsite.llm.errors import ProviderError

if TYPE_CHECKING:
    from ragsite.accounts.models import User

logger = logging.getLogger(__name__)

CANDIDATES = 100  # of each side; scores are compared inside these
PASSAGES = 40  # of the fused ranking, before what overlaps is joined
SOURCES = 12
MAX_GAP = 4  # characters of white space between two passages that still touch
HNSW_DIMENSIONS = 4000  # pgvector's limit for halfvec
SAME_WORDS = 0.9
JOINED_TOKENS = 450

Vector = np.ndarray | Sequence[float]


@dataclass(frozen=True)
class Source:
    """A passage of a document, and why it was chosen. `text` is the document's text from `start` to `end`."""

    document_id: int
    version_id: int
    document_title: str
    page_start: int
    page_end: int
    page_label: str
    heading_path: list[str]
    text: str
    start: int
    end: int
    tokens: int
    score: float
    dense_score: float | None = None
    dense_rank: int | None = None
    keyword_score: float | None = None
    keyword_rank: int | None = None
    chunk_ids: list[int] = field(default_factory=list)
    number: int = 0
    collection_id: int | None = None

    def as_trace(self) -> dict[str, Any]:
        """All but the text, for the record of how an answer came about."""
        return {name: value for name, value in asdict(self).items() if name != "text"}


def find_sources(
    question: str,
    *,
    user: User,
    collections: Iterable[Collection] | None = None,
    document: Document | None = None,
    limit: int = SOURCES,
    vector: Vector | None = None,
) -> list[Source]:
    """The passages that answer best, best first and numbered from 1: nothing that the user may not read, within
    SOURCE_TOKENS. Give the question's vector where it is known; an empty one searches by keywords alone."""
    passages = rank_passages(question, user=user, collections=collections, document=document, vector=vector)
    chosen = join_touching(within_budget(passages, settings.SOURCE_TOKENS))[:limit]
    return [replace(source, number=number) for number, source in enumerate(chosen, start=1)]


def rank_passages(
    question: str,
    *,
    user: User,
    collections: Iterable[Collection] | None = None,
    document: Document | None = None,
    vector: Vector | None = None,
    limit: int = PASSAGES,
) -> list[Source]:
    """Single chunks by fused score, best first, without regard to length or overlap."""
    index = Index.objects.live()
    scope = readable_documents(user, collections, document)
    size = scope.aggregate(size=Sum("chunk_count"))["size"] or 0
    if not size or not question.strip():
        return []
    if vector is None:
        vector = embed_question(question, index)
    return _run(index, scope, question, vector, is_exact=is_exact(index, size), limit=limit)


def readable_documents(
    user: User, collections: Iterable[Collection] | None = None, document: Document | None = None
) -> QuerySet[Document]:
    """The documents in which a question may look: those the user may read, narrowed to the chosen shelves or document."""
    documents = Document.objects.visible_to(user).askable()
    if document is not None:
        documents = documents.filter(pk=document.pk)
    elif collections is not None and (chosen := [collection.pk for collection in collections]):
        documents = documents.filter(collection__in=chosen)
    return documents


def embed_question(question: str, index: Index) -> Vector:
    """The question's vector for that index; empty when the embedder is away, so that keywords still find something."""
    try:
        vector: Vector = index.embed_question(question)
    except ProviderError as error:
        logger.warning("searching by keywords alone: %s", error.kind)
        return []
    return vector


def is_exact(index: Index, size: int) -> bool:
    """Small selections are compared one by one: faster than an approximate index, and perfect."""
    return size <= settings.EXACT_SEARCH_LIMIT or index.dimensions > HNSW_DIMENSIONS


def _run(
    index: Index, scope: QuerySet[Document], question: str, vector: Vector, *, is_exact: bool, limit: int
) -> list[Source]:
    sql, params = search_statement(index, scope, question, vector, is_exact=is_exact, limit=limit)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        names = [column.name for column in cursor.description or []]
        return [_read(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def _read(row: dict[str, Any]) -> Source:
    chunk_id, label = row.pop("chunk_id"), row.pop("page_label")
    return Source(**row, chunk_ids=[chunk_id], page_label=label or "")


def search_statement(
    index: Index,
    scope: QuerySet[Document],
    question: str,
    vector: Vector,
    *,
    is_exact: bool,
    limit: int = PASSAGES,
) -> tuple[str, list[Any]]:
    """The whole search as one statement with its parameters, also for `explain`."""
    scope_sql, scope_params = _compile_scope(scope)
    dense_sql, dense_params = _dense(index, vector, is_exact=is_exact)
    weight = float(settings.DENSE_WEIGHT or 0) if len(vector) else 0.0
    sql = STATEMENT.format(scope=scope_sql, dense=dense_sql, index=int(index.pk), candidates=CANDIDATES)
    params = [*scope_params, *dense_params, index.search_config, question, weight, 1 - weight, limit]
    return sql, params


def _compile_scope(scope: QuerySet[Document]) -> tuple[str, Sequence[Any]]:
    rows = scope.order_by().values_list("pk", "title", "serving_id", "chunk_count", "collection_id")
    sql, params = rows.query.sql_with_params()
    return sql, params


def _dense(index: Index, vector: Vector, *, is_exact: bool) -> tuple[str, list[Any]]:
    if not len(vector):
        return "select null::bigint as id, null::float8 as score where false", []
    template = EXACT if is_exact else APPROXIMATE
    sql = template.format(index=int(index.pk), width=int(index.dimensions), candidates=CANDIDATES)
    text = HalfVector(np.asarray(vector, dtype=np.float32)).to_text()
    return sql, [text, text]


# `+ 0` fits no index: PostgreSQL would take HNSW also where few rows are selected, and there it is wrong.
EXACT = """
    select chunk.id, 1 - (chunk.embedding::halfvec({width}) <=> %s::halfvec({width})) as score
    from documents_chunk chunk
    where chunk.index_id = {index} and chunk.version_id in (select serving_id from scope)
    order by (chunk.embedding::halfvec({width}) <=> %s::halfvec({width})) + 0
    limit {candidates}"""

# Wrapped in coalesce, the condition stays a filter on the index scan: as a join it could cost the scan its order.
APPROXIMATE = """
    select chunk.id, 1 - (chunk.embedding::halfvec({width}) <=> %s::halfvec({width})) as score
    from documents_chunk chunk
    where chunk.index_id = {index} and coalesce(chunk.version_id in (select serving_id from scope), false)
    order by chunk.embedding::halfvec({width}) <=> %s::halfvec({width})
    limit {candidates}"""

# BM25 with k1 = 1.2 and b = 0.75. A word that stands in over half of the passages costs much and says nothing,
# so it counts only where no rarer one is in the question. Scores are fused by min-max inside each side.
STATEMENT = """
with scope (id, title, serving_id, chunk_count, collection_id) as materialized ({scope}),
dense as materialized ({dense}),
words as (
    select lexeme, coalesce(array_length(positions, 1), 1) as times
    from unnest(to_tsvector(%s::regconfig, normalize(%s, NFKC)))
),
hits as materialized (
    select posting.lexeme, posting.chunk_id, posting.tf, words.times, chunk.tokens
    from words
    join documents_posting posting on posting.index_id = {index} and posting.lexeme = words.lexeme
    join documents_chunk chunk on chunk.id = posting.chunk_id
    where chunk.version_id in (select serving_id from scope)
),
size as (select sum(chunk_count)::float8 as chunks, (select avg(tokens) from hits)::float8 as mean_tokens from scope),
weights as (
    select lexeme, df, ln(1 + (greatest(chunks - df, 0) + .5) / (df + .5)) as idf, df > chunks / 2 as is_frequent
    from (select lexeme, count(*)::float8 as df from hits group by lexeme) frequencies, size
),
keywords as materialized (
    select chunk_id as id, sum(times * idf * tf * 2.2 / (tf + 1.2 * (.25 + .75 * tokens / mean_tokens))) as score
    from hits join weights using (lexeme), size
    where not is_frequent or not exists (select from weights where not is_frequent)
    group by chunk_id order by score desc, chunk_id limit {candidates}
),
dense_ranks as (
    select id, score, row_number() over (order by score desc, id) as rank,
        coalesce((score - min(score) over ()) / nullif(max(score) over () - min(score) over (), 0), 1) as share
    from dense
),
keyword_ranks as (
    select id, score, row_number() over (order by score desc, id) as rank,
        coalesce((score - min(score) over ()) / nullif(max(score) over () - min(score) over (), 0), 1) as share
    from keywords
),
fused as (
    select coalesce(d.id, k.id) as id, d.score as dense_score, d.rank as dense_rank,
        k.score as keyword_score, k.rank as keyword_rank,
        %s * coalesce(d.share, 0) + %s * coalesce(k.share, 0) as score
    from dense_ranks d full join keyword_ranks k on k.id = d.id
    order by score desc, id limit %s
)
select chunk.id as chunk_id, chunk.document_id, chunk.version_id, scope.title as document_title, scope.collection_id,
    chunk.page_start, chunk.page_end, page.label as page_label, chunk.heading_path,
    chunk.text, chunk.start, chunk."end", chunk.tokens,
    fused.score, fused.dense_score, fused.dense_rank, fused.keyword_score, fused.keyword_rank
from fused
join documents_chunk chunk on chunk.id = fused.id
join scope on scope.id = chunk.document_id
left join documents_page page on page.version_id = chunk.version_id and page.number = chunk.page_start
order by fused.score desc, chunk.id
"""


def within_budget(passages: Iterable[Source], tokens: int) -> list[Source]:
    """In rank order until the budget is spent, near-copies left out. The best one is always given."""
    chosen: list[Source] = []
    for passage in passages:
        if any(_says_the_same(passage, other) for other in chosen):
            continue
        if chosen and tokens < passage.tokens:
            break
        chosen.append(passage)
        tokens -= passage.tokens
    return chosen


def _says_the_same(one: Source, other: Source) -> bool:
    mine, theirs = _words(one.text), _words(other.text)
    return len(mine & theirs) >= SAME_WORDS * max(len(mine | theirs), 1)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def join_touching(passages: Iterable[Source]) -> list[Source]:
    """Passages of one text that overlap or touch become one, in the place of the better, up to a readable length."""
    joined: list[Source] = []
    for passage in passages:
        merged = passage
        while neighbour := next((other for other in joined if _may_join(merged, other)), None):
            joined.remove(neighbour)
            merged = _join(neighbour, merged)
        joined.append(merged)
        joined.sort(key=lambda source: -source.score)
    return joined


def _may_join(one: Source, other: Source) -> bool:
    return (
        one.version_id == other.version_id
        and one.start <= other.end + MAX_GAP
        and other.start <= one.end + MAX_GAP
        and one.tokens + other.tokens <= JOINED_TOKENS
    )


def _join(one: Source, other: Source) -> Source:
    better = max(one, other, key=lambda source: source.score)
    first, second = sorted((one, other), key=lambda source: (source.start, source.end))
    is_inside = second.end <= first.end
    return replace(
        better,
        text=first.text if is_inside else first.text + _rest(first, second),
        tokens=first.tokens if is_inside else first.tokens + second.tokens,
        start=first.start,
        end=max(first.end, second.end),
        page_start=first.page_start,
        page_end=max(first.page_end, second.page_end),
        page_label=first.page_label,
        chunk_ids=[*one.chunk_ids, *other.chunk_ids],
    )


def _rest(first: Source, second: Source) -> str:
    """What comes after the first: between two passages there was only white space, kept in its length."""
    gap = second.start - first.end
    between = ("\n" if second.page_start > first.page_end else " ") * max(gap, 0)
    return between + second.text[max(-gap, 0) :]
