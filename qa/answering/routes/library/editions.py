"""The words by which people tell editions apart: "the new rules", "the handbook before", "the latest minutes"."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

_NEWEST = """
    new newer newest latest current recent updated neue neuen neueste neuesten aktuelle aktuellen nouveau nouvelle actuel
    actuelle nuevo nueva actual
"""
_OLDEST = "old older oldest original outdated alte alten älteste ancien ancienne viejo vieja"
_PREVIOUS = "previous former earlier vorige vorigen frühere früheren précédent précédente anterior"
NEWEST, OLDEST, PREVIOUS = (frozenset(words.split()) for words in (_NEWEST, _OLDEST, _PREVIOUS))
WORDS = NEWEST | OLDEST | PREVIOUS


def chosen(found: Sequence[T], phrase: str, age: Callable[[T], Any]) -> list[T]:
    """Return the edition that the phrase means, of documents that it fits equally well; all if it means none."""
    words = set(re.findall(r"[^\W\d_]+", phrase.lower()))
    ordered = sorted(found, key=age)
    if len(ordered) < 2 or not words & WORDS:
        return list(found)
    if words & NEWEST and words & (OLDEST | PREVIOUS):
        return [ordered[0 if words & OLDEST else -2], ordered[-1]]
    if words & NEWEST:
        return ordered[-1:]
    return ordered[:1] if words & OLDEST else ordered[-2:-1]
