"""Answers from lists: all items of the list that the question asks for, with the words that introduce it."""

from __future__ import annotations

from collections.abc import Sequence

from documents.structure.kinds import ItemList
from qa.answering import parts
from qa.answering.quoting.answer import Extract, quote_of
from qa.answering.quoting.asked import Asked
from qa.answering.quoting.scoring import match, stems
from qa.answering.quoting.units import Kind, Unit
from qa.models.question import AnswerWay

MAX_ITEMS = 30
MARGIN = 0.05  # by which a single unit may be better than the list
MIN_STEPS = 2


def list_answer(ranked: Sequence[Unit], asked: Asked) -> Extract | None:
    """Return the whole list if the best units are items of one, and the question asks for items or steps."""
    best = ranked[0]
    if not (asked.wants_list or asked.wants_steps):
        return None
    for unit in ranked[:MAX_ITEMS]:
        if unit.score < best.score - MARGIN:
            return None
        if unit.items and _is_wanted(unit, unit.items, asked):
            return whole_list(unit)
    return None


def _is_wanted(unit: Unit, items: ItemList, asked: Asked) -> bool:
    """Whether the words that introduce the list, or its heading, say what the question asks for."""
    if asked.wants_steps and not asked.wants_list and not items.is_numbered:
        return False
    context = stems(" ".join([unit.lead, *unit.headings, unit.source.document_title]))
    covered = sum(weight * match(word, context) for word, weight in asked.weights.items())
    own = sum(weight * match(word, unit.words) for word, weight in asked.weights.items())
    return len(items.items) >= MIN_STEPS and covered >= own


def whole_list(unit: Unit) -> Extract:
    """Return all items of the list that the unit belongs to."""
    items = unit.items
    assert items is not None
    lead = unit.lead or (unit.headings[0] if unit.headings else "")
    texts = tuple(item.text for item in items.items[:MAX_ITEMS])
    part = parts.Items(unit.source.number, f"{lead.rstrip(':')}:" if lead else "", texts)
    ends = [
        Unit(unit.source, Kind.ITEM, item.start, item.end, "", around=unit.around)
        for item in (items.items[0], items.items[min(len(items.items), MAX_ITEMS) - 1])
    ]
    return Extract([part], [quote_of(ends)], AnswerWay.LIST)
