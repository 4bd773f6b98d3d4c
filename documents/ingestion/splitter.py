"""Pages to passages: whole sentences, packed up to what the embedding model reads. Plain functions, no database."""

import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from documents.extraction.cleanup.cjk import CJK
from documents.extraction.pages import Heading
from documents.ingestion.sentences import CELLS, sentences

PAGE_BREAK = "\n\n"
PARAGRAPH_GOES_ON = " "  # between two pages that a paragraph spans; Chinese and Japanese has nothing there
BETWEEN_PAGES = {len(between): between for between in (PAGE_BREAK, PARAGRAPH_GOES_ON, "")}
MAX_SENTENCE_LENGTH = 60  # tokens; what is longer is cut at a clause
# A heading begins a new passage once the present one is this full.
FULL_ENOUGH = 1 / 3
# Characters; some tokenizers take the square of the time for a long string without a space.
MAX_COUNTED = 2_000
MAX_PREFIX = 1 / 4  # of a passage's tokens
CLAUSE_END = re.compile(r"[,;:)\]–—、，；：）]\s*|\n")
SENTENCE_MARKS = ".!?:;…。！？：；؟۔।\"'”’»)]」』"


class Tokenizer(Protocol):
    def count(self, text: str) -> int: ...


class PageText(NamedTuple):
    """A page's cleaned text, where it starts in the document's text, and its headings (offsets in the page)."""

    number: int
    text: str
    start: int
    headings: Sequence[Heading] = ()


class Passage(NamedTuple):
    """A stretch of the document's text; `tokens` counts `embedding_text`, which is what the model is given."""

    text: str
    start: int
    end: int
    page_start: int
    page_end: int
    heading_path: list[str]
    tokens: int
    title: str = ""

    @property
    def embedding_text(self) -> str:
        """The text under its title and headings, as far as the document's structure is certain."""
        return embedding_text(self.title, self.heading_path, self.text)


class Unit(NamedTuple):
    """What is never cut further: a sentence, or a piece of one that was too long."""

    start: int
    end: int
    tokens: int
    path: int  # index into the document's heading paths
    begins_section: bool


def join_pages(pages: Iterable[PageText | str]) -> str:
    """The document's text: its pages with one blank line between them, a space or nothing where a paragraph goes on."""
    parts: list[str] = []
    end = 0
    for page in pages:
        text, start = (page, -1) if isinstance(page, str) else (page.text, page.start)
        if parts:
            parts.append(BETWEEN_PAGES.get(start - end, PAGE_BREAK))
        parts.append(text)
        end = start + len(text)
    return "".join(parts)


def page_starts(texts: Iterable[str], goes_on: Container[int] = ()) -> list[int]:
    """Where each page begins in the document's text; those at `goes_on` go on with the paragraph before them."""
    starts: list[int] = []
    end, before = 0, ""
    for place, text in enumerate(texts):
        between = PAGE_BREAK
        if place in goes_on:
            is_spaced = not (CJK.match(before[-1:]) and CJK.match(text[:1]))
            between = PARAGRAPH_GOES_ON if is_spaced else ""
        starts.append(end + len(between) if place else 0)
        end, before = starts[-1] + len(text), text
    return starts


def prefix_of(title: str, heading_path: Sequence[str]) -> str:
    parts = [part for part in (title, *heading_path) if part]
    # A document whose first heading is its title says it once.
    return " > ".join(part for i, part in enumerate(parts) if i == 0 or part != parts[i - 1])


def embedding_text(title: str, heading_path: Sequence[str], text: str) -> str:
    """The text under title and headings; a heading that it begins with is not said twice."""
    if heading_path and text.startswith(heading_path[-1]):
        heading_path = heading_path[:-1]
    prefix = prefix_of(title, heading_path)
    return f"{prefix}\n\n{text}" if prefix else text


