"""The SQL statement of a search: exact or approximate vector search, and the fusion of its scores with those of BM25."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import QuerySet

from documents.models import Document, Index
from qa.retrieval.keywords import CANDIDATES, Keywords

Vector = np.ndarray | Sequence[float]


def search_statement(
    index: Index,
    scope: QuerySet[Document],
    keywords: Keywords,
    vector: Vector,
    *,
    is_exact: bool,
    limit: int,
) -> tuple[str, list[Any]]:
    """Return the search as one SQL statement with its parameters."""
    scope_sql, scope_params = compile_scope(scope)
    dense_sql, dense_params = _dense(index, scope_sql, scope_params, vector, is_exact=is_exact)
    weight = float(settings.DENSE_WEIGHT or 0) if len(vector) else 0.0
    sql = STATEMENT.format(scope=scope_sql, dense=dense_sql, index=int(index.pk))
    matches = [_array(column) for column in (keywords.versions, keywords.positions, keywords.scores)]
    return sql, [*dense_params, *matches, weight, 1 - weight, limit, *scope_params]


def compile_scope(scope: QuerySet[Document]) -> tuple[str, Sequence[Any]]:
    """Return the SQL of a scope with its parameters: pk, title, serving version, collection."""
    rows = scope.order_by().values_list("pk", "title", "serving_id", "collection_id")
    sql, params = rows.query.sql_with_params()
    return sql, params


def _dense(
    index: Index, scope_sql: str, scope_params: Sequence[Any], vector: Vector, *, is_exact: bool
) -> tuple[str, list[Any]]:
    if not len(vector):
        return "select null::bigint as id, null::float8 as score where false", []
    template = EXACT if is_exact else APPROXIMATE
    width = int(index.dimensions)
    sql = template.format(index=int(index.pk), width=width, candidates=CANDIDATES, scope=scope_sql)
    text = json.dumps(np.asarray(vector, dtype=np.float16).tolist())
    return sql, [text, *scope_params, text]


def _array(values: Sequence[float]) -> str:
    """Return an array as PostgreSQL reads it; adapting a list value by value takes five times as long."""
    return "{" + ",".join(map(str, values)) + "}"


# `+ 0` keeps PostgreSQL from using the HNSW index, which misses rows where the scope selects few of them.
EXACT = """
    select chunk.id, 1 - (chunk.embedding::halfvec({width}) <=> %s::halfvec({width})) as score
    from documents_chunk chunk
    where chunk.index_id = {index} and chunk.version_id in (
        select serving_id from ({scope}) scope (id, title, serving_id, collection_id)
    )
    order by (chunk.embedding::halfvec({width}) <=> %s::halfvec({width})) + 0
    limit {candidates}"""

# Asked of each row that the index returns, so that a large scope is never listed. As a scalar subquery the condition stays
# a filter on the index scan; as a join it could lose the order of the scan.
APPROXIMATE = """
    select chunk.id, 1 - (chunk.embedding::halfvec({width}) <=> %s::halfvec({width})) as score
    from documents_chunk chunk
    where chunk.index_id = {index} and (
        select true from ({scope}) scope (id, title, serving_id, collection_id)
        where scope.id = chunk.document_id and scope.serving_id = chunk.version_id
    )
    order by chunk.embedding::halfvec({width}) <=> %s::halfvec({width})
    limit {candidates}"""

# Scores are fused after min-max scaling within each side. What became unreadable since the keywords were ranked drops out
# in the last join, which every row must pass. `offset 0` keeps the few rows from being joined by lists of all.
STATEMENT = """
with dense as materialized ({dense}),
keywords as materialized (
    select chunk.id, match.score from unnest(%s::int[], %s::int[], %s::float8[]) match (version, position, score)
    cross join lateral (
        select version_id from documents_indexedversion where id = match.version and index_id = {index} offset 0
    ) version
    join documents_chunk chunk on chunk.index_id = {index} and chunk.version_id = version.version_id
        and chunk.position = match.position
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
cross join lateral (select * from documents_chunk where id = fused.id offset 0) chunk
cross join lateral (
    select scope.* from ({scope}) scope (id, title, serving_id, collection_id)
    where scope.id = chunk.document_id and scope.serving_id = chunk.version_id offset 0
) scope
left join documents_page page on page.version_id = chunk.version_id and page.number = chunk.page_start
order by fused.score desc, chunk.id
"""
