"""Words for keyword matching: lower case, stemmed, without stop words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from math import log

# A code such as E31, a number, or letters.
WORD = re.compile(r"[^\W\d_]{1,6}\d{1,6}(?![\w.,:]\d)|\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")
_WORDS = """
    a about after all also am an and any are as at be been before but by can could did do does doing for from had has
    have he her here him his how i if in into is it its just me more most my no nor not of on one only or other our
    out over please said shall she should so some such tell than that the their them then there these they this those
    to too under up us very was we were what when where which while who whom whose why will with would you your
"""
STOP_WORDS = frozenset(_WORDS.split())
# Tried in this order: the first that fits is removed.
SUFFIXES = [
    "ations", "ation", "ingly", "edly", "ments", "ment", "ings", "ing", "ies", "ied", "ers", "ed", "es", "er", "ly", "s", "e", "y",
]  # fmt: skip
MIN_STEM_LENGTH = 3
_IRREGULAR = """
    began begin begun begin bought buy broke break broken break brought bring built build came come chose choose chosen
    choose cost cost did do drew draw drawn draw drove drive driven drive fell fall fallen fall felt feel found find gave
    give given give grew grow grown grow heard hear held hold kept keep knew know known know laid lay left leave lent
    lend lost lose made make meant mean met meet paid pay ran run rose rise said say sang sing sat sit saw see seen see
    sent send shown show sold sell sought seek spent spend spoke speak spoken speak stole steal stolen steal stood stand
    taught teach thought think threw throw thrown throw told tell took take taken take understood understand went go won
    win wore wear worn wear wrote write written write
"""
IRREGULAR = dict(
    zip(_IRREGULAR.split()[::2], _IRREGULAR.split()[1::2], strict=True)
)  # past forms of English verbs
NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"], start=2
    )
}
MAX_WORDS = 60  # of a question; bounds the work for a pasted page


def content_words(text: str) -> list[str]:
    """Return the stems of a text in order, without stop words."""
    words = (word.lower() for word in WORD.findall(text))
    return [stem(word) for word in words if word not in STOP_WORDS]


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """Return a light stem: crude, but the same on both sides of a comparison. Small numbers become figures."""
    if word in NUMBERS:
        return NUMBERS[word]
    word = word.replace("’", "'").removesuffix("'s")
    word = IRREGULAR.get(word, word)
    for suffix in SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= MIN_STEM_LENGTH:
            return word[: -len(suffix)]
    return word


class Weights:
    """Inverse document frequencies: the fewer texts contain a word, the more it weighs."""

    def __init__(self, texts: Iterable[Iterable[str]]) -> None:
        sets = [set(words) for words in texts]
        self._text_count = len(sets)
        self._texts_with = Counter(word for words in sets for word in words)

    def __getitem__(self, word: str) -> float:
        return log(1 + (self._text_count + 1) / (self._texts_with[word] + 0.5))

    def overlap(self, wanted: Iterable[str], found: Iterable[str]) -> float:
        """Return the share of the wanted words that are found, by weight, from 0 to 1."""
        needed = set(list(dict.fromkeys(wanted))[:MAX_WORDS])
        total = sum(self[word] for word in needed)
        return sum(self[word] for word in needed & set(found)) / total if total else 0.0
