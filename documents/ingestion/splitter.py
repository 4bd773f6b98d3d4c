"""Splits pages into chunks: whole sentences, packed up to the embedding model's limit. Uses no database."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from documents.extraction.pages import Heading
from documents.ingestion.pieces import Tokenizer, pieces
from documents.ingestion.sentences import CELLS, sentences
from documents.structure.document_text import SEPARATORS, PageText, join_pages
from documents.structure.headers import TableHeaders

MAX_SENTENCE_LENGTH = 60  # tokens; longer sentences are cut at clauses
# A heading starts a new chunk once the current one is this full.
FULL_ENOUGH = 1 / 3
MAX_PREFIX = 1 / 4  # of a chunk's tokens
SENTENCE_MARKS = ".!?:;…。！？：；؟۔।\"'”’»)]」』"


class ChunkText(NamedTuple):
    """A range of the document's text, before it is stored as a Chunk; `tokens` counts `embedding_text`."""

    text: str
    start: int
    end: int
    page_start: int
    page_end: int
    heading_path: list[str]
    tokens: int
    table_header: str = ""  # of the table in which it begins

    @property
    def embedding_text(self) -> str:
        """The text under its headings and its table's header, as sent to the embedding model."""
        return embedding_text(self.heading_path, self.text, self.table_header)


class Unit(NamedTuple):
    """The smallest part of a chunk: a sentence, or a piece of one that was too long."""

    start: int
    end: int
    tokens: int
    path: int  # index into the document's heading paths
    starts_section: bool


def heading_prefix(heading_path: Sequence[str]) -> str:
    """The headings on one line; a heading that repeats the one above it appears once."""
    parts = [part for part in heading_path if part]
    return " > ".join(part for i, part in enumerate(parts) if i == 0 or part != parts[i - 1])


def embedding_text(heading_path: Sequence[str], text: str, table_header: str = "") -> str:
    """The text under its headings; a heading that starts the text is not repeated.

    A text that begins between the rows of a table continues its header.
    """
    if heading_path and text.startswith(heading_path[-1]):
        heading_path = heading_path[:-1]
    if table_header:
        text = f"{table_header}\n{text}"
    prefix = heading_prefix(heading_path)
    return f"{prefix}\n\n{text}" if prefix else text


