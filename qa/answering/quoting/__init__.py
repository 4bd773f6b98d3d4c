"""Answers in the documents' own words: the sentence, the row, the list that answers, quoted exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from documents.models import Index
from qa.answering.quoting import cross_encoder
from qa.answering.quoting.answer import Extract, Quote, nothing_found
from qa.answering.quoting.asked import Asked, understand
from qa.answering.quoting.assembling import ASKS_TWICE, answer_of, both, second
from qa.answering.quoting.contradictions import (
    MAX_LESS_IF_READ,
    contradicting,
    differing_answer,
    has_editions,
    newest,
    same_elsewhere,
)
from qa.answering.quoting.forms import NUMBER
from qa.answering.quoting.lists import MARGIN, column_answer, list_answer
from qa.answering.quoting.refusal import answers, confidence
from qa.answering.quoting.scoring import score
from qa.answering.quoting.typos import corrected
from qa.answering.quoting.unit_reader import units_of
from qa.answering.quoting.units import Unit
from qa.retrieval.chunk import RetrievedChunk
from qa.retrieval.frequencies import Frequencies
from qa.retrieval.search_sql import Vector

__all__ = ["NOTHING_BEFORE", "Before", "Extract", "Quote", "corrected", "extract", "nothing_found"]


@dataclass(frozen=True)
class Before:
    """What was asked and answered just before a follow-up, and the documents that answered.

    `question` is empty if the follow-up was made complete (`is_replaced`).
    """

    question: str = ""
    answer: str = ""
    documents: frozenset[int] = frozenset()
    is_replaced: bool = False


NOTHING_BEFORE = Before()


def extract(
    question: str,
    sources: Sequence[RetrievedChunk],
    vector: Vector,
    index: Index,
    frequencies: Frequencies,
    before: Before = NOTHING_BEFORE,
) -> Extract:
    """Return the answer that the sources give in their own words, or that they give none.

    Sentences are embedded only if the index's model is local.
    """
    asked = understand(question, frequencies, before.question)
    asked.answered = "" if _may_repeat(asked, before) else before.answer
    units = units_of(sources)
    if asked.wants_list and (found := column_answer(units, asked)):
        return found
    ranked = score(units, asked, vector, index, before.documents)
    ranked = cross_encoder.read(ranked, asked, confidence, _reach(ranked, asked))
    ranked.sort(key=lambda unit: (-confidence(unit, asked), -unit.score, unit.source.number, unit.start))
    if not ranked or not answers(ranked[0], asked):
        return nothing_found()
    return list_answer(ranked, asked) or _quoted(ranked, units, asked)


def _may_repeat(asked: Asked, before: Before) -> bool:
    """Whether the sentence that answered the question before may answer this too: "At what time?"."""
    return bool(asked.form) and tuple(asked.form) != (NUMBER,) and not before.is_replaced


def _reach(ranked: Sequence[Unit], asked: Asked) -> float:
    """Return how far below the best unit another one may be that the answer depends on."""
    if ASKS_TWICE.search(asked.text):
        return float("inf")
    if has_editions(ranked):
        return MAX_LESS_IF_READ
    return MARGIN if asked.wants_list or asked.wants_steps or asked.may_want_list else 0.0


def _quoted(ranked: Sequence[Unit], units: Sequence[Unit], asked: Asked) -> Extract:
    best = ranked[0]
    if differing := contradicting(best, units, ranked):
        return differing_answer(differing, asked)
    if same := same_elsewhere(best, units):
        best = newest([best, *same])
    further = second(ranked, asked)
    return both(best, further, asked) if further else answer_of(best, asked)
