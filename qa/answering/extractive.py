"""An answer without a model: the sentences of the sources that answer the question, quoted word for word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from django.utils.translation import gettext as _

from documents.models import Index
from qa.answering.statements import ReadSource, read
from qa.retrieval.retriever import Source, Vector
from qa.retrieval.stop_words import Weights, content_words
from ragsite import llm

WHOLE_SOURCES = (
    2  # all their sentences are compared; of the others only those that share words with the question
)
COMPARED = 28  # sentences embedded for one question: what a small machine does in a fraction of a second
QUOTES = 4
MAX_QUOTE_LENGTH = 600  # characters
MIN_WORDS = 4
MEANING = 0.6  # the share of meaning against words
AMOUNT_BONUS = 0.06
NEAR_ENOUGH = 0.42
NEAR_TO_BEST = 0.72
ASKS_FOR_AMOUNT = re.compile(
    r"\b(how (much|many|long|old|far|often|big|large|high|tall)|when|cost|costs|price|prices|fee|fees|year|date|number|percentage)\b",
    re.I,
)


@dataclass
class Sentence:
    source: Source
    start: int  # in the document's text, as in citations
    end: int
    text: str  # as a person reads it, without signs of Markdown
    words: list[str]
    score: float = 0.0


@dataclass(frozen=True)
class Quote:
    """Words of a source, exactly as they stand there; `words` are the same as a person reads them."""

    number: int
    start: int
    end: int
    text: str
    words: str = ""


@dataclass(frozen=True)
class Extract:
    """What the documents say to the question; `is_found` is False when these are only the nearest passages."""

    quotes: list[Quote] = field(default_factory=list)
    is_found: bool = False

    @property
    def text(self) -> str:
        """A paragraph a quote, each closed by its number. Not Markdown: a document may hold any sign."""
        quotes = [f"“{quote.words}” [{quote.number}]" for quote in self.quotes]
        return "\n\n".join(quotes if self.is_found else [nothing_found(bool(quotes)), *quotes])


def nothing_found(has_nearest: bool) -> str:
    sentence = _("Nothing in your documents answers this.")
    return f"{sentence} {_('The nearest passages:')}" if has_nearest else sentence


def extract(question: str, sources: Sequence[Source], vector: Vector, index: Index) -> Extract:
    """One to four quotes, the best first. Compares meaning where the index's embedder runs on this machine."""
    wanted = content_words(question)
    texts = read(sources)
    candidates = _sentences(texts)
    weights = Weights([sentence.words for sentence in candidates])
    compared = _worth_comparing(candidates, wanted, weights)
    _score(compared, question, wanted, weights, vector, index)
    ranked = sorted(compared, key=lambda sentence: -sentence.score)
    if not ranked:
        return Extract()
    if ranked[0].score < NEAR_ENOUGH:
        return Extract(_quotes(_one_of_each(ranked)[:2], texts))
    near = [
        sentence for sentence in ranked if sentence.score >= max(NEAR_ENOUGH, ranked[0].score * NEAR_TO_BEST)
    ]
    return Extract(_quotes(near[:QUOTES], texts), is_found=True)


def _sentences(texts: Sequence[ReadSource]) -> list[Sentence]:
    """Every sentence once: neighbouring sources may share one. Headings and lists of contents say nothing."""
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

    telling = [sentence for sentence in candidates if len(sentence.text.split()) >= MIN_WORDS] or candidates
    return sorted(
        (sentence for sentence in telling if worth(sentence) > 0), key=lambda sentence: -worth(sentence)
    )[:COMPARED]


def _score(
    compared: Sequence[Sentence],
    question: str,
    wanted: Sequence[str],
    weights: Weights,
    vector: Vector,
    index: Index,
) -> None:
    meanings = _meanings(compared, vector, index)
    asks_for_amount = bool(ASKS_FOR_AMOUNT.search(question))
    for sentence, meaning in zip(compared, meanings, strict=True):
        overlap = weights.overlap(wanted, sentence.words)
        sentence.score = MEANING * meaning + (1 - MEANING) * overlap
        if asks_for_amount and re.search(r"\d", sentence.text):
            sentence.score += AMOUNT_BONUS


def _meanings(compared: Sequence[Sentence], vector: Vector, index: Index) -> list[float]:
    """How near each sentence is to the question. A paid embedder is not asked for this: its sources' own nearness serves."""
    if not compared or not len(vector) or not llm.embedding_model(index.embedding_model).is_local:
        return [sentence.source.dense_score or 0.5 for sentence in compared]
    vectors = index.embed_passages([sentence.text for sentence in compared])
    return [float(nearness) for nearness in vectors @ np.asarray(vector, dtype=np.float32)]


def _one_of_each(ranked: Sequence[Sentence]) -> list[Sentence]:
    return list({sentence.source.number: sentence for sentence in reversed(ranked)}.values())[::-1]


def _quotes(chosen: Sequence[Sentence], texts: Sequence[ReadSource]) -> list[Quote]:
    """Sentences that follow one another become one quote."""
    by_number = {text.source.number: text for text in texts}
    quotes: list[Quote] = []
    for sentence in chosen:
        source = sentence.source
        start, end = sentence.start, sentence.end
        for quote in [
            quote for quote in quotes if quote.number == source.number and _follow(source, quote, start, end)
        ]:
            quotes.remove(quote)
            start, end = min(start, quote.start), max(end, quote.end)
        first, last = start - source.start, end - source.start
        words = by_number[source.number].words(first, last)
        quotes.append(Quote(source.number, start, end, source.text[first:last], words))
    return quotes


def _follow(source: Source, quote: Quote, start: int, end: int) -> bool:
    first, second = sorted(((quote.start, quote.end), (start, end)))
    return not source.text[first[1] - source.start : second[0] - source.start].strip()
