"""Where a question names documents."""

from __future__ import annotations

import re
from typing import NamedTuple

from qa.answering.routes.library import Library, Named
from qa.answering.routes.library.dates import MONTH, YEAR
from qa.answering.routes.library.editions import WORDS as EDITION_WORDS
from qa.answering.routes.library.words import GENERIC, NOUNS
from qa.answering.routes.requests import content

MAX_WORDS = 9  # of one name
TIME = re.compile(rf"{YEAR.pattern}|{MONTH.pattern}")
JOINS = re.compile(r"\b(?:and|or|with|versus|vs|than|und|oder|et|ou|y|o)\b", re.IGNORECASE)
# "new in the rules" is no name, "the new rules" is.
NO_NAME = re.compile(
    rf"(?:{'|'.join(EDITION_WORDS)}) (?:in|on|at|about|for|since|from|between|is|are|was|were|do|does|have|has)\b",
    re.IGNORECASE,
)
INDEFINITE = re.compile(r"an?\s", re.IGNORECASE)  # "a report" is any
NARROWED = re.compile(r"\b(?:the|my|our|your|this)\s+(?P<word>[\w'’-]+)\s+$", re.IGNORECASE)
TOKEN = re.compile(r"[\w'’&.-]*\w")


class Mention(NamedTuple):
    """A stretch of a question that names a document, or several that it fits equally well."""

    start: int
    end: int
    words: str
    found: list[Named]


def mentions(text: str, library: Library) -> list[Mention]:
    """Return the stretches that name documents, in order: the longest names first, and none within another."""
    tokens = list(TOKEN.finditer(text))
    found = [
        named
        for first in range(len(tokens))
        for last in range(first, min(first + MAX_WORDS, len(tokens)))
        if (named := _mention(text, tokens[first], tokens[last], library))
    ]
    chosen: list[Mention] = []
    found.sort(key=lambda each: (-each[0], -_editions(each[1]), len(each[1].words)))
    for _score, mention in found:
        if all(mention.end <= other.start or other.end <= mention.start for other in chosen):
            chosen.append(mention)
    return sorted(chosen, key=lambda each: each.start)


def _mention(
    text: str, first: re.Match[str], last: re.Match[str], library: Library
) -> tuple[float, Mention] | None:
    """The mention from one word to another, and how much of a name it is; None if it is none."""
    if not (_may_begin(first[0], library) and _is_name(last[0], library)):
        return None
    words = text[first.start() : last.end()]
    if NO_NAME.match(words):
        return None
    score, found = library.called(words)
    if not found or _are_two_names(words, library):
        return None
    named = [word for word in content(words) if word not in EDITION_WORDS]
    start = _with_article(text, first.start())
    if not all(_is_name(word, library) for word in named) or INDEFINITE.match(text, start):
        return None
    if not any(library.is_thing(word, found) for word in named):  # a person's name alone
        return None
    if len(named) == 1 and not NOUNS & set(named) and start == first.start() and start > 0:
        return None  # "repairs" is a subject, "the repairs" may be the document
    if _is_narrowed(text, first.start(), library):
        return None
    return score * len(named), Mention(start, last.end(), text[start : last.end()], library.find(words))


def _is_narrowed(text: str, start: int, library: Library) -> bool:
    """Whether a word before it narrows the name to what may be another thing: "the insurance policy"."""
    before = NARROWED.search(text[:start])
    return before is not None and bool(content(before["word"])) and before["word"].lower() not in GENERIC


def _are_two_names(words: str, library: Library) -> bool:
    """Whether it is "the report and the budget", and not "the rules of 2023 and 2025"."""
    sides = JOINS.split(words, maxsplit=1)
    return len(sides) > 1 and (
        not names_edition(words, least=2) or all(library.called(side)[1] for side in sides)
    )


def names_edition(words: str, *, least: int = 1) -> bool:
    """Whether a name says which edition is meant, or of at least two: "the rules of 2023 and 2025"."""
    told = [word for word in words.lower().split() if TIME.fullmatch(word) or word in EDITION_WORDS]
    return len(told) >= least


def _may_begin(word: str, library: Library) -> bool:
    return word.lower() in EDITION_WORDS or _is_name(word, library)


def _is_name(word: str, library: Library) -> bool:
    lowered = word.lower()
    if lowered in GENERIC or not content(lowered):
        return False
    return TIME.fullmatch(lowered) is not None or all(library.knows(part) for part in content(lowered))


def _editions(mention: Mention) -> int:
    return len(EDITION_WORDS & set(mention.words.lower().split()))


def _with_article(text: str, start: int) -> int:
    article = re.search(r"(?:\b(?:the|my|our|your|this|an?)\s+)$", text[:start], re.IGNORECASE)
    return article.start() if article else start