def split_pages(
    pages: Sequence[PageText], tokenizer: Tokenizer, *, tokens: int, overlap: int, title: str = ""
) -> list[Passage]:
    """Passages of at most `tokens` tokens, prefix included, which together hold every word of the pages.

    `document_text[passage.start : passage.end] == passage.text`. A passage begins with at most `overlap` tokens
    of whole sentences of the one before, unless a heading begins it.
    """
    ends = [0, *(page.start + len(page.text) for page in pages)]
    if any(page.start - end not in BETWEEN_PAGES for page, end in zip(pages[1:], ends[1:], strict=False)) or (
        pages and pages[0].start
    ):
        raise ValueError("Pages must start where page_starts() puts them.")
    splitter = Splitter(pages, tokenizer, tokens, min(overlap, tokens // 2), title)
    return list(splitter.passages())


class Splitter:
    """One document being split; every sentence's tokens are counted once, every passage's once."""

    def __init__(
        self, pages: Sequence[PageText], tokenizer: Tokenizer, tokens: int, overlap: int, title: str
    ) -> None:
        self.pages = pages
        self.text = join_pages(pages)
        self.starts = [page.start for page in pages]
        self.tokenizer = tokenizer
        self.tokens = tokens
        self.overlap = overlap
        self.title = self._fitting(title, int(tokens * MAX_PREFIX))
        self.prefixes: dict[int, tuple[list[str], int]] = {}
        self.paths, self.sections = self._sections()
        self.units = list(self._units())

    def _sections(self) -> tuple[list[list[str]], list[tuple[int, int]]]:
        """Every heading path, and where in the text each begins to hold (offset, index of the path)."""
        paths: list[list[str]] = [[]]
        sections = [(0, 0)]
        open_headings: list[Heading] = []
        for page in self.pages:
            for heading in page.headings:
                while open_headings and open_headings[-1].level >= heading.level:
                    open_headings.pop()
                open_headings.append(heading)
                paths.append([entry.title for entry in open_headings])
                sections.append((page.start + heading.offset, len(paths) - 1))
        return paths, sections

    def _units(self) -> Iterator[Unit]:
        limit = min(MAX_SENTENCE_LENGTH, max(1, self.tokens // 2))
        section = 0
        for start, end in self._sentences():
            begins = False
            while section + 1 < len(self.sections) and self.sections[section + 1][0] <= start:
                section += 1
                begins = True
            for number, (piece_start, piece_end, count) in enumerate(self._pieces(start, end, limit)):
                path = self.sections[section][1]
                yield Unit(piece_start, piece_end, count, path, begins and number == 0)

    def _sentences(self) -> Iterator[tuple[int, int]]:
        """Sentences of the whole document; one that a page break interrupts is one sentence."""
        breaks = set(self.starts[1:])
        before: tuple[int, int] | None = None
        for start, end in sentences(self.text):
            if before and start in breaks and self._goes_on(before[1], start):
                before = before[0], end
                continue
            if before:
                yield before
            before = start, end
        if before:
            yield before

    def _goes_on(self, end: int, start: int) -> bool:
        return self.text[start].islower() and self.text[end - 1] not in SENTENCE_MARKS

    def _pieces(self, start: int, end: int, limit: int) -> Iterator[tuple[int, int, int]]:
        """The range in pieces of at most `limit` tokens, cut at clauses, else at spaces, else anywhere."""
        stack = [(start, end)]
        while stack:
            start, end = stack.pop()
            if end - start > MAX_COUNTED:
                share = MAX_COUNTED
            else:
                count = self.tokenizer.count(self.text[start:end])
                if count <= limit or end - start == 1:
                    yield start, end, count
                    continue
                share = max(1, min((end - start) * limit * 9 // (count * 10), end - start - 1))
            parts = []
            while start < end:
                cut = end if end - start <= share else self._cut(start, start + share)
                parts.append(self._trimmed(start, cut))
                start = cut
            stack.extend(part for part in reversed(parts) if part[0] < part[1])

    def _cut(self, start: int, limit: int) -> int:
        """The best place to cut in the second half of the range; at least one character on."""
        middle = start + (limit - start) // 2
        if (cell := self.text.rfind(CELLS, middle, limit)) >= 0:
            return cell + len(CELLS)
        clauses = [match.end() for match in CLAUSE_END.finditer(self.text, middle, limit)]
        if clauses:
            return clauses[-1]
        space = max(self.text.rfind(" ", middle, limit), self.text.rfind("\n", middle, limit))
        if space >= 0:
            return space + 1
        cut = limit
        while cut > middle + 1 and (
            unicodedata.combining(self.text[cut]) or self.text[cut] in "\u200d\ufe0f"
        ):
            cut -= 1
        return max(cut, start + 1)

    def _trimmed(self, start: int, end: int) -> tuple[int, int]:
        text = self.text[start:end]
        return start + len(text) - len(text.lstrip()), start + len(text.rstrip())

    def passages(self) -> Iterator[Passage]:
        first = new = 0  # the passage's first unit, and the first that no passage before it held
        while new < len(self.units):
            last = self._fill(first, new)
            passage = self._passage(first, last)
            while passage.tokens > self.tokens and (first < new or last > first + 1):
                # Tokens of sentences do not add up exactly: give up the overlap first, then the end.
                if first < new:
                    first += 1
                else:
                    last -= 1
                passage = self._passage(first, last)
            if passage.tokens > self.tokens:
                yield from self._cut_unit(first)
            else:
                yield passage
            new = last
            first = self._overlap_start(first, last)

    def _fill(self, first: int, new: int) -> int:
        """The unit after the last that fits."""
        budget = self.tokens - self._prefix(self.units[new].path)[1]
        used = sum(unit.tokens for unit in self.units[first:new])
        last = new
        while last < len(self.units):
            unit = self.units[last]
            if last > new and (used + unit.tokens > budget or self._is_new_section(unit, used)):
                break
            used += unit.tokens
            last += 1
        if last < len(self.units):
            while last > new + 1 and self.units[last - 1].begins_section:
                last -= 1  # a heading belongs to what follows it
        return last

    def _is_new_section(self, unit: Unit, used: int) -> bool:
        return unit.begins_section and used >= self.tokens * FULL_ENOUGH

    def _overlap_start(self, first: int, last: int) -> int:
        """The first of the trailing units that the next passage repeats."""
        if last >= len(self.units) or self.units[last].begins_section:
            return last
        room = min(
            self.overlap, self.tokens - self._prefix(self.units[last].path)[1] - self.units[last].tokens
        )
        start = last
        while start > first + 1 and self.units[start - 1].tokens <= room:
            start -= 1
            room -= self.units[start].tokens
            if self.units[start].begins_section:
                break
        return start

    def _passage(self, first: int, last: int) -> Passage:
        units = self.units[first:last]
        weights: Counter[int] = Counter()
        for unit in units:
            weights[unit.path] += unit.tokens
        path = weights.most_common(1)[0][0]
        return self._passage_of(units[0].start, units[-1].end, path)

    def _passage_of(self, start: int, end: int, path: int) -> Passage:
        text = self.text[start:end]
        heading_path, _ = self._prefix(path)
        count = self.tokenizer.count(embedding_text(self.title, heading_path, text))
        first_page = self.pages[max(0, bisect_right(self.starts, start) - 1)].number
        last_page = self.pages[max(0, bisect_right(self.starts, end - 1) - 1)].number
        return Passage(text, start, end, first_page, last_page, heading_path, count, self.title)

    def _cut_unit(self, number: int) -> Iterator[Passage]:
        """A single unit that is too long with its prefix: smaller pieces, a passage each."""
        unit = self.units[number]
        room = max(1, self.tokens - self._prefix(unit.path)[1] - 2)
        while True:
            pieces = list(self._pieces(unit.start, unit.end, room))
            passages = [self._passage_of(start, end, unit.path) for start, end, _count in pieces]
            if room == 1 or all(passage.tokens <= self.tokens for passage in passages):
                yield from passages
                return
            room = max(1, room // 2)

    def _prefix(self, path: int) -> tuple[list[str], int]:
        """The heading path, shortened from its top until it leaves room for text, and the prefix's tokens."""
        if path not in self.prefixes:
            headings, limit = list(self.paths[path]), int(self.tokens * MAX_PREFIX)
            while headings and self._prefix_tokens(headings) > limit:
                headings.pop(0)
            self.prefixes[path] = headings, self._prefix_tokens(headings)
        return self.prefixes[path]

    def _prefix_tokens(self, headings: Sequence[str]) -> int:
        prefix = prefix_of(self.title, headings)
        return self.tokenizer.count(prefix) + 1 if prefix else 0

    def _fitting(self, title: str, limit: int) -> str:
        """The title's first words that fit, or nothing."""
        words = title[:MAX_COUNTED].split()
        while words and self.tokenizer.count(" ".join(words)) + 1 > limit:
            words = words[: len(words) // 2]
        return " ".join(words)
