"""What the cross-encoder says of units: it reads question and words together, so that other words count too.

It knows English only. Where it is not installed, the score of words and vectors stands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from qa.answering.quoting.asked import Asked
from qa.answering.quoting.forms import REFERS
from qa.answering.quoting.units import MAX_LENGTH, Kind, Unit
from ragsite import llm

MAX_READ = 12  # units read for one question; a small machine needs about 10 ms for each
AT_ONCE = 2  # the threads of the model
# Chosen on XQuAD, where any weight from 0.06 to 0.12 does equally well; bench/quotes.py prints what comes of it.
WEIGHT = 0.1  # of a logit, in a unit's score
LOWEST, HIGHEST = -1.5, 2.5  # logits beyond these say no more
# By which two sentences must read better than one. Lower, more quotes have two sentences; higher, fewer hold the answer.
MIN_GAIN = 0.75


def read(
    units: Sequence[Unit], asked: Asked, confidence: Callable[[Unit, Asked], float], reach: float = 0.0
) -> list[Unit]:
    """Note what the first units say to the question, add it to their scores, and return these; all if nothing can read.

    The units come best first. Reading ends where no other one can come within `reach` of the best: few questions need all
    MAX_READ. A follow-up is not read: with the question before it, what answers that one would read best.
    """
    if not asked.is_english or asked.old:
        return list(units)
    first = list(units[:MAX_READ])
    best = float("-inf")
    for start in range(0, len(first), AT_ONCE):
        some = first[start : start + AT_ONCE]
        if max(unit.score for unit in first[start:]) + WEIGHT * HIGHEST < best - reach:
            break
        logits = llm.rerank(asked.text, [_in_place(unit, asked) for unit in some])
        if logits is None:
            return list(units)
        for unit, logit in zip(some, logits, strict=True):
            unit.logit = float(logit)
            unit.score += bonus(unit, asked)
            best = max(best, confidence(unit, asked))
    return first


def bonus(unit: Unit, asked: Asked) -> float:
    """Return what the reading adds to a unit's score; less than 0 where it speaks against the unit."""
    if unit.logit is None:
        return 0.0
    highest = 0.0 if unit.fragment else HIGHEST  # a title is read well for the words above it
    lowest = 0.0 if _is_listed(unit, asked) else LOWEST  # the model has learned little from lists
    return WEIGHT * float(np.clip(unit.logit, lowest, highest))


def neighbour(best: Unit, asked: Asked) -> Unit | None:
    """Return the sentence beside the best one with which it was read, or reads clearly better than alone."""
    if _refers_back(best):
        return best.before
    beside = [unit for unit in (best.before, best.after) if unit and _fits(best, unit)]
    if best.kind != Kind.SENTENCE or not beside:
        return None
    logits = llm.rerank(asked.text, [best.text, *(_both(best, unit) for unit in beside)])
    if logits is None or max(logits[1:]) < logits[0] + MIN_GAIN:
        return None
    return beside[int(np.argmax(logits[1:]))]


def _in_place(unit: Unit, asked: Asked) -> str:
    """Return the unit's words, of a list that is asked for all items, after the titles above and what introduces it."""
    above = [*reversed(unit.headings), unit.lead]
    title = unit.source.document_title
    if not any(title in heading for heading in above):
        above.insert(0, title)
    return " ".join(
        [*(f"{words.rstrip('.:')}." for words in dict.fromkeys(above) if words), _words(unit, asked)]
    )


def _words(unit: Unit, asked: Asked) -> str:
    if _is_listed(unit, asked):
        return " ".join(_items(unit))
    return _both(unit.before, unit) if unit.before and _refers_back(unit) else unit.text


def _refers_back(unit: Unit) -> bool:
    """Whether the sentence before says what a word such as "it" stands for."""
    is_sentence = unit.kind == Kind.SENTENCE and REFERS.search(unit.text)
    return bool(is_sentence and unit.before and _fits(unit, unit.before))


def _is_listed(unit: Unit, asked: Asked) -> bool:
    return unit.items is not None and (asked.wants_list or asked.wants_steps or asked.may_want_list)


def _items(unit: Unit) -> list[str]:
    items = unit.items.items if unit.items else ()
    return [f"{number}. {item.text}" for number, item in enumerate(items, start=1)]


def _fits(one: Unit, other: Unit) -> bool:
    length = max(one.end, other.end) - min(one.start, other.start)
    return other.kind == Kind.SENTENCE and not other.is_fragment and length <= MAX_LENGTH


def _both(one: Unit, other: Unit) -> str:
    return " ".join(unit.text for unit in sorted((one, other), key=lambda unit: unit.start))
