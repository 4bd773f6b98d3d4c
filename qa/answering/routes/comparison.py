"""Compares two documents: what both say on a topic, or where they say the same thing in other words and figures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from django.utils.translation import gettext as _

from documents.structure.outline import Statement
from qa.answering.parts import Heading, Pair, Pairs, Quote, Text
from qa.answering.quoting.forms import FULL_DATE, NUMBER_WORD
from qa.answering.routes.library import Library, Named
from qa.answering.routes.library.dates import MONTH, YEAR, months_in
from qa.answering.routes.library.editions import WORDS as EDITION_WORDS
from qa.answering.routes.reading import Reading, RoutedAnswer
from qa.answering.routes.requests import Request, content
from qa.answering.routes.rows import row_about
from qa.answering.routes.section import find_section, key_statements, named_section, statements_about
from qa.models.question import AnswerWay
from qa.retrieval.stop_words import content_words

MAX_WORDS = 55  # of each side, on a topic
MAX_PAIRED_WORDS = 125  # the titles beside each included
MAX_PAIRS = 6
MAX_STATEMENTS = 600  # of each document
MAX_ONLY = 3  # sections; documents that share fewer are not two editions of one
MIN_SAME = 0.5
JOIN = re.compile(
    r",?\s+(?:(?:compared? )?(?:with|to|and) (?:those|that|the ones?|the same) (?:in|of|from|on)|and(?: the)?(?: what)?(?: in)?|und|et|y|vs\.?|versus|with|to|compared (?:to|with)|against|from|than|mit|avec|con)\s+|\s*/\s*",
    re.IGNORECASE,
)
TIME = re.compile(rf"(?:{MONTH.pattern}|(?:19|20)\d\d)", re.IGNORECASE)


def compare(request: Request, library: Library) -> RoutedAnswer | None:
    """Return both documents side by side; None if the question does not name two documents."""
    pair = two_documents(request, library)
    if pair is None:
        return None
    readings = [Reading(named.document) for named in pair]
    return _on_topic(readings, request.topic) if request.topic else _changes(readings)


def two_documents(request: Request, library: Library) -> list[Named] | None:
    """Return the two documents that the words name, in this order; of one name with two dates, both."""
    for found in JOIN.finditer(request.subject):
        left, right = request.subject[: found.start()], request.subject[found.end() :]
        for one, other in _completed(left, right):
            first, second = library.only(one), library.only(other)
            if first and second and first is not second:
                return [first, second]
        if pair := _of_times(left, right, request, library):
            return pair
    return _editions(request.subject, library)


def _editions(subject: str, library: Library) -> list[Named] | None:
    """Return the two newest editions of the one document that the words name, the older first."""
    found = sorted(library.called(subject)[1], key=lambda named: named.age)[-2:]
    return found if len(found) == 2 and found[0].is_edition_of(found[1]) else None


def _completed(left: str, right: str) -> list[tuple[str, str]]:
    """Return ways to complete a half name: "handbooks of 2023" and "2025", "the 2023" and "2025 handbooks"."""
    ways = []
    if _is_time(right):
        ways.append((left, f"{_without_time(left)} {right}"))
    if _is_time(left):
        ways.append((f"{left} {_without_time(right)}", right))
    # A year alone may name a document of another kind, so it is tried last.
    ways.append((left, right))
    return ways


def _is_time(words: str) -> bool:
    """Whether the words are only a year, a month, or the like of "the old"."""
    return bool(content(words)) and not content(_without_time(words))


def _without_time(words: str) -> str:
    plain = TIME.sub("", words)
    return " ".join(word for word in plain.split() if word.lower() not in EDITION_WORDS)


def _of_times(left: str, right: str, request: Request, library: Library) -> list[Named] | None:
    """Return two documents of one kind for two months or years: what was said "in February, and what in March"."""
    if not (TIME.search(left) and TIME.search(right)):
        return None
    pairs = [
        (one, other)
        for one in _dated(left, library)
        for other in _dated(right, library)
        if one is not other
        and (one.title_words & other.title_words or (_hits(left, one) and _hits(right, other)))
    ]

    def fit(pair: tuple[Named, Named]) -> tuple[int, int]:
        return _fit(pair, request), _hits(left, pair[0]) + _hits(right, pair[1])

    best = max(pairs, key=fit, default=None)
    return list(best) if best else None


def _hits(words: str, named: Named) -> int:
    """How many words of a clause are in the title."""
    return len(set(content_words(words)) & named.title_words)


def _dated(words: str, library: Library) -> list[Named]:
    """The documents whose names have this month or this year."""
    months, years = months_in(words), set(YEAR.findall(words))
    return [
        named
        for named in library.named
        if months <= named.months and (not years or years & named.years) and (months or years)
    ]


def _fit(pair: Sequence[Named], request: Request) -> int:
    """How many headings of both documents have words of the topic."""
    return sum(find_section(Reading(named.document), request.topic) is not None for named in pair)


def _on_topic(readings: Sequence[Reading], topic: str) -> RoutedAnswer | None:
    answer = RoutedAnswer(AnswerWay.COMPARISON)
    sides = [_side(answer, reading, topic) for reading in readings]
    said = [{each.words for each in side} for side in sides]
    same = said[0] & said[1]
    for reading, side in zip(readings, sides, strict=True):
        answer.parts.append(Heading(reading.document.title))
        answer.note(reading.document)
        # What both say word for word is no difference, unless they say nothing else.
        differing = [each for each in side if each.words not in same] or side
        quotes = answer.quote(reading, differing) or row_about(answer, reading, topic)
        answer.parts += quotes or [Text("–")]
    return answer if answer.quotes else None


def _side(answer: RoutedAnswer, reading: Reading, topic: str) -> list[Statement]:
    """What one document says on the topic; a model reads all of that section."""
    said = [] if named_section(reading, topic) else statements_about(reading, topic, max_words=MAX_WORDS)
    section = None if said else find_section(reading, topic)
    start, end = (section.start, section.end) if section else (0, len(reading.text))
    answer.ranges.append((reading, start, end))
    chosen = key_statements(reading, section, max_words=MAX_WORDS) if section else []
    return chosen or said


class Change(NamedTuple):
    """Two statements on the same thing, one of each document."""

    weight: float
    one: Statement
    other: Statement


def _changes(readings: Sequence[Reading]) -> RoutedAnswer | None:
    """Pair the statements on the same thing that differ, the most telling first; then what only one has."""
    one, other = readings
    found = sorted(_differing(one.statements, other.statements), key=lambda change: -change.weight)
    answer = RoutedAnswer(AnswerWay.COMPARISON)
    titles = len(f"{one.document.title} {other.document.title}".split())
    pairs: list[Pair] = []
    left = MAX_PAIRED_WORDS
    for change in found[:MAX_PAIRS]:
        cost = titles + len(f"{change.one.words} {change.other.words}".split())
        if cost > left and pairs:
            continue
        left -= cost
        pairs.append(Pair(*(_quote(answer, *side) for side in ((one, change.one), (other, change.other)))))
    if pairs:
        answer.parts.append(Pairs((one.document.title, other.document.title), tuple(pairs)))
    else:
        return None
    answer.parts += _only_in(one, other)
    for reading in readings:
        answer.note(reading.document)
        answer.ranges.append((reading, 0, len(reading.text)))
    return answer


def _quote(answer: RoutedAnswer, reading: Reading, statement: Statement) -> Quote:
    return answer.quote(reading, [statement])[0]


def _differing(ones: Sequence[Statement], others: Sequence[Statement]) -> list[Change]:
    same = {each.words for each in ones} & {each.words for each in others}
    ones, others = (
        [each for each in side if each.words not in same][:MAX_STATEMENTS] for side in (ones, others)
    )
    words = {each: _words(each.words) for each in (*ones, *others)}
    changes = []
    for one in ones:
        likeness = [(_likeness(words[one], words[other]), other) for other in others]
        best, other = max(likeness, key=lambda each: each[0], default=(0.0, None))
        if other and best >= MIN_SAME:
            changes.append(Change(best + _differ_in_figures(one.words, other.words), one, other))
    return changes


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in content_words(text) if not word[0].isdigit())


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(len(one | other), 1)


def _differ_in_figures(one: str, other: str) -> bool:
    """Whether both have figures, and not the same; the date of an edition is none."""
    figures = [NUMBER_WORD.findall(FULL_DATE.sub("", text.lower())) for text in (one, other)]
    return all(figures) and sorted(figures[0]) != sorted(figures[1])


def _only_in(one: Reading, other: Reading) -> list[Text]:
    """Name the sections that only one of the documents has."""
    parts = []
    for reading, against in ((one, other), (other, one)):
        known = {_words(section.title) for section in against.sections}
        titles = [section.title for section in reading.sections if _words(section.title) not in known]
        if titles and len(titles) <= MAX_ONLY:
            names = {"title": reading.document.title, "headings": "; ".join(titles)}
            parts.append(Text(_("Only in %(title)s: %(headings)s.") % names))
    return parts
