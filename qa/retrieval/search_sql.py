"""The SQL statement of a search: exact or approximate vector search, BM25, and the fusion of their scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import QuerySet
from pgvector import HalfVector

from documents.models import Document, Index

CANDIDATES = 100  # of each side; scores are scaled within these

Vector = np.ndarray | Sequence[float]


def search_statement(
    index: Index,
    scope: QuerySet[Document],
    question: str,
    vector: Vector,
    *,
    is_exact: bool,
    limit: int,
) -> tuple[str, list[Any]]:
    """Return the search as one SQL statement with its parameters."""
    scope_sql, scope_params = compile_scope(scope)
    dense_sql, dense_params = _dense(index, vector, is_exact=is_exact)
    weight = float(settings.DENSE_WEIGHT or 0) if len(vector) else 0.0
    sql = STATEMENT.format(scope=scope_sql, dense=dense_sql, index=int(index.pk), candidates=CANDIDATES)
    params = [*scope_params, *dense_params, index.search_config, question, weight, 1 - weight, limit]
    return sql, params


def compile_scope(scope: QuerySet[Document]) -> tuple[str, Sequence[Any]]:
    """Return the SQL of a scope with its parameters: pk, title, serving version, number of chunks, collection."""
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


# `+ 0` keeps PostgreSQL from using the HNSW index, which misses rows where the scope selects few of them.
EXACT = """
    select chunk.id, 1 - (chunk.embedding::halfvec({width}) <=> %s::halfvec({width})) as score
    from documents_chunk chunk
    where chunk.index_id = {index} and chunk.version_id in (select serving_id from scope)
    order by (chunk.embedding::halfvec({width}) <=> %s::halfvec({width})) + 0
    limit {candidates}"""

# Inside coalesce, the condition stays a filter on the index scan; as a join it could lose the order of the scan.
APPROXIMATE = """
    select chunk.id, 1 - (chunk.embedding::halfvec({width}) <=> %s::halfvec({width})) as score
    from documents_chunk chunk
    where chunk.index_id = {index} and coalesce(chunk.version_id in (select serving_id from scope), false)
    order by chunk.embedding::halfvec({width}) <=> %s::halfvec({width})
    limit {candidates}"""

# BM25 with k1 = 1.2 and b = 0.75. A word that occurs in over half of the chunks is slow to score and says little, so it
# counts only if the question has no rarer word. Scores are fused after min-max scaling within each side.
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
    chunk.page_start, chunk.page_end, page.label as page_label, chunk.heading_path, chunk.table_header,
    chunk.text, chunk.start, chunk."end", chunk.tokens,
    fused.score, fused.dense_score, fused.dense_rank, fused.keyword_score, fused.keyword_rank
from fused
join documents_chunk chunk on chunk.id = fused.id
join scope on scope.id = chunk.document_id
left join documents_page page on page.version_id = chunk.version_id and page.number = chunk.page_start
order by fused.score desc, chunk.id
"""
