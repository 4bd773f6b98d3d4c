"""What a section says: its key sentences in order, or all of them if they are few."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from documents.structure.key_sentences import choose
from documents.structure.outline import Section, Statement
from qa.answering.next_questions import about_sections, headings_with_text
from qa.answering.parts import Heading
from qa.answering.routes.reading import Reading, RoutedAnswer
from qa.models.question import AnswerWay
from qa.retrieval.stop_words import Weights, content_words

MAX_WORDS = 105
MIN_HEADING_MATCH = 0.6
FUZZY = 0.82
MIN_OVERLAP = 0.5
NUMBER = re.compile(r"\d{1,2}(?:\.\d{1,2})*")
SPLITS = re.compile(r"\s+(?:in|of|from|within|du|de la|del|des|im|aus)\s+", re.IGNORECASE)


def splits_of(topic: str) -> list[tuple[str, str]]:
    """Return the ways to part "weeding in the collection policy" into topic and document, the last place first."""
    places = [found.span() for found in SPLITS.finditer(topic)]
    return [(topic[:start], topic[end:]) for start, end in reversed(places)]


def section_answer(reading: Reading, topic: str, *, max_words: int = MAX_WORDS) -> RoutedAnswer | None:
    """Return the key sentences of the section that the topic names; None if no heading fits."""
    section = find_section(reading, topic)
    chosen = key_statements(reading, section, max_words=max_words) if section else []
    if not section or not chosen:
        return None
    answer = RoutedAnswer(AnswerWay.SECTION, ranges=[(reading, section.start, section.end)])
    answer.parts.append(Heading(f"{reading.document.title} · {section.title}"))
    answer.parts += answer.quote(reading, chosen)
    others = [title for title in headings_with_text(reading.outline) if title != section.title]
    answer.next_questions = about_sections(reading.document.title, others)
    return answer


def find_section(reading: Reading, topic: str) -> Section | None:
    """Return the section whose heading has the words of the topic, the outermost of equal ones."""
    if NUMBER.fullmatch(topic.strip(" .")):
        return _numbered(reading, topic.strip(" ."))
    wanted = content_words(topic)
    if not wanted:
        return None
    scored = [(_fit(wanted, section.title), -section.level, section) for section in _with_text(reading)]
    best = max(scored, key=lambda each: each[:2], default=None)
    return best[2] if best and best[0] >= MIN_HEADING_MATCH else None


def _numbered(reading: Reading, number: str) -> Section | None:
    """The section whose heading begins with this number, such as "6" or "3.2"."""
    wanted = re.compile(rf"(?:[^\W\d_]+ |§ ?)?{re.escape(number)}(?![\d.]*\d)")
    return next((section for section in _with_text(reading) if wanted.match(section.title)), None)


def _with_text(reading: Reading) -> list[Section]:
    """Sections with text; the first heading of a document that names the whole of it is none."""
    sections = reading.sections
    return [section for section in sections if reading.text[section.body : section.end].strip()]


def _fit(wanted: Sequence[str], title: str) -> float:
    """How well a heading fits, from 0 to 1: mostly how much of the topic it has, and how little else."""
    words = [word for word in content_words(title) if not word.isdecimal()]
    if not words:
        return 0.0
    found = sum(any(_is_same(one, other) for other in words) for one in wanted)
    named = sum(any(_is_same(one, other) for other in wanted) for one in words)
    return 0.75 * found / len(wanted) + 0.25 * named / len(words)


def _is_same(one: str, other: str) -> bool:
    if one == other:
        return True
    if min(len(one), len(other)) < 4:
        return False
    if one.startswith(other) or other.startswith(one):
        return True
    return one[0] == other[0] and SequenceMatcher(None, one, other).ratio() >= FUZZY


def key_statements(reading: Reading, section: Section, *, max_words: int) -> list[Statement]:
    """Return the section's statements if they fit, or else the most telling ones, in order."""
    found = reading.outline.statements_in(section.body, section.end)
    if sum(len(each.words.split()) for each in found) <= max_words:
        return found
    inner = [each for each in reading.sections if section.start < each.start < section.end]
    return choose(found, inner, max_words=max_words)


def statements_about(reading: Reading, topic: str, *, max_words: int) -> list[Statement]:
    """Return the statements that share most words with the topic, and the one after each, in order."""
    wanted = content_words(topic)
    texts = [
        content_words(" ".join([*reading.headings_at(each.start), each.words])) for each in reading.statements
    ]
    weights = Weights(texts)
    scored = [
        (weights.overlap(wanted, words), each) for words, each in zip(texts, reading.statements, strict=True)
    ]
    best = max((score for score, _ in scored), default=0.0)
    if best < MIN_OVERLAP:
        return []
    chosen: list[Statement] = []
    for score, each in sorted(scored, key=lambda pair: (-pair[0], pair[1].start)):
        max_words -= len(each.words.split())
        if score < 0.75 * best or (max_words < 0 and chosen):
            break
        chosen.append(each)
    return sorted(chosen)
