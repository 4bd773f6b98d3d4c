"""How many chunks of the searched documents contain a word, and which words of a question carry no meaning."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log
from typing import TYPE_CHECKING

import numpy as np
from django.db import connection

from documents.models import Index
from qa.retrieval.postings import Postings, Words, read_postings
from qa.retrieval.stop_words import MAX_WORDS, STOP_WORDS, WORD

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from documents.models import Document

# The languages whose stop words are tried: the one that explains most words of the question is its language.
LANGUAGES = ["english", "german", "french", "spanish", "italian", "portuguese", "dutch", "swedish", "danish"]
# Words that ask, in these languages; PostgreSQL's lists lack some.
QUESTION_WORDS = frozenset(
    [
        "what",
        "which",
        "who",
        "whom",
        "whose",
        "when",
        "where",
        "why",
        "how",
        "wann",
        "wer",
        "wem",
        "wen",
        "was",
        "wo",
        "woher",
        "wohin",
        "wie",
        "warum",
        "weshalb",
        "welche",
        "welcher",
        "welches",
        "welchen",
        "quand",
        "qui",
        "où",
        "comment",
        "combien",
        "pourquoi",
        "quel",
        "quelle",
        "quels",
        "quelles",
        "cuándo",
        "quién",
        "dónde",
        "cuánto",
        "cuántos",
        "cómo",
        "cuál",
        "quando",
        "chi",
        "dove",
        "quanto",
        "come",
        "perché",
        "quem",
        "onde",
        "wanneer",
        "wie",
        "waar",
        "hoe",
        "hoeveel",
        "waarom",
    ]
)
MIN_CHUNKS = 30  # with fewer, the words of a small shelf would all count as frequent


@dataclass(frozen=True)
class Frequencies:
    """The number of chunks searched, of those with each word, and the stop words of the question's language."""

    chunks: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    stop_words: frozenset[str] = STOP_WORDS
    is_english: bool = True  # the question

    def is_unknown(self, word: str) -> bool:
        """Whether no searched document contains the word."""
        return self.counts.get(word, 0) == 0

    def weight(self, word: str) -> float:
        """Return the inverse document frequency: the fewer chunks contain a word, the more it weighs."""
        chunks, count = max(self.chunks, MIN_CHUNKS), self.counts.get(word, 0)
        return log(1 + (max(chunks - count, 0) + 0.5) / (count + 0.5))


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, in order, at most MAX_WORDS different ones."""
    return list(dict.fromkeys(word.lower() for word in WORD.findall(text)))[:MAX_WORDS]


def count_words(words: Sequence[str], scope: QuerySet[Document], index: Index) -> Frequencies:
    """Count the chunks of the scope with each word; words with the same stem count as one."""
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT, [index.search_config, list(words), list(words), LANGUAGES])
        found, stopped = cursor.fetchone() or (None, None)
    lexemes: dict[str, list[str]] = json.loads(found or "{}")
    postings = read_postings(Words.listed(sorted(set().union(*lexemes.values()))), scope, index)
    counts = {word: _count(some, postings) for word, some in lexemes.items()}
    stopped_by = json.loads(stopped or "{}")
    english = {*stopped_by.get("english", []), *(word for word in words if word in STOP_WORDS)}
    best: list[str] = max(stopped_by.values(), key=len, default=[])
    is_english = len(best) <= len(english)
    chosen = frozenset(english if is_english else best) | QUESTION_WORDS
    return Frequencies(postings.chunks, counts, chosen, is_english)


def _count(lexemes: Sequence[str], postings: Postings) -> int:
    """Return how many chunks contain one of the lexemes."""
    found = [postings.posted[lexeme].entries["key"] for lexeme in lexemes if lexeme in postings.posted]
    if len(found) > 1:
        return len(np.unique(np.concatenate(found)))
    return len(found[0]) if found else 0


STATEMENT = """
with words as (
    select word, tsvector_to_array(to_tsvector(%s::regconfig, normalize(word, NFKC))) as lexemes
    from unnest(%s::text[]) word
),
stopped as (
    select language, array_agg(word) as words from unnest(%s::text[]) word, unnest(%s::text[]) language
    where to_tsvector(language::regconfig, word) = ''::tsvector group by language
)
select (select jsonb_object_agg(word, lexemes) from words), (select jsonb_object_agg(language, words) from stopped)
"""
