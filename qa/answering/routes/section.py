"""What a section says: its key sentences in order, or all of them if they are few."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np

from documents.structure.key_sentences import choose
from documents.structure.outline import Section, Statement
from qa.answering.next_questions import MAX_SHARE, about_sections, headings_with_text
from qa.answering.parts import Heading
from qa.answering.routes.nearness import nearness
from qa.answering.routes.reading import Reading, RoutedAnswer
from qa.models.question import AnswerWay
from qa.retrieval.stop_words import Weights, content_words
from ragsite import llm

MAX_WORDS = 105
MIN_HEADING_MATCH = 0.6
FUZZY = 0.82
MIN_OVERLAP = 0.5
# A heading is near a topic if the cosine, corrected by what the cross-encoder says of its text, is at least MIN_NEARNESS.
# For 52 topics of seven documents that name it in other words ("being ill": "Sickness"), or are not in it, this finds 31
# of 38 sections and 1 of 14 that are none.
MIN_NEARNESS = 0.5
NEUTRAL_LOGIT, LOGITS = -9.0, 20.0
MAX_NEAR = 3  # sections that the cross-encoder reads
MAX_HEADINGS = 60
READ_LENGTH = 400  # characters of a section
_WEAK = "get go take make put have need use happen thing way"
WEAK = frozenset(_WEAK.split())  # stems that name no topic
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
    """Return the section whose heading has the words of the topic, or else says it in other words."""
    is_number = NUMBER.fullmatch(topic.strip(" ."))
    return named_section(reading, topic) or (None if is_number else _by_meaning(reading, topic))


def named_section(reading: Reading, topic: str) -> Section | None:
    """Return the section whose heading has the number or the words of the topic."""
    if NUMBER.fullmatch(topic.strip(" .")):
        return _numbered(reading, topic.strip(" ."))
    return _by_words(reading, [word for word in content_words(topic) if word not in WEAK])


def _by_words(reading: Reading, wanted: Sequence[str]) -> Section | None:
    """The section whose heading has the words, the outermost of equal ones; the whole document only if no other has."""
    if not wanted:
        return None
    scored = [
        (not _is_whole(reading, section), fit, -section.level, section)
        for section in _with_text(reading)
        if (fit := _fit(wanted, section.title)) >= MIN_HEADING_MATCH
    ]
    return max(scored, key=lambda each: each[:3])[3] if scored else None


def _by_meaning(reading: Reading, topic: str) -> Section | None:
    """The section whose heading and text are nearest to the topic, if they are near."""
    sections = [each for each in _with_text(reading) if not _is_whole(reading, each)][:MAX_HEADINGS]
    cosines = nearness(topic, [_heading(section) for section in sections])
    nearest = [int(place) for place in np.argsort(-cosines)[:MAX_NEAR]]
    if not nearest or cosines[nearest[0]] < MIN_NEARNESS - (-NEUTRAL_LOGIT / LOGITS):
        return None
    texts = [f"{_heading(sections[i])}. {reading.text[sections[i].body :][:READ_LENGTH]}" for i in nearest]
    logits = llm.rerank(f"What does it say about {topic}?", texts)
    logits = np.full(len(nearest), NEUTRAL_LOGIT) if logits is None else logits
    fits = cosines[nearest] + (logits - NEUTRAL_LOGIT) / LOGITS
    best = int(np.argmax(fits))
    return sections[nearest[best]] if fits[best] >= MIN_NEARNESS else None


def _is_whole(reading: Reading, section: Section) -> bool:
    """Whether its heading is the title of the document."""
    return section.end - section.start > MAX_SHARE * len(reading.text)


def _heading(section: Section) -> str:
    return re.sub(r"^[\W\d]+", "", section.title) or section.title


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
    words = [word for word in content_words(title) if not word.isdecimal() and len(word) > 1]
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
