"""When the best unit is not good enough to be an answer."""

from __future__ import annotations

from qa.answering.quoting import cross_encoder
from qa.answering.quoting.asked import Asked
from qa.answering.quoting.forms import FIGURE, STRICT
from qa.answering.quoting.lists import selected
from qa.answering.quoting.scoring import CHUNK, credit, match, name_share, stems
from qa.answering.quoting.units import Unit

# Of 238 questions of XQuAD, 7 are refused at this floor although the passage is there, and 211 once it is taken away
# (bench/quotes.py). A higher floor refuses more of both.
MIN_SCORE = 0.5
HEAD_MALUS = 0.17  # when nothing near says what the question asks for: "salary", "password"
CLOSE = 0.35  # what a word counts that is near enough
FORM_MALUS = 0.4  # when a telephone number or an address is asked for, and the unit has none
MIN_NAME = 0.6  # of the words in a row's first cell, if the question says no column
ROW_MALUS = 0.2  # of a row of figures when the question names no column


def answers(unit: Unit, asked: Asked) -> bool:
    """Whether a unit is good enough to be quoted as an answer."""
    return confidence(unit, asked) >= MIN_SCORE


def confidence(unit: Unit, asked: Asked) -> float:
    """Return the unit's score, less for what the question asks for and nothing near the unit says."""
    lacks_head = _lacks_head(unit, asked)
    score = unit.score - HEAD_MALUS * lacks_head
    if unit.table and (lacks_head or not is_clear(unit, asked)):
        # A row has been read for its name alone.
        score -= max(cross_encoder.bonus(unit, asked), 0.0)
    if asked.form and asked.form[0] in STRICT and not asked.is_answered_in_form(unit.text):
        score -= FORM_MALUS
    return score if is_clear(unit, asked) else score - ROW_MALUS


def _lacks_head(unit: Unit, asked: Asked) -> float:
    """Return 1 if nothing near the unit says what the question asks for, less if a word is near in meaning."""
    known = [_known(word, unit) for word in asked.head if word in asked.weights]
    return max(0.0, 1 - max(known) / CLOSE) if known else 0.0


def _known(word: str, unit: Unit) -> float:
    in_chunk = credit(word, unit)
    return max(in_chunk if in_chunk > CHUNK else 0.0, unit.near.get(word, 0.0))


def is_clear(unit: Unit, asked: Asked) -> bool:
    """Whether the question says which column of a row it asks for, or which row if that has more than figures."""
    if unit.table is None:
        return True
    if asked.wants_list and len(selected(unit, asked)) > 1:
        return True
    header = [stems(name) for name in unit.table.header[1:]]
    if any(match(word, name) for word in asked.weights for name in header):
        return True
    has_words = sum(not FIGURE.fullmatch(cell) for cell in unit.cells if cell) > 1
    return has_words and name_share(asked, unit) >= MIN_NAME
