"""BM25 over the postings: the chunks that match the words of a question best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from django.db.models import QuerySet

from documents.models import Document, Index
from documents.models.posting import POSITION_BITS
from qa.retrieval.postings import Posted, Postings, Words, read_postings

CANDIDATES = 100  # of each side of the search; scores are scaled within these
K1, B = 1.2, 0.75
# Chunks searched. In fewer, reading a frequent word costs under a millisecond, and keeps the mean length of a hit exact.
SKIP_FREQUENT_FROM = 20_000


@dataclass(frozen=True)
class Keywords:
    """How many chunks are searched, and the best of them by BM25: indexed version, position in it, score."""

    chunks: int
    versions: list[int]
    positions: list[int]
    scores: list[float]


def rank_by_keywords(question: str, scope: QuerySet[Document], index: Index) -> Keywords:
    """Return the CANDIDATES best chunks of the scope, best first. A document's words count only for who may read it."""
    words = Words.of(question, index)
    postings = read_postings(words, scope, index, skip_frequent_from=SKIP_FREQUENT_FROM)
    if postings.unread and not rare_words(postings):
        postings = read_postings(words, scope, index)
    keys, scores = score(postings)
    return Keywords(
        postings.chunks,
        (keys >> POSITION_BITS).tolist(),
        (keys % (1 << POSITION_BITS)).tolist(),
        scores.tolist(),
    )


def rare_words(postings: Postings) -> list[Posted]:
    """Return the words that at most half of the chunks contain."""
    return [each for each in postings.posted.values() if len(each.entries) <= postings.chunks / 2]


def score(postings: Postings) -> tuple[np.ndarray, np.ndarray]:
    """Return the keys of the CANDIDATES best chunks and their BM25 scores, best first.

    A word that occurs in over half of the chunks says little: it counts only if the question has no rarer one.
    """
    hits = list(postings.posted.values())
    if not hits:
        return np.array([], np.int64), np.array([])
    mean = np.concatenate([hit.entries["tokens"] for hit in hits]).mean(dtype=np.float64)
    counted = rare_words(postings) or hits
    shares = [hit.times * _shares(hit.entries, postings.chunks, mean) for hit in counted]
    keys = np.concatenate([hit.entries["key"] for hit in counted]).astype(np.int64)
    return _best(*_sum_by_key(keys, np.concatenate(shares)))


def _shares(entries: np.ndarray, chunks: int, mean_tokens: float) -> np.ndarray:
    """Return what one lexeme adds to the score of each of its chunks."""
    count = len(entries)
    weight = np.log(1 + (max(chunks - count, 0) + 0.5) / (count + 0.5))
    tf, tokens = entries["tf"].astype(np.float64), entries["tokens"].astype(np.float64)
    return weight * tf * (K1 + 1) / (tf + K1 * (1 - B + B * tokens / mean_tokens))


def _sum_by_key(keys: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    return keys[starts], np.add.reduceat(shares[order], starts)


def _best(keys: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the best, of equal ones those with the lower key."""
    if len(scores) > CANDIDATES:
        least = np.partition(scores, -CANDIDATES)[-CANDIDATES]
        keys, scores = keys[scores >= least], scores[scores >= least]
    order = np.lexsort((keys, -scores))[:CANDIDATES]
    return keys[order], scores[order]
