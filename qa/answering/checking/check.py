"""Checks a written answer against its sources, sentence by sentence: figures, names, quoted words and support."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from documents.models import Index
from qa.answering.checking.claims import Claim, find_claims
from qa.answering.checking.figures import MIN_WORD_VALUE, Figure, KnownFigures, figures
from qa.answering.checking.names import KnownNames, is_german, names
from qa.answering.checking.support import Support, is_same_language
from qa.answering.checking.verdicts import UNKNOWN, Check, Mark, Reason, Verdict
from qa.retrieval.chunk import RetrievedChunk

# From 20 right paraphrases and 15 sentences on the same subject that no source says, in English and German:
# `bin/test tests/qa/checking -k measured` repeats it. Half of the score is words, half is meaning.
SURE_WORDS = 0.5  # by words alone; the others had 0.36 at most
SUPPORTED, WEAK = 0.38, 0.27
SUPPORTED_WORDS, WEAK_WORDS = 0.30, 0.15  # where the vectors of a local model are missing
MAX_MARKS = 200  # in one answer
QUOTED = re.compile(r"[\"“„«「『]([^\"“”„«»「」『』\n]{3,400})[\"”“»」』]")
ELLIPSIS = re.compile(r"\[?(?:\.{3}|…)\]?")
MIN_QUOTED = 12  # characters; a shorter one may be a word that the answer puts in distance


def check_answer(
    answer: str, question: str, sources: Sequence[RetrievedChunk], index: Index | None
) -> list[Check]:
    """Return a check of every sentence that claims something. Bounded work, whatever the answer holds."""
    claims = find_claims(answer) if sources else []
    if not claims:
        return []
    facts = Facts(question, sources, german=is_german(answer))
    checks = [facts.check(claim) for claim in claims]
    if is_same_language(answer, (source.text for source in sources)):
        checks = _weighed(claims, checks, Support(sources, index), [source.number for source in sources])
    left = MAX_MARKS
    for at, check in enumerate(checks):
        checks[at], left = replace(check, marks=check.marks[:left]), left - len(check.marks[:left])
    return checks


def _weighed(
    claims: Sequence[Claim], checks: list[Check], support: Support, every: Sequence[int]
) -> list[Check]:
    """Lower the verdicts of sentences whose words and meaning are not those of their sources."""
    cited = [[number for number in claim.numbers if number in every] or list(every) for claim in claims]
    words = [support.by_words(claim.words, numbers) for claim, numbers in zip(claims, cited, strict=True)]
    unsure = [
        at for at, score in enumerate(words) if score < SURE_WORDS and checks[at].verdict != Verdict.NONE
    ]
    near = dict(
        zip(unsure, support.by_meaning([(claims[at].words, cited[at]) for at in unsure]), strict=False)
    )
    return [_weigh(check, words[at], near.get(at)) for at, check in enumerate(checks)]


def _weigh(check: Check, words: float, meaning: float | None) -> Check:
    score, supported, weak = words, SUPPORTED_WORDS, WEAK_WORDS
    if meaning is not None:
        score, supported, weak = (words + max(meaning, 0.0)) / 2, SUPPORTED, WEAK
    verdict = Verdict.SUPPORTED if score >= supported else Verdict.WEAK if score >= weak else Verdict.NONE
    return replace(check, verdict=_lower(check.verdict, verdict), score=round(score, 2))


def _lower(first: Verdict, second: Verdict) -> Verdict:
    order = [Verdict.NONE, Verdict.WEAK, Verdict.SUPPORTED]
    return min(first, second, key=order.index)


class Facts:
    """What the sources of one answer say: their figures, names and words, each read when a sentence has any."""

    def __init__(self, question: str, sources: Sequence[RetrievedChunk], *, german: bool) -> None:
        self._question, self._german = question, german
        self._texts = {source.number: _whole_text(source) for source in sources}

    @cached_property
    def _figures(self) -> dict[int, KnownFigures]:
        return {number: KnownFigures.of(text) for number, text in self._texts.items()}

    @cached_property
    def _asked(self) -> KnownFigures:
        return KnownFigures.of(self._question)

    @cached_property
    def _names(self) -> KnownNames:
        return KnownNames([self._question, *self._texts.values()])

    @cached_property
    def _words(self) -> dict[int, str]:
        return {number: _plain(text) for number, text in self._texts.items()}

    def check(self, claim: Claim) -> Check:
        """Return the check of what a sentence states: figures, names and quoted words."""
        marks = sorted(
            [*self._figure_marks(claim), *self._name_marks(claim), *self._quote_marks(claim)],
            key=lambda m: m.start,
        )
        verdict = Verdict.SUPPORTED
        if not set(claim.numbers) & set(self._texts) and claim.numbers:
            verdict = Verdict.NONE  # it cites only sources that do not exist
        elif any(mark.reason in UNKNOWN for mark in marks):
            verdict = Verdict.NONE
        elif marks or not claim.numbers:
            verdict = Verdict.WEAK
        return Check(claim.start, claim.end, verdict, 1.0, tuple(_apart(marks)))

    def _figure_marks(self, claim: Claim) -> Iterator[Mark]:
        for figure in figures(claim.text):
            if (
                figure.is_word
                and max(value for value in figure.values if isinstance(value, float)) < MIN_WORD_VALUE
            ):
                continue
            if reason := self._why_unknown(figure, claim):
                yield _mark(claim, figure.start, figure.end, reason)

    def _why_unknown(self, figure: Figure, claim: Claim) -> Reason | None:
        before = claim.text[: figure.start]
        holding = [number for number, known in self._figures.items() if known.has(figure, before)]
        if holding:
            cited = [number for number in claim.numbers if number in self._figures]
            is_elsewhere = cited and not set(cited) & set(holding)
            return Reason.ELSEWHERE if is_elsewhere else None
        if self._asked.has(figure, before):
            return Reason.ASKED
        return Reason.DATE if figure.dates else Reason.NUMBER

    def _name_marks(self, claim: Claim) -> Iterator[Mark]:
        for name in names(claim.text, german=self._german):
            if not self._names.has(name, german=self._german):
                yield _mark(claim, name.start, name.end, Reason.NAME)

    def _quote_marks(self, claim: Claim) -> Iterator[Mark]:
        for quoted in QUOTED.finditer(claim.text):
            pieces = [piece for piece in map(_plain, ELLIPSIS.split(quoted[1])) if piece]
            is_long = len(quoted[1]) >= MIN_QUOTED or (quoted[0][0] in "「『" and len(quoted[1]) > 4)
            if is_long and not any(all(piece in text for piece in pieces) for text in self._words.values()):
                yield _mark(claim, quoted.start(1), quoted.end(1), Reason.QUOTE)


def _mark(claim: Claim, start: int, end: int, reason: Reason) -> Mark:
    return Mark(claim.start + start, claim.start + end, reason, claim.text[start:end])


def _apart(marks: Sequence[Mark]) -> Iterator[Mark]:
    """Yield the marks that do not overlap an earlier one."""
    end = 0
    for mark in marks:
        if mark.start >= end:
            yield mark
            end = mark.end


def _whole_text(source: RetrievedChunk) -> str:
    """Return all that the model was given of a source: the chunk, its title, headings and pages."""
    pages = f"{source.page_start} {source.page_end} {source.page_label}"
    return "\n".join([source.document_title, pages, *source.heading_path, source.text])


def _plain(text: str) -> str:
    """Return letters and digits alone, in lower case: line breaks, markup and dashes do not matter."""
    return re.sub(r"[\W_]+", "", text.lower())
