"""Extractive summary: picks the key sentences by the words that the text repeats, without a model, in any language."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from math import log, sqrt

from documents.structure.outline import Section, Statement

MAX_STATEMENT_LENGTH = 320  # characters
MIN_WORDS = 5  # of a sentence; shorter ones are names and exclamations
WORD = re.compile(r"[^\W\d_]{4,}")
STEM_LENGTH = 6
FIRST_IN_MAIN_SECTION = 2.2
FIRST_IN_SECTION = 1.2
IN_HEADINGS = 1.8  # for a word that a heading has too
HAS_FIGURE = 1.15
ASIDE = 0.4
SAME_SECTION = 0.6
NEEDS_THE_ONE_BEFORE = 0.5
DEPENDENT = re.compile(
    r"(?:it|its|this|that|they|these|those|he|she|there|then|both|such|however|therefore|but|and|or|so|also|of these"
    r"|second|third|das|dies\w*|sie|er|es|dabei|cela|ils?|elles?|ello)\b",
    re.IGNORECASE,
)
ABOUT_ITSELF = re.compile(
    r"(?:written|prepared|compiled|last (?:changed|updated)|author|version|present|excused|responsible|page)\b.{0,3}(?:by|on|:|\d)"
    r"|i am sorry|we thank|thank you|vielen dank|merci|gracias",
    re.IGNORECASE,
)
THING = (
    r"document|policy|handbook|report|manual|guide|leaflet|brochure|letter|agreement|contract|plan|paper|booklet|page|note|"
    r"regulation|procedure|presentation|dokument|handbuch|bericht|leitfaden|satzung|vertrag|richtlinie|rapport|guide|informe|manual"
)
INTRODUCES = re.compile(
    rf"\b(?:this|these|the|diese[rsn]?|ce(?:tte|t)?|este|esta)\s(?:\w+\s)?(?:{THING})\w*\s(?:\w+\s)?(?:tells?|says?|describes?|explains?|sets?|is meant|is for|"
    r"appl(?:y|ies)|covers?|contains?|shows?|gives?|lays|summari[sz]es?|regelt|beschreibt|gilt|erklärt|enthält|décrit|explique|describe|explica)\b",
    re.IGNORECASE,
)


def choose(
    statements: Sequence[Statement],
    sections: Sequence[Section],
    *,
    max_words: int,
    max_count: int = 12,
    opening: bool = False,
) -> list[Statement]:
    """Return the key statements in the order of the text, spread over the sections, within `max_words`.

    With `opening`, the first one says what the document is, if a sentence near its beginning does.
    """
    usable = _usable(statements)
    gains = _Gains(usable, sections)
    chosen = [_opening(usable)] if opening and usable else []
    left = max_words - sum(len(each.words.split()) for each in chosen)
    while len(chosen) < max_count:
        fitting = [each for each in usable if each not in chosen and len(each.words.split()) <= left]
        if not fitting:
            break
        chosen.append(max(fitting, key=lambda each: gains.of(each, chosen)))
        left -= len(chosen[-1].words.split())
    return sorted(chosen)


def _usable(statements: Sequence[Statement]) -> Sequence[Statement]:
    short = [each for each in statements if each.end - each.start <= MAX_STATEMENT_LENGTH]
    return [each for each in short if each.is_item or len(each.words.split()) >= MIN_WORDS] or short


class _Gains:
    """How much each statement adds to those already chosen."""

    def __init__(self, statements: Sequence[Statement], sections: Sequence[Section]) -> None:
        self.words = {each: _words(each.words) for each in statements}
        self.weights = _weights(self.words.values())
        self.named = set().union(*(_words(section.title) for section in sections))
        self.homes = {each: _section_at(sections, each.start) for each in statements}
        self.firsts = set({home: each for each, home in reversed(self.homes.items())}.values())
        self.leads = _first_in_main_sections(statements, sections)

    def of(self, each: Statement, chosen: Sequence[Statement]) -> float:
        new = self.words[each].difference(*(self.words[other] for other in chosen))
        value = sum(self.weights[word] * (IN_HEADINGS if word in self.named else 1) for word in new)
        value /= sqrt(len(self.words[each]) + 1)
        value *= HAS_FIGURE if re.search(r"\d", each.words) else 1
        value *= ASIDE if ABOUT_ITSELF.match(each.words) else 1
        value *= self._position(each)
        value *= SAME_SECTION ** sum(self.homes[each] == self.homes[other] for other in chosen)
        return value * (NEEDS_THE_ONE_BEFORE if DEPENDENT.match(each.words) else 1)

    def _position(self, each: Statement) -> float:
        if each in self.leads:
            return FIRST_IN_MAIN_SECTION
        return FIRST_IN_SECTION if each in self.firsts else 1


def _opening(statements: Sequence[Statement]) -> Statement:
    """The sentence in which the text introduces itself, or else its first one that is no note about the author or date."""
    introducing = (each for each in statements[:10] if INTRODUCES.search(each.words))
    others = (each for each in statements if not ABOUT_ITSELF.match(each.words))
    return next(introducing, None) or next(others, statements[0])


def _first_in_main_sections(statements: Sequence[Statement], sections: Sequence[Section]) -> set[Statement]:
    """The first statement of each section of the highest level that has several."""
    counts = Counter(section.level for section in sections)
    main = min((level for level, count in counts.items() if count > 1), default=0)
    spans = [(section.start, section.end) for section in sections if section.level == main]
    firsts = (next((s for s in statements if start <= s.start < end), None) for start, end in spans)
    return {first for first in firsts if first}


def _words(text: str) -> set[str]:
    return {word[:STEM_LENGTH].lower() for word in WORD.findall(text)}


def _weights(texts: Iterable[set[str]]) -> dict[str, float]:
    """Words that occur in more statements weigh more, except those that occur in most."""
    counts = Counter(word for words in texts for word in words)
    total = len(list(texts)) or 1
    return {word: log(1 + count) * log(1 + total / count) for word, count in counts.items()}


def _section_at(sections: Sequence[Section], at: int) -> int:
    """The innermost section at an offset; -1 before the first one."""
    return max((place for place, section in enumerate(sections) if section.start <= at), default=-1)
