"""The marks of a checked answer: its unsupported sentences and unknown words, carried through Markdown into HTML.

The marks are Unicode noncharacters, which no text contains, so that they do not change how Markdown is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from qa.answering.checking.verdicts import Check, Reason

BEGIN, END, SENTENCE = "\ufdd0", "\ufdd1", "\ufdd2"
DIGITS = "\ufde0\ufde1\ufde2\ufde3\ufde4\ufde5\ufde6\ufde7"
SIGN = re.compile(f"{BEGIN}([{DIGITS}])|{END}|{SENTENCE}([{DIGITS}]{{3}})")
ANY = re.compile(f"[{BEGIN}{END}{SENTENCE}{DIGITS}]")
REASONS = list(Reason)
AT_EDGE = "*_~ |\t"  # Markdown that must stay outermost


def with_signs(text: str, checks: Sequence[Check]) -> str:
    """Return the answer with a sign where a mark begins or ends. Renderers of its Markdown remove them again."""
    text = ANY.sub("\ufffd", text)
    signs: list[tuple[int, str]] = []
    for number, check in enumerate(checks[: 8**3]):
        for mark in check.marks:
            start, end = _trimmed(text, mark.start, mark.end)
            if start < end:
                signs += [(start, BEGIN + DIGITS[REASONS.index(mark.reason)]), (end, END)]
        if not check.is_supported:
            _start, end = _trimmed(text, check.start, check.end)
            signs.append((end, SENTENCE + "".join(DIGITS[int(digit)] for digit in f"{number:03o}")))
    parts, at = [], 0
    for place, sign in sorted(signs, key=lambda sign: sign[0]):
        parts += [text[at:place], sign]
        at = place
    return "".join([*parts, text[at:]])


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[end - 1] in AT_EDGE:
        end -= 1
    while start < end and text[start] in AT_EDGE:
        start += 1
    return start, end


def without_signs(text: str) -> str:
    """Return the text without signs, for code and addresses."""
    return ANY.sub("", text)


@dataclass
class Marks:
    """Writes the marks of one answer, as the signs in its stretches of text say."""

    checks: Sequence[Check]
    _reason: Reason | None = field(default=None)

    def begin_block(self) -> None:
        """Close open marks: no mark extends beyond its paragraph."""
        self._reason = None

    def html(self, text: str) -> str:
        """Return a stretch of plain text as HTML, with the marks in it."""
        parts, at = [], 0
        for sign in SIGN.finditer(text):
            parts.append(self._stretch(text[at : sign.start()]))
            at = sign.end()
            if sign[2]:
                parts.append(self._end_of_sentence(sign[2]))
            else:
                self._reason = REASONS[DIGITS.index(sign[1])] if sign[1] else None
        return "".join([*parts, self._stretch(text[at:])])

    def _stretch(self, text: str) -> str:
        text = without_signs(text)
        if not self._reason or not text:
            return escape(text)
        return format_html('<span class="unknown" title="{}">{}</span>', self._reason.label, text)

    def _end_of_sentence(self, digits: str) -> SafeString | str:
        number = int("".join(str(DIGITS.index(digit)) for digit in digits), 8)
        if number >= len(self.checks):
            return ""
        check = self.checks[number]
        label = "; ".join(
            dict.fromkeys([str(check.verdict.label), *(str(mark.reason.label) for mark in check.marks)])
        )
        # The style sheet draws the sign, so that it is not copied with the answer.
        return format_html(
            '<span class="verdict verdict-{}" role="img" aria-label="{}" title="{}"></span>',
            check.verdict,
            label,
            label,
        )
