"""The outline of a text: its sections, and the statements in them: sentences and items."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Self

from documents.extraction.pages import Heading as Marked
from documents.extraction.text.markup_spans import markup_spans, without_markup
from documents.structure.kinds import Block, Heading, ItemList, KeyValues, Paragraph
from documents.structure.lines import marker_of
from documents.structure.parser import blocks

MIN_WORDS = 3
NUMBER = re.compile(r"\d{1,2}(?:\.\d{1,2})*")
SALUTATION = re.compile(
    r"^.{0,240}?\b(?:dear|sehr geehrte[rs]?|liebe[rs]?|madame|monsieur|estimad[oa]s?|hello|hallo|hi)\b[^,.!?\n]{0,60}[,!]\s*",
    re.IGNORECASE | re.DOTALL,
)
CLOSING = re.compile(
    r"\s*(?:(?:kind|best|warm|with) )?(?:regards|yours (?:sincerely|faithfully|truly)|mit freundlichen grüßen|cordialement|saludos)\b",
    re.IGNORECASE,
)
NOTE = re.compile(r"notes?(?:$|:)", re.IGNORECASE)  # the speaker's, under a slide
STATES = re.compile(r"[.!?…。！？](?:[\"'”’»)\]]|\[\d{1,3}\])*$")


class Section(NamedTuple):
    """A heading with the text under it, its subsections included; `start` is where the heading begins."""

    title: str
    level: int
    start: int
    body: int
    end: int


class Statement(NamedTuple):
    """A sentence, an item of a list or a line "Key: value"; `words` are without markup."""

    start: int
    end: int
    words: str
    is_item: bool = False


class Outline:
    """The blocks, sections and statements of a text."""

    def __init__(self, text: str, headings: Sequence[Marked] = (), media_type: str = "") -> None:
        self.text = text
        self.markup = markup_spans(text, media_type)
        self.blocks: Sequence[Block] = blocks(text, headings, media_type)

    @classmethod
    def of(cls, version: Any, text: str) -> Self:
        """The outline of a version's text, or of its beginning."""
        pages = version.pages.order_by("number").exclude(headings=[]).values_list("start", "headings")
        headings = [Marked(start + at, level, title) for start, found in pages for at, level, title in found]
        return cls(text, [heading for heading in headings if heading.offset < len(text)], version.media_type)

    @cached_property
    def sections(self) -> list[Section]:
        found = list(_levelled([block for block in self.blocks if isinstance(block, Heading)]))
        return [
            Section(heading.title, level, heading.start, heading.end, self._end(found, place))
            for place, (heading, level) in enumerate(found)
        ]

    @cached_property
    def statements(self) -> list[Statement]:
        """All statements in order; without headings, rows, tables of contents, greetings and quoted mail."""
        return [each for block in self.blocks for each in self._statements(block)]

    def statements_in(self, start: int, end: int) -> list[Statement]:
        return [each for each in self.statements if start <= each.start < end]

    def words(self, start: int, end: int) -> str:
        """The text of a range in one line, without markup."""
        first = bisect_right(self.markup, start, key=lambda span: span.end)
        last = bisect_left(self.markup, end, key=lambda span: span.start)
        return " ".join(without_markup(self.text, self.markup[first:last], start, end).split())

    def _end(self, headings: Sequence[tuple[Heading, int]], place: int) -> int:
        level = headings[place][1]
        return next((other.start for other, deep in headings[place + 1 :] if deep <= level), len(self.text))

    def _statements(self, block: Block) -> Iterator[Statement]:
        if isinstance(block, Paragraph) and not block.is_quoted:
            yield from filter(None, (self._sentence(*span) for span in block.sentences))
        elif isinstance(block, ItemList):
            for item in block.items:
                if len(item.text.split()) > 1:
                    yield Statement(item.words, item.end, item.text, is_item=True)
        elif isinstance(block, KeyValues) and not block.is_mail_head:
            for line in block.lines:
                if not NOTE.match(line.key):
                    yield Statement(line.start, line.end, f"{line.key}: {line.value}", is_item=True)

    def _sentence(self, start: int, end: int) -> Statement | None:
        raw = self.text[start:end]
        if CLOSING.match(raw) or NOTE.match(raw):
            return None
        number = marker_of(raw)
        if opening := number or SALUTATION.match(raw):
            start += opening.end()
        words = self.words(start, end)
        is_sentence = STATES.search(words) is not None and len(words.split()) >= MIN_WORDS
        return Statement(start, end, words, number is not None) if is_sentence and _is_prose(words) else None


def _levelled(headings: Sequence[Heading]) -> Iterator[tuple[Heading, int]]:
    """Each heading with its level. A guessed one is below the last marked one, or on the level of those numbered alike."""
    levels: dict[int, int] = {}  # of a depth of numbers
    marked = 0
    for heading in headings:
        number = NUMBER.match(heading.title)
        depth = number[0].count(".") + 1 if number else 0
        if heading.is_guess:
            level = levels.get(depth, marked + 1) if depth else marked + 1
        else:
            level = marked = heading.level
        if depth:
            levels[depth] = level
        yield heading, level


def _is_prose(words: str) -> bool:
    """Whether it has more words than numbers."""
    tokens = words.split()
    return 2 * sum(any(c.isdigit() for c in token) for token in tokens) <= len(tokens)
