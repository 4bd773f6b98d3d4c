"""The sentences of a written answer that claim something, each with the sources that it cites."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from documents.ingestion.sentences import sentences
from qa.answering.citing.markers import MARKER, numbers_in
from qa.retrieval.stop_words import content_words
from ragsite import llm

MAX_LENGTH = 40_000  # characters of an answer; a longer one is not shown as Markdown either
MAX_CLAIMS = 400
MIN_WORDS = 3
# What only looks like words: code, links, addresses, entities, formulas. Blanks of the same length take its place.
NO_WORDS = re.compile(
    r"^(?P<fence>```|~~~)[^\n]*\n.*?(?:^(?P=fence)[^\n]*$|\Z)|`[^`\n]{1,500}`|\]\([^()\s]{0,500}\)|https?://\S+|&#?\w{1,10};"
    r"|\\\(.{1,2000}?\\\)|\\\[.{1,2000}?\\\]|\$\$.{1,2000}?\$\$",
    re.DOTALL | re.MULTILINE,
)
LEADING_MARKERS = re.compile(rf"(?:\s*{MARKER.pattern})+[.,;]?\s*")
ENUMERATOR = re.compile(r"[ \t]*(?:\d{1,3}|[a-zA-Z])[.)]\s")
HEADING = re.compile(r"\s*#{1,6}\s|\s*\*\*[^*\n]{1,100}\*\*:?\s*$|\s*__[^_\n]{1,100}__:?\s*$")
ROW = re.compile(r"\s*\|")
ENDS_OPEN = re.compile(r"[:：?？؟](?:\*\*|__|[\"”])?\s*$")
SAYS_NOTHING_FOUND = re.compile(
    r"\b(?:not|no|none|nothing|neither|cannot|can['’]t|doesn['’]t|don['’]t|isn['’]t|aren['’]t|unable|without|nicht|kein\w*|weder|nichts|ne|pas|aucun\w*|ningun\w*)\b"
    r".{0,120}\b(?:passages?|documents?|sources?|texts?|information|mention\w*|stat\w+|provid\w+|specif\w+|contain\w*|found|find|say|says|answer\w*|quellen?|dokument\w*|texte?n?|angab\w*|erwähn\w*|informationen|steht|document\w*|passages?)\b"
    r"|\b(?:passages?|documents?|sources?|quellen?|dokumente?|texte?)\b.{0,80}\b(?:not|no|nothing|nicht|kein\w*|nichts|aucun\w*|pas)\b",
    re.IGNORECASE | re.DOTALL,
)
GREETING = re.compile(r"\W*(?:hello|hi|hey|hallo|guten (?:tag|morgen)|bonjour|hola|thank|thanks|danke|sure|of course|certainly|gerne?|happy to|let me|here is|here are|i hope|feel free|if you (?:need|have|want|would)|in summary\W*$)\b", re.IGNORECASE)  # fmt: skip


@dataclass
class Claim:
    """A sentence of the answer: where it stands, its words without markers, and the numbers it cites."""

    start: int
    end: int
    text: str  # as long as the sentence: what is not a word is blank
    numbers: list[int]

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


def find_claims(answer: str) -> list[Claim]:
    """Return the sentences to check; greetings, refusals, headings, lead-ins and questions claim nothing."""
    answer = answer[:MAX_LENGTH]
    if llm.declines(answer):
        return []
    plain = NO_WORDS.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), answer)
    found = [claim for block in _blocks(plain) for claim in _with_shared_markers(block)]
    return [claim for claim in found if _claims_something(claim, plain)][:MAX_CLAIMS]


def _blocks(text: str) -> Iterator[list[Claim]]:
    """Yield the sentences of each paragraph or list item together."""
    block: list[Claim] = []
    last = 0
    for first, end in sentences(text):
        if block and "\n" in text[last:first]:
            yield block
            block = []
        start = _after_leading_markers(text, first, end, block)
        last = end
        if start < end:
            words = _blanked(text[start:end])
            block.append(Claim(start, end, words, numbers_in(text[start:end])))
    if block:
        yield block


def _after_leading_markers(text: str, start: int, end: int, block: list[Claim]) -> int:
    """Give the markers at the start of a sentence to the one before, and return where the words begin."""
    leading = LEADING_MARKERS.match(text, start, end)
    if not leading or not block:
        return start
    block[-1].numbers += [n for n in numbers_in(leading[0]) if n not in block[-1].numbers]
    block[-1].end = start + len(leading[0].rstrip())
    block[-1].text = block[-1].text.ljust(block[-1].end - block[-1].start)
    return leading.end()


def _blanked(text: str) -> str:
    """Return the sentence with blanks for its markers and its number in a list."""
    text = MARKER.sub(lambda marker: " " * len(marker[0]), text)
    return (
        ENUMERATOR.sub(lambda number: " " * len(number[0]), text, count=1) if ENUMERATOR.match(text) else text
    )


def _with_shared_markers(block: list[Claim]) -> list[Claim]:
    """A sentence without a marker has those of the next sentence in its paragraph that has some."""
    numbers: list[int] = []
    for claim in reversed(block):
        numbers = claim.numbers or numbers
        claim.numbers = list(numbers)
    return block


def _claims_something(claim: Claim, answer: str) -> bool:
    text = answer[claim.start : claim.end]
    has_figure = any(sign.isdigit() for sign in claim.text)
    if ROW.match(text):
        return has_figure
    if HEADING.match(text) or GREETING.match(claim.text) or ENDS_OPEN.search(claim.text.rstrip()):
        return False
    if SAYS_NOTHING_FOUND.search(claim.text):
        return False
    if not re.search(r"\w", claim.text):
        return False
    return has_figure or bool(claim.numbers) or len(content_words(claim.text)) >= MIN_WORDS
