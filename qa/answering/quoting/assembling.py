"""From the best unit to an answer: what it announces, the sentence before it if it needs one, a second quote if it adds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from qa.answering import parts
from qa.answering.quoting import cross_encoder
from qa.answering.quoting.answer import Extract, quote_of
from qa.answering.quoting.asked import Asked
from qa.answering.quoting.forms import REFERS
from qa.answering.quoting.lists import whole_list
from qa.answering.quoting.scoring import match
from qa.answering.quoting.tables import row_answer
from qa.answering.quoting.units import MAX_LENGTH, Kind, Unit
from qa.models.question import AnswerWay

ASKS_TWICE = re.compile(r"\b(?:and|und|et|y)\b|\?.+\?", re.IGNORECASE)
MIN_SHARE_OF_BEST = 0.6  # of the score of a second quote
NEXT_MARGIN = 0.08  # in the score of the sentence beside the best one, which is quoted with it
MIN_ADDED = 0.2  # of the question's weight that only the second quote covers
MAX_ROWS = 30


def answer_of(unit: Unit, asked: Asked, *, alone: bool = False) -> Extract:
    """Return the unit as an answer; not `alone`, with the sentence before if it needs that."""
    if unit.announced:
        return _announced(unit, unit.announced, asked)
    if unit.table:
        return row_answer(unit, asked)
    units = [unit]
    if not alone and _needs_before(unit, asked):
        units = [before for before in [unit.before] if before] + units
    return _quoted(units)


def second(ranked: Sequence[Unit], asked: Asked) -> Unit | None:
    """Return a unit that answers what the best one leaves open, if there is one."""
    best = ranked[0]
    if close := _close(ranked) if best.logit is None else cross_encoder.neighbour(best, asked):
        return close
    if not ASKS_TWICE.search(asked.text):
        return None
    for unit in ranked[1:]:
        if unit.score < MIN_SHARE_OF_BEST * best.score:
            return None
        if unit.kind == Kind.SENTENCE and not unit.is_fragment and _adds(unit, best, asked):
            return unit
    return None


def _close(ranked: Sequence[Unit]) -> Unit | None:
    """Return the sentence next to the best one if it answers almost as well."""
    best = ranked[0]
    for unit in ranked[1:]:
        margin = best.score - unit.score
        if best.kind != Kind.SENTENCE or margin > NEXT_MARGIN:
            return None
        is_next = unit in (best.before, best.after) and _length(best, unit) <= MAX_LENGTH
        if unit.kind == Kind.SENTENCE and is_next:
            return unit
    return None


def _length(one: Unit, other: Unit) -> int:
    return max(one.end, other.end) - min(one.start, other.start)


def both(best: Unit, further: Unit, asked: Asked) -> Extract:
    """Return two units as an answer: as one quote if they follow one another."""
    if further in (best.before, best.after) and not best.announced and not further.announced:
        return _quoted(sorted([best, further], key=lambda unit: unit.start))
    return answer_of(best, asked) + answer_of(further, asked)


def _adds(unit: Unit, best: Unit, asked: Asked) -> bool:
    added = sum(
        weight
        for word, weight in asked.weights.items()
        if word in unit.words and max(match(word, best.words), best.near.get(word, 0.0)) < 0.5
    )
    return asked.total > 0 and added / asked.total >= MIN_ADDED


def _needs_before(unit: Unit, asked: Asked) -> bool:
    """Whether the sentence before says what a word such as "it" means, in words of the question."""
    before = unit.before
    if before is None or unit.kind != Kind.SENTENCE or not REFERS.search(unit.text):
        return False
    if before.source.version_id != unit.source.version_id or unit.end - before.start > MAX_LENGTH:
        return False
    return any(word in before.words and word not in unit.words for word in asked.weights)


def _quoted(units: Sequence[Unit]) -> Extract:
    text = " ".join(unit.text for unit in units)
    # The citation is of the source of the last one, the answer itself; the others stand just before it.
    return Extract([parts.Quote(units[-1].source.number, text)], [quote_of([units[-1], *units[:-1]])])


def _announced(unit: Unit, first: Unit, asked: Asked) -> Extract:
    """Return what the unit announces, with the unit as its lead."""
    if first.items:
        found = whole_list(first)
        return Extract(found.parts, [quote_of([unit]), *found.quotes][-1:], AnswerWay.LIST)
    if first.table:
        rows = tuple(tuple(cell.text for cell in row.cells) for row in first.table.rows[:MAX_ROWS])
        part = parts.Table(unit.source.number, tuple(first.table.header), rows, unit.text.rstrip(":"))
        return Extract([part], [quote_of([unit])], AnswerWay.TABLE)
    return _quoted([unit, first])
