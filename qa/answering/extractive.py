"""Extractive answers, without a language model: the sentences that answer the question, quoted exactly."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from django.utils.translation import gettext as _

from documents.models import Index
from qa.answering import parts
from qa.answering.statements import ChunkText, annotate
from qa.retrieval.chunk import RetrievedChunk
from qa.retrieval.search_sql import Vector
from qa.retrieval.stop_words import Weights, content_words
from ragsite import llm

# All sentences of these are compared; of the other sources, only those that share words with the question.
WHOLE_SOURCES = 2
# Sentences embedded for one question; a small machine embeds so many in a fraction of a second.
MAX_COMPARED = 28
MAX_QUOTES = 4
MAX_QUOTE_LENGTH = 600  # characters
MIN_WORDS = 4
SIMILARITY_WEIGHT = 0.6  # of vector similarity against word overlap
AMOUNT_BONUS = 0.06
MIN_SCORE = 0.42
MIN_SHARE_OF_BEST = 0.72
ASKS_FOR_AMOUNT = re.compile(
    r"\b(how (much|many|long|old|far|often|big|large|high|tall)|when|cost|costs|price|prices|fee|fees|year|date|number|percentage)\b",
    re.I,
)


@dataclass
class Sentence:
    source: RetrievedChunk
    start: int  # in the document's text, as in citations
    end: int
    text: str  # without Markdown syntax
    words: list[str]
    score: float = 0.0


@dataclass(frozen=True)
class Quote:
    """An exact stretch of a source; `words` is the same text without Markdown syntax."""

    number: int
    start: int
    end: int
    text: str
    words: str = ""


@dataclass(frozen=True)
class Extract:
    """The quotes for a question; `is_found` is False if they are only the nearest passages."""

    quotes: list[Quote] = field(default_factory=list)
    is_found: bool = False

    @property
    def parts(self) -> list[parts.Part]:
        """A quote for each, after a sentence of the product if they are only the nearest passages."""
        quotes = [parts.Quote(quote.number, quote.words) for quote in self.quotes]
        return [*quotes] if self.is_found else [parts.Text(nothing_found(bool(quotes))), *quotes]

    @property
    def text(self) -> str:
        return parts.plain_text(self.parts)


def nothing_found(has_nearest: bool) -> str:
    """Return the answer for a question without an answer, before the nearest passages if there are any."""
    sentence = _("Nothing in your documents answers this.")
    return f"{sentence} {_('The nearest passages:')}" if has_nearest else sentence


def extract(question: str, sources: Sequence[RetrievedChunk], vector: Vector, index: Index) -> Extract:
    """Return up to MAX_QUOTES quotes, best first. Sentences are embedded only if the index's model is local."""
    wanted = content_words(question)
    texts = annotate(sources)
    candidates = _sentences(texts)
    weights = Weights([sentence.words for sentence in candidates])
    compared = _worth_comparing(candidates, wanted, weights)
    _score(compared, question, wanted, weights, vector, index)
    ranked = sorted(compared, key=lambda sentence: -sentence.score)
    if not ranked:
        return Extract()
    if ranked[0].score < MIN_SCORE:
        return Extract(_quotes(_best_of_each_source(ranked)[:2], texts))
    near = [
        sentence
        for sentence in ranked
        if sentence.score >= max(MIN_SCORE, ranked[0].score * MIN_SHARE_OF_BEST)
    ]
    return Extract(_quotes(near[:MAX_QUOTES], texts), is_found=True)


def _sentences(texts: Sequence[ChunkText]) -> list[Sentence]:
    """Return every statement once; adjacent sources may share one."""
    seen: set[str] = set()
    found = []
    for text in texts:
        for start, end in text.statements():
            words = text.words(start, min(end, start + MAX_QUOTE_LENGTH))
            if words and words not in seen:
                seen.add(words)
                source, last = text.source, min(end, start + MAX_QUOTE_LENGTH)
                length = len(source.text[start:last].rstrip())
                found.append(
                    Sentence(
                        source,
                        source.start + start,
                        source.start + start + length,
                        words,
                        content_words(words),
                    )
                )
    return found


def _worth_comparing(
    candidates: Sequence[Sentence], wanted: Sequence[str], weights: Weights
) -> list[Sentence]:
    def worth(sentence: Sentence) -> float:
        bonus = 0.5 if sentence.source.number <= WHOLE_SOURCES else 0.0
        return weights.overlap(wanted, sentence.words) + bonus

    long_enough = [
        sentence for sentence in candidates if len(sentence.text.split()) >= MIN_WORDS
    ] or candidates
    return sorted(
        (sentence for sentence in long_enough if worth(sentence) > 0), key=lambda sentence: -worth(sentence)
    )[:MAX_COMPARED]


def _score(
    compared: Sequence[Sentence],
    question: str,
    wanted: Sequence[str],
    weights: Weights,
    vector: Vector,
    index: Index,
) -> None:
    similarities = _similarities(compared, vector, index)
    asks_for_amount = bool(ASKS_FOR_AMOUNT.search(question))
    for sentence, similarity in zip(compared, similarities, strict=True):
        overlap = weights.overlap(wanted, sentence.words)
        sentence.score = SIMILARITY_WEIGHT * similarity + (1 - SIMILARITY_WEIGHT) * overlap
        if asks_for_amount and re.search(r"\d", sentence.text):
            sentence.score += AMOUNT_BONUS


def _similarities(compared: Sequence[Sentence], vector: Vector, index: Index) -> list[float]:
    """Return each sentence's similarity to the question; without a local model, the score of its chunk."""
    if not compared or not len(vector) or not llm.embedding_model(index.embedding_model).is_local:
        return [sentence.source.dense_score or 0.5 for sentence in compared]
    vectors = index.embed_passages([sentence.text for sentence in compared])
    return [float(similarity) for similarity in vectors @ np.asarray(vector, dtype=np.float32)]


def _best_of_each_source(ranked: Sequence[Sentence]) -> list[Sentence]:
    return list({sentence.source.number: sentence for sentence in reversed(ranked)}.values())[::-1]


def _quotes(chosen: Sequence[Sentence], texts: Sequence[ChunkText]) -> list[Quote]:
    """Return the quotes, with consecutive sentences joined."""
    by_number = {text.source.number: text for text in texts}
    quotes: list[Quote] = []
    for sentence in chosen:
        source = sentence.source
        start, end = sentence.start, sentence.end
        for quote in [
            quote
            for quote in quotes
            if quote.number == source.number and _are_adjacent(source, quote, start, end)
        ]:
            quotes.remove(quote)
            start, end = min(start, quote.start), max(end, quote.end)
        first, last = start - source.start, end - source.start
        words = by_number[source.number].words(first, last)
        quotes.append(Quote(source.number, start, end, source.text[first:last], words))
    return quotes


def _are_adjacent(source: RetrievedChunk, quote: Quote, start: int, end: int) -> bool:
    first, second = sorted(((quote.start, quote.end), (start, end)))
    return not source.text[first[1] - source.start : second[0] - source.start].strip()
