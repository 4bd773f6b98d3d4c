"""How well each unit answers: the question's words that it and its context cover, and the nearness of its vector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from documents.models import Index
from qa.answering.quoting.asked import Asked
from qa.answering.quoting.forms import BOTH_ENDS
from qa.answering.quoting.units import Kind, Unit
from qa.retrieval.search_sql import Vector
from qa.retrieval.stop_words import STOP_WORDS, WORD, content_words
from ragsite import llm

MAX_COMPARED = (
    14  # units embedded for one question, some 10 ms each; with 20, quotes were no better (bench/quotes.py)
)
WHOLE_SOURCES = 2  # of these, units that share no word with the question are compared too
# What a word counts that only the context has: the nearest heading, lead or caption; the sentence before; a heading
# farther above; the document's title; the rest of the chunk.
NEAR, BEFORE, ABOVE, TITLE, CHUNK = 0.85, 0.7, 0.6, 0.6, 0.25
SIMILARITY_WEIGHT = 0.5  # of vector similarity against coverage
NAMES_BONUS = 0.16  # of a line with several names when the question asks for persons
LISTED_BONUS = 0.24  # of the items of a list whose heading is what the question asks for
FORM_BONUS = 0.08  # of a unit with a number, date or name when the question asks for one
ENDS_BONUS = 0.16  # of a unit that tells both when something begins and when it ends
FRAGMENT_MALUS = 0.2
NAME_BONUS = 0.08
COLUMN_BONUS = 0.06
NAME_MALUS = 0.12
OTHERS_BONUS = 0.2  # of "everyone else" where the question is about those who are not members
REPEAT_MALUS = 0.15  # of a sentence that answered the question before
PREFERRED_BONUS = 0.1
REFINED = 5  # best units whose words are compared by meaning
MAX_SPELLED = 40  # words of one unit
MEANING = (0.42, 0.8)  # similarity of two words from which it counts, and at which it counts MEANING_CREDIT
MEANING_CREDIT = 0.9
MIN_PREFIX = 5  # letters that two forms of a word share


def score(
    units: Sequence[Unit],
    asked: Asked,
    vector: Vector,
    index: Index,
    preferred: frozenset[int] = frozenset(),
) -> list[Unit]:
    """Return the units worth comparing, scored, best first. Only a local model embeds them.

    Units of the `preferred` documents get a bonus.
    """
    for unit in units:
        unit.coverage = coverage(asked, unit)
        unit.is_preferred = unit.source.document_id in preferred
    compared = sorted(units, key=lambda unit: -_worth(unit))[:MAX_COMPARED]
    for unit, similarity in zip(compared, _similarities(compared, vector, index), strict=True):
        unit.similarity = similarity
        _rate(unit, asked)
    ranked = _sorted(compared)
    _refine(ranked[:REFINED], asked, index)
    return _sorted(ranked)


def _sorted(units: Sequence[Unit]) -> list[Unit]:
    return sorted(units, key=lambda unit: (-unit.score, unit.source.number, unit.start))


def _rate(unit: Unit, asked: Asked) -> None:
    unit.score = SIMILARITY_WEIGHT * unit.similarity + (1 - SIMILARITY_WEIGHT) * unit.coverage
    unit.score += _form(asked, unit) + _named(asked, unit) + PREFERRED_BONUS * unit.is_preferred
    unit.score -= FRAGMENT_MALUS * unit.fragment + NAME_MALUS * _lacks_name(asked, unit)
    unit.score -= REPEAT_MALUS * (unit.text in asked.answered)
    if unit.table is None:
        before = unit.before.words if unit.before else frozenset()
        unit.score += OTHERS_BONUS * asked.is_of_others(unit.words, unit.text, before)


def coverage(asked: Asked, unit: Unit, near: Mapping[str, float] | None = None) -> float:
    """Return the share of the question's words, by weight, that the unit and its context cover.

    `near` has what words of similar meaning count for.
    """
    found = sum(
        weight * max(credit(word, unit), (near or {}).get(word, 0.0))
        for word, weight in asked.weights.items()
    )
    return found / asked.total if asked.total else 0.0


def _refine(units: Sequence[Unit], asked: Asked, index: Index) -> None:
    """Count words of similar meaning too: "bought" where a unit says "buy". Needs a local model."""
    missing = [word for word in asked.weights if any(credit(word, unit) < 0.5 for unit in units)]
    spelled = {unit: _spelled(unit) for unit in units}
    others = list(dict.fromkeys(word for words in spelled.values() for word in words))
    if not missing or not others or not llm.embedding_model(index.embedding_model).is_local:
        return
    vectors = index.embed_passages([*(asked.spelled[word] for word in missing), *others])
    nearness = vectors[: len(missing)] @ vectors[len(missing) :].T
    place = {word: at for at, word in enumerate(others)}
    for unit in units:
        own = [place[word] for word in spelled[unit]]
        best = nearness[:, own].max(axis=1) if own else np.zeros(len(missing))
        near = {word: _meaning(float(value)) for word, value in zip(missing, best, strict=True)}
        unit.coverage, unit.near = coverage(asked, unit, near), near
        _rate(unit, asked)


def _meaning(similarity: float) -> float:
    """Return what a word of similar meaning counts for."""
    low, high = MEANING
    return MEANING_CREDIT * min(max((similarity - low) / (high - low), 0.0), 1.0)


def _spelled(unit: Unit) -> list[str]:
    """Return the words of a unit, what introduces it and its heading, without stop words and numbers."""
    text = " ".join([unit.text, unit.lead, *unit.headings[:1]])
    words = dict.fromkeys(word.lower() for word in WORD.findall(text))
    return [word for word in words if word not in STOP_WORDS and word.isalpha()][:MAX_SPELLED]


def credit(word: str, unit: Unit) -> float:
    """Return how much a word of the question counts as covered by the unit, from 0 to 1."""
    best = match(word, unit.words)
    for words, share in _context(unit):
        if best >= share:
            break
        best = max(best, share * match(word, words))
    return best


def match(word: str, words: Iterable[str]) -> float:
    """Return 1 for the same stem, less for another form of the word, otherwise 0."""
    found = words if isinstance(words, frozenset) else frozenset(words)
    if word in found:
        return 1.0
    if len(word) < MIN_PREFIX or word.isdigit():
        return 0.0
    prefix = word[: max(MIN_PREFIX, len(word) - 2)]
    return 0.8 * any(other.startswith(prefix) and abs(len(other) - len(word)) <= 5 for other in found)


def _context(unit: Unit) -> list[tuple[frozenset[str], float]]:
    """The words around a unit and what they count, the most telling first."""
    near = " ".join([unit.lead, *unit.headings[:1]])
    if unit.table:
        near = " ".join([near, *unit.table.header])
    return [
        (stems(near), NEAR),
        (unit.before.words if unit.before else frozenset(), BEFORE),
        (stems(" ".join(unit.headings[1:])), ABOVE),
        (stems(unit.source.document_title), TITLE),
        (stems(unit.source.text), CHUNK),
    ]


@lru_cache(maxsize=256)
def stems(text: str) -> frozenset[str]:
    """Return the stems of a text without stop words."""
    return frozenset(content_words(text))


def _worth(unit: Unit) -> float:
    own = unit.coverage + 0.1 * (unit.source.number <= WHOLE_SOURCES) - FRAGMENT_MALUS * unit.fragment
    return own + 0.1 / unit.source.number + PREFERRED_BONUS * unit.is_preferred


def _form(asked: Asked, unit: Unit) -> float:
    """Return a bonus for a number, date, name or list where the question asks for one, a malus where it lacks."""
    if asked.wants_names:
        return NAMES_BONUS if asked.is_answered_in_form(unit.text) else -FORM_BONUS
    if asked.form:
        bonus = ENDS_BONUS if BOTH_ENDS in asked.form else FORM_BONUS
        return bonus if asked.is_answered_in_form(unit.text) else -FORM_BONUS
    if not (asked.wants_list or asked.may_want_list):
        return 0.0
    if unit.items and asked.listed & stems(" ".join([unit.lead, *unit.headings[:1]])):
        return LISTED_BONUS
    is_list = unit.kind in (Kind.ITEM, Kind.ROW) or unit.announced is not None
    return FORM_BONUS if is_list or unit.text.count(",") > 1 else 0.0


def _lacks_name(asked: Asked, unit: Unit) -> bool:
    """Whether the question is about something with a name that neither the unit nor its context has."""
    if unit.table:
        others = stems(" ".join(cell.text for row in unit.table.rows for cell in row.cells))
        if any(name in others and name not in unit.words for name in asked.names):
            return True
    return any(credit(name, unit) <= CHUNK for name in asked.names)


def _named(asked: Asked, unit: Unit) -> float:
    """Return a bonus for a row whose name the question says, more if it says a column too: "loans of Millbrook"."""
    if unit.table is None or name_share(asked, unit) < 1:
        return 0.0
    header = stems(" ".join(unit.table.header[1:]))
    return NAME_BONUS + COLUMN_BONUS * any(match(word, header) for word in asked.weights)


def name_share(asked: Asked, unit: Unit) -> float:
    """Return the share of the words in a row's first cell that the question has."""
    name = stems(unit.cells[0]) if unit.cells else frozenset()
    words = frozenset(asked.weights)
    return sum(match(word, words) > 0 for word in name) / len(name) if name else 0.0


def _similarities(compared: Sequence[Unit], vector: Vector, index: Index) -> list[float]:
    """Return each unit's similarity to the question; without a local model, the score of its chunk."""
    if not compared or not len(vector) or not llm.embedding_model(index.embedding_model).is_local:
        return [unit.source.dense_score or 0.5 for unit in compared]
    vectors = index.embed_passages([unit.with_context for unit in compared])
    return [float(similarity) for similarity in vectors @ np.asarray(vector, dtype=np.float32)]
