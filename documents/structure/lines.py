"""The lines of a text, and tests of a single line. Every test takes time linear in the line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

BULLETS = "•‣◦▪■●○·∙➢✓*–—+-"
# A single capital letter with a full stop is an initial, not a marker.
MARKER = re.compile(
    rf"[ \t]*(?P<marker>(?P<bullet>[{re.escape(BULLETS)}])|\((?:\d{{1,3}}|[a-zA-Z]|[ivx]{{1,4}})\)"
    r"|(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})\)|(?:\d{1,3}|[a-z])\.)[ \t]+(?:\[[ xX]\][ \t]+)?(?=\S)"
)
MONTH = re.compile(
    r"(?:jan|feb|m[aä]r|apr|ma[iy]|ju[nl]|aug|sep|o[kc]t|nov|de[zc])\w*\.?\s+\d{4}", re.IGNORECASE
)
LEADER = re.compile(r"(?:[ \t]?[.·…‥]){4,}[ \t]*(?P<page>\d{1,4}|[ivxlc]{1,6})$")
CONTENTS_TITLE = re.compile(
    r"(?:table of )?contents|inhalt(?:sverzeichnis)?|sommaire|table des matières|índice", re.IGNORECASE
)
RULE = re.compile(r"[ \t]*(?:([-=~^*_+#\"'])(?:[ \t]*\1){2,}|=+|-+)[ \t]*$")
KEY = re.compile(r"(?P<key>[^\W\d_][^\n:|]{0,39}):[ \t]+(?=\S)")
MAX_KEY_WORDS = 5
URL_OR_TIME = re.compile(r"\d$|https?$", re.IGNORECASE)
SENTENCE_END = re.compile(r"[.!?:;,…。！？：；،؛؟۔।][\"'”’»)\]」』]*$")
NUMBERED_TITLE = re.compile(r"\d{1,2}(?:\.\d{1,2}){0,3}\.?[ \t]+[^\W\d_]")
DEEP_NUMBER = re.compile(r"\d{1,2}(?:\.\d{1,2}){1,3}\.?[ \t]+[^\W\d_]")
MAX_TITLE = 90
MIN_CAPITALS = 4


class Line(NamedTuple):
    """A line of the text, without the white space at its end."""

    start: int
    end: int
    text: str

    @property
    def is_blank(self) -> bool:
        return not self.text or self.text.isspace()


def lines_of(text: str) -> Iterator[Line]:
    """Every line, blank ones included."""
    at = 0
    for line in text.split("\n"):
        stripped = line.rstrip()
        yield Line(at, at + len(stripped), stripped)
        at += len(line) + 1


def marker_of(line: str) -> re.Match[str] | None:
    """The bullet or number that begins an item; a date such as "5. Mai 2025" does not."""
    match = MARKER.match(line)
    if match is None or (not match["bullet"] and MONTH.match(line, match.end())):
        return None
    return match


def is_contents_entry(line: str) -> bool:
    return line[-1:].isalnum() and LEADER.search(line, max(0, len(line) - 400)) is not None


def key_of(line: str) -> re.Match[str] | None:
    """The key of a line such as "Chair: Ines Harcombe"."""
    match = KEY.match(line)
    if match is None or URL_OR_TIME.search(match["key"]) or len(match["key"].split()) > MAX_KEY_WORDS:
        return None
    return match


def looks_like_title(line: str, after: str) -> bool:
    """Whether a line that no loader marked heads the line after it ("" before a blank line)."""
    text = line.strip()
    if (
        not 2 <= len(text) <= MAX_TITLE
        or SENTENCE_END.search(text)
        or not (text[0].isupper() or text[0].isdigit())
    ):
        return False
    if is_capitals(text) or (DEEP_NUMBER.match(text) and not _has_figure_at_end(text)):
        return True
    # A short line directly above a long one that starts another sentence.
    is_over_prose = len(after) > max(50, len(text) + 12) and (after[0].isupper() or after[0] in "\"“„«‘'")
    return is_over_prose and len(text) <= 60 and not _has_figure_at_end(text)


def is_capitals(text: str) -> bool:
    """Whether all letters are capitals, of a script that has small ones."""
    letters = sum(map(str.isalpha, text))
    return letters >= MIN_CAPITALS and text.isupper() and " | " not in text


def _has_figure_at_end(text: str) -> bool:
    return text[-1].isdigit() and not NUMBERED_TITLE.match(text)
