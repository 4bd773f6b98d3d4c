"""Measures search in the corpus of bench/corpus.py: times by scope, recall of the vector search, bytes and load times."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from django.db import connection
from django.test import override_settings

from bench.corpus import SEED, SHARES, load, vector_near
from documents.models import Chunk, Collection, Index
from qa.models import scope as scopes
from qa.retrieval.retriever import find_sources, rank_chunks
from ragsite.accounts.models import User

WHOLE = "whole"
SCOPES = [WHOLE, *SHARES]
QUESTIONS = 60  # of each scope
QUESTION_WORDS = 12
RECALL_AT = 10
EVERYTHING = 1_000_000_000  # as EXACT_SEARCH_LIMIT: every vector is compared

Question = tuple[str, np.ndarray]


def measure(chunks: int, restart: Callable[[], None]) -> dict[str, Any]:
    """Fill the database unless it is filled, and return all figures; `restart` empties the caches."""
    index = Index.objects.live()
    figures: dict[str, Any] = {"chunks": chunks}
    if not Chunk.objects.exists():
        figures |= fill(chunks, index)
    figures |= bytes_of_a_chunk()
    scopes = [Scope(name) for name in SCOPES]
    restart()
    figures["cold, ms"] = {scope.name: scope.times() for scope in scopes}
    figures["warm, ms"] = {scope.name: scope.times() for scope in scopes}
    figures[f"recall@{RECALL_AT} of vectors"] = {scope.name: scope.recall() for scope in scopes}
    return figures


def fill(chunks: int, index: Index) -> dict[str, float]:
    """Load the corpus, then build the vector index. Returns the seconds."""
    seconds: dict[str, float] = {}
    index.drop_vector_index()
    with timed(seconds, "load, s"):
        load(chunks, User.objects.create_user("bench-scale"), index)
    with timed(seconds, "vector index, s"):
        index.create_vector_index()
    with connection.cursor() as cursor:  # as autovacuum does within minutes
        cursor.execute("vacuum analyze")
    return seconds


@contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    since = time.perf_counter()
    yield
    seconds[name] = round(time.perf_counter() - since, 1)


def bytes_of_a_chunk() -> dict[str, int]:
    """Bytes with indexes and TOAST: of the postings, of all tables of documents, and of the vector index within these."""
    with connection.cursor() as cursor:
        cursor.execute(SIZES)
        postings, everything, vectors = cursor.fetchone()
    chunks = Chunk.objects.count()
    sizes = {"postings": postings, "all": everything, "vector index": vectors}
    return {f"bytes a chunk, {name}": round(size / chunks) for name, size in sizes.items()}


SIZES = """
select sum(pg_total_relation_size(oid)) filter (where relname ~ '^documents_(posting|segment|indexedversion)'),
    sum(pg_total_relation_size(oid)), (select sum(pg_relation_size(oid)) from pg_class where relname ~ '^chunk_vectors_')
from pg_class where relkind = 'r' and relname ~ '^documents_'
"""


class Scope:
    """The collections that are searched, with questions about their chunks: always the same ones."""

    def __init__(self, name: str) -> None:
        self.name, self.user = name, User.objects.get(username="bench-scale")
        self.collections = None if name == WHOLE else list(Collection.objects.filter(name=name))
        self.scope = scopes.Scope.of(*self.collections or ())
        self.questions = list(self._questions())

    def _questions(self) -> Iterator[Question]:
        found = Chunk.objects.filter(document__collection__in=self.collections or Collection.objects.all())
        keys = np.array(found.order_by("pk").values_list("pk", flat=True))
        choose = np.random.default_rng(SEED)
        for key in choose.choice(keys, QUESTIONS):
            text, vector = Chunk.objects.values_list("text", "embedding").get(pk=key)
            words = choose.choice(text.replace(".", "").split(), QUESTION_WORDS, replace=False)
            yield " ".join(words), vector_near(np.array(vector, dtype=np.float32), choose)

    def times(self) -> dict[str, float]:
        """Percentiles of `find_sources` with the vector known, and the CPU time of this process alone."""
        taken, cpu = [], time.process_time()
        for text, vector in self.questions:
            since = time.perf_counter()
            find_sources(text, user=self.user, scope=self.scope, vector=vector)
            taken.append((time.perf_counter() - since) * 1000)
        cpu = (time.process_time() - cpu) * 1000 / len(taken)
        p50, p95 = np.percentile(taken, [50, 95])
        return {"p50": round(float(p50), 1), "p95": round(float(p95), 1), "cpu": round(cpu, 1)}

    def recall(self) -> float:
        """The share of the nearest chunks that the search finds."""
        found = [self._nearest(*question) for question in self.questions]
        with override_settings(EXACT_SEARCH_LIMIT=EVERYTHING):
            wanted = [self._nearest(*question) for question in self.questions]
        hits = sum(len(one & other) for one, other in zip(found, wanted, strict=True))
        return round(hits / sum(map(len, wanted)), 3)

    def _nearest(self, text: str, vector: np.ndarray) -> set[int]:
        ranked = rank_chunks(text, user=self.user, scope=self.scope, vector=vector, limit=10_000)
        return {chunk.chunk_ids[0] for chunk in ranked if chunk.dense_rank and chunk.dense_rank <= RECALL_AT}