def split_pages(
    pages: Sequence[PageText], tokenizer: Tokenizer, *, tokens: int, overlap: int
) -> list[ChunkText]:
    """Chunks of at most `tokens` tokens, headings included, which together hold every word of the pages.

    `document_text[chunk.start : chunk.end] == chunk.text`. A chunk starts with at most `overlap` tokens of whole
    sentences of the previous chunk, unless it starts with a heading.
    """
    ends = [0, *(page.start + len(page.text) for page in pages)]
    if any(page.start - end not in SEPARATORS for page, end in zip(pages[1:], ends[1:], strict=False)) or (
        pages and pages[0].start
    ):
        raise ValueError("Pages must start where page_starts() puts them.")
    splitter = Splitter(pages, tokenizer, tokens, min(overlap, tokens // 2))
    return list(splitter.chunks())


class Splitter:
    """The split of one document; the tokens of each sentence and each chunk are counted once."""

    def __init__(self, pages: Sequence[PageText], tokenizer: Tokenizer, tokens: int, overlap: int) -> None:
        self.pages = pages
        self.text = join_pages(pages)
        self.starts = [page.start for page in pages]
        self.tokenizer = tokenizer
        self.tokens = tokens
        self.overlap = overlap
        self.prefixes: dict[int, tuple[list[str], int]] = {}
        self.table_headers = TableHeaders(self.text)
        self.headers: dict[Sequence[str], tuple[str, int]] = {}
        self.paths, self.sections = self._sections()
        self.units = list(self._units())

    def _sections(self) -> tuple[list[list[str]], list[tuple[int, int]]]:
        """All heading paths, and the sections of the text as (offset, index of the heading path)."""
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
            is_first = False
            while section + 1 < len(self.sections) and self.sections[section + 1][0] <= start:
                section += 1
                is_first = True
            path = self.sections[section][1]
            for number, (piece_start, piece_end, count) in enumerate(self._pieces(start, end, limit)):
                yield Unit(piece_start, piece_end, count, path, is_first and number == 0)

    def _sentences(self) -> Iterator[tuple[int, int]]:
        """Sentences of the whole document; a page break does not end a sentence."""
        breaks = set(self.starts[1:])
        previous: tuple[int, int] | None = None
        for start, end in sentences(self.text):
            if previous and start in breaks and self._continues(previous[1], start):
                previous = previous[0], end
                continue
            if previous:
                yield previous
            previous = start, end
        if previous:
            yield previous

    def _continues(self, end: int, start: int) -> bool:
        return self.text[start].islower() and self.text[end - 1] not in SENTENCE_MARKS

    def _pieces(self, start: int, end: int, limit: int) -> Iterator[tuple[int, int, int]]:
        return pieces(self.text, start, end, self.tokenizer, limit)

    def chunks(self) -> Iterator[ChunkText]:
        # `first` is the chunk's first unit; `new` is the first unit that no earlier chunk contains.
        first = new = 0
        while new < len(self.units):
            last = self._fill(first, new)
            chunk = self._chunk(first, last)
            while chunk.tokens > self.tokens and (first < new or last > first + 1):
                # Tokens of sentences do not add up exactly: shorten the overlap first, then the end.
                if first < new:
                    first += 1
                else:
                    last -= 1
                chunk = self._chunk(first, last)
            if chunk.tokens > self.tokens:
                yield from self._split_unit(first)
            else:
                yield chunk
            new = last
            first = self._overlap_start(first, last)

    def _fill(self, first: int, new: int) -> int:
        """The unit after the last one that fits."""
        budget = self.tokens - self._overhead(self.units[first].start, self.units[new].path)
        used = sum(unit.tokens for unit in self.units[first:new])
        last = new
        while last < len(self.units):
            unit = self.units[last]
            if last > new and (used + unit.tokens > budget or self._is_new_section(unit, used)):
                break
            used += unit.tokens
            last += 1
        if last < len(self.units):
            while last > new + 1 and self.units[last - 1].starts_section:
                last -= 1  # a heading belongs to the text below it
        return last

    def _is_new_section(self, unit: Unit, used: int) -> bool:
        return unit.starts_section and used >= self.tokens * FULL_ENOUGH

    def _overlap_start(self, first: int, last: int) -> int:
        """The first of the trailing units that the next chunk repeats."""
        if last >= len(self.units) or self.units[last].starts_section:
            return last
        budget = min(
            self.overlap, self.tokens - self._prefix(self.units[last].path)[1] - self.units[last].tokens
        )
        start = last
        while start > first + 1 and self.units[start - 1].tokens <= budget:
            start -= 1
            budget -= self.units[start].tokens
            if self.units[start].starts_section:
                break
        return start

    def _chunk(self, first: int, last: int) -> ChunkText:
        """The units as a chunk, under the headings of most of their tokens."""
        units = self.units[first:last]
        weights: Counter[int] = Counter()
        for unit in units:
            weights[unit.path] += unit.tokens
        path = weights.most_common(1)[0][0]
        return self._chunk_of(units[0].start, units[-1].end, path)

    def _chunk_of(self, start: int, end: int, path: int) -> ChunkText:
        text = self.text[start:end]
        (heading_path, _), (header, _) = self._prefix(path), self._header(start)
        count = self.tokenizer.count(embedding_text(heading_path, text, header))
        pages = self._page_at(start), self._page_at(end - 1)
        return ChunkText(text, start, end, *pages, heading_path, count, header)

    def _page_at(self, offset: int) -> int:
        return self.pages[max(0, bisect_right(self.starts, offset) - 1)].number

    def _split_unit(self, number: int) -> Iterator[ChunkText]:
        """A unit that is too long together with its headings: one chunk for each smaller piece."""
        unit = self.units[number]
        limit = max(1, self.tokens - self._overhead(unit.start, unit.path) - 2)
        while True:
            found = self._pieces(unit.start, unit.end, limit)
            chunks = [self._chunk_of(start, end, unit.path) for start, end, _count in found]
            if limit == 1 or all(chunk.tokens <= self.tokens for chunk in chunks):
                yield from chunks
                return
            limit = max(1, limit // 2)

    def _overhead(self, start: int, path: int) -> int:
        """The tokens of what goes before the text of a chunk."""
        return self._prefix(path)[1] + self._header(start)[1]

    def _header(self, start: int) -> tuple[str, int]:
        """The header of the table between whose rows a chunk starts, without its last columns where it is too long."""
        names = tuple(self.table_headers.at(start))
        if names not in self.headers:
            header, limit, count = CELLS.join(names), int(self.tokens * MAX_PREFIX), len(names)
            while header and self.tokenizer.count(header) > limit:
                count //= 2
                header = CELLS.join(names[:count])
            self.headers[names] = header, self.tokenizer.count(header) + 1 if header else 0
        return self.headers[names]

    def _prefix(self, path: int) -> tuple[list[str], int]:
        """The heading path without its top headings where it is too long, and its tokens."""
        if path not in self.prefixes:
            headings, limit = list(self.paths[path]), int(self.tokens * MAX_PREFIX)
            while headings and self._prefix_tokens(headings) > limit:
                headings.pop(0)
            self.prefixes[path] = headings, self._prefix_tokens(headings)
        return self.prefixes[path]

    def _prefix_tokens(self, headings: Sequence[str]) -> int:
        prefix = heading_prefix(headings)
        return self.tokenizer.count(prefix) + 1 if prefix else 0
