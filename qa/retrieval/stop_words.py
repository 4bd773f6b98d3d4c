"""Words as keyword matching sees them: lower case, without their endings, the empty ones left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from math import log

WORD = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")
EMPTY_WORDS = """
    a about after all also am an and any are as at be been before but by can could did do does doing for from had has have
    he her here him his how i if in into is it its just me more most my no nor not of on one only or other our out over please
    said shall she should so some such tell than that the their them then there these they this those to too under up us very
    was we were what when where which while who whom whose why will with would you your
"""
EMPTY = frozenset(EMPTY_WORDS.split())
ENDINGS = (
    "ations",
    "ation",
    "ingly",
    "edly",
    "ments",
    "ment",
    "ings",
    "ing",
    "ies",
    "ied",
    "ers",
    "ed",
    "es",
    "er",
    "ly",
    "s",
    "e",
    "y",
)
MIN_LENGTH = 3
MAX_COUNT = 60  # words of a question that are looked at: enough for any, and nothing grows with a pasted page


def content_words(text: str) -> list[str]:
    """The words that carry meaning, in order, as stems."""
    words = (word.lower() for word in WORD.findall(text))
    return [stem(word) for word in words if word not in EMPTY]


def stem(word: str) -> str:
    """A light stem: crude, but the same on both sides of a comparison."""
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= MIN_LENGTH:
            return word[: -len(ending)]
    return word


class Weights:
    """How much each word tells, from how many of the texts hold it."""

    def __init__(self, texts: Iterable[Iterable[str]]) -> None:
        sets = [set(words) for words in texts]
        self._texts = len(sets)
        self._holding = Counter(word for words in sets for word in words)

    def __getitem__(self, word: str) -> float:
        return log(1 + (self._texts + 1) / (self._holding[word] + 0.5))

    def overlap(self, wanted: Iterable[str], found: Iterable[str]) -> float:
        """The share of the wanted words, by weight, that are found: 0 to 1."""
        needed = set(list(dict.fromkeys(wanted))[:MAX_COUNT])
        total = sum(self[word] for word in needed)
        return sum(self[word] for word in needed & set(found)) / total if total else 0.0
