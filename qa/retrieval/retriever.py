"""Retrieval: finds and ranks the chunks that answer a question, in the documents that a user may read."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from documents.models import Document, Index
from documents.models.document import DocumentQuerySet
from qa.models.scope import EVERYTHING, Scope
from qa.retrieval.chunk import RetrievedChunk
from qa.retrieval.fusion import join_adjacent, within_budget
from qa.retrieval.keywords import Keywords, rank_by_keywords
from qa.retrieval.search_sql import Vector, search_statement
from ragsite.llm.errors import ProviderError

if TYPE_CHECKING:
    from ragsite.accounts.models import User

logger = logging.getLogger(__name__)

MAX_RANKED = 40  # chunks of the fused ranking, before adjacent ones are joined
MAX_SOURCES = 12
HNSW_DIMENSIONS = 4000  # pgvector's limit for halfvec


def find_sources(
    question: str,
    *,
    user: User,
    scope: Scope = EVERYTHING,
    limit: int = MAX_SOURCES,
    vector: Vector | None = None,
) -> list[RetrievedChunk]:
    """Return the best chunks for a question, best first and numbered from 1, within SOURCE_TOKENS.

    Only documents that the user may read are searched. An empty `vector` searches by keywords alone; without one, the
    question is embedded.
    """
    ranked = rank_chunks(question, user=user, scope=scope, vector=vector)
    chosen = join_adjacent(within_budget(ranked, settings.SOURCE_TOKENS))[:limit]
    return [replace(chunk, number=number) for number, chunk in enumerate(chosen, start=1)]


def rank_chunks(
    question: str,
    *,
    user: User,
    scope: Scope = EVERYTHING,
    vector: Vector | None = None,
    limit: int = MAX_RANKED,
) -> list[RetrievedChunk]:
    """Return single chunks by fused score, best first, before budget and joining."""
    index = Index.objects.live()
    documents = readable_documents(user, scope)
    if not question.strip():
        return []
    keywords = rank_by_keywords(question, documents, index)
    if not keywords.chunks:
        return []
    if vector is None:
        vector = embed_question(question, index)
    return _search(index, documents, keywords, vector, limit=limit)


def readable_documents(user: User, scope: Scope = EVERYTHING) -> DocumentQuerySet:
    """Return the documents to search: those of the scope that the user may read."""
    return scope.narrow(Document.objects.visible_to(user).askable())


def embed_question(question: str, index: Index) -> Vector:
    """Return the question's vector for the index, or an empty one while the provider is down: keywords still match."""
    try:
        vector: Vector = index.embed_question(question)
    except ProviderError as error:
        logger.warning("searching by keywords only: the embedding provider failed, %s", error.kind)
        return []
    return vector


def is_exact(index: Index, size: int) -> bool:
    """Whether to compare every vector: for a small scope this is faster than the HNSW index, and exact."""
    return size <= settings.EXACT_SEARCH_LIMIT or index.dimensions > HNSW_DIMENSIONS


def _search(
    index: Index, scope: QuerySet[Document], keywords: Keywords, vector: Vector, *, limit: int
) -> list[RetrievedChunk]:
    exact = is_exact(index, keywords.chunks)
    sql, params = search_statement(index, scope, keywords, vector, is_exact=exact, limit=limit)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        names = [column.name for column in cursor.description or []]
        return [_chunk_from_row(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def _chunk_from_row(row: dict[str, Any]) -> RetrievedChunk:
    chunk_id, label = row.pop("chunk_id"), row.pop("page_label")
    return RetrievedChunk(**row, chunk_ids=[chunk_id], page_label=label or "")
