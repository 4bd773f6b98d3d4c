"""Reads sources into units: the text around them is parsed into blocks, and its headings and leads are kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from documents.extraction.text.markup_spans import BULLET, markup_spans, without_markup
from documents.models import Version
from documents.structure.kinds import Block, Code, Heading, ItemList, KeyValues, Paragraph, Row, Table
from documents.structure.surroundings import Surroundings, surroundings
from qa.answering.quoting.units import ENDS_SENTENCE, MAX_LENGTH, Kind, Unit
from qa.retrieval.chunk import RetrievedChunk
from qa.retrieval.stop_words import content_words

MAX_FRAGMENT_WORDS = 12
LINE_LEVEL = 99  # of a heading that is only a short line
MAX_GAP = 4_000  # characters between two sources that are read together
MAX_ROWS = 400  # of one table; a longer one is found by its chunks
SECTION_NUMBER = re.compile(r"^(?:§ ?)?\d{1,2}(?:\.\d{1,2})*[.)]? (?=[^\W\d_])")
FRAMED = re.compile(r"(?:[*=~#+-] ?)*[^\W\d_][^*=~#+\n]{2,60}(?: ?[*=~#+-]){2,}")
FRAME = re.compile(r"^[*=~#+\- ]+|[*=~#+\- ]+$")
LINK_WITHIN = re.compile(r"\s*\[[^\]\n]*\]\(#[^)\n]*\)\s*$")
QUOTE_MARK = re.compile(r"^(?:>[ \t]?)+", re.MULTILINE)  # of a mail that is answered
# The first and last lines of letters.
COURTESY = re.compile(
    r"(?:dear|hello|hi|sehr geehrte[rs]?|liebe[rs]?|cher|chère|estimad[oa])\b[^.!?]{0,60}[,!]?$"
    r"|(?:(?:kind|best|warm) regards|regards|yours (?:sincerely|faithfully|truly)|sincerely|many thanks|thank you"
    r"|mit freundlichen grüßen|viele grüße|cordialement|saludos)\b[^.!?]{0,60}[,.]?$",
    re.IGNORECASE,
)


def units_of(sources: Sequence[RetrievedChunk]) -> list[Unit]:
    """Return all units of the sources, each once, those of the best source first."""
    versions = {source.version_id for source in sources}
    media_types = dict(Version.objects.filter(pk__in=versions).values_list("pk", "media_type"))
    found: list[Unit] = []
    stretches = _stretches(sources)
    for stretch, around in zip(stretches, surroundings(stretches), strict=True):
        found += _Reader(stretch, around, media_types.get(stretch.version_id, "")).units()
    return sorted(found, key=lambda unit: unit.source.number)


@dataclass
class _Stretch:
    """Sources of one version that lie close together: what is around them is read once."""

    sources: list[RetrievedChunk]

    @property
    def version_id(self) -> int:
        return self.sources[0].version_id

    @property
    def start(self) -> int:
        return min(source.start for source in self.sources)

    @property
    def end(self) -> int:
        return max(source.end for source in self.sources)

    @property
    def page_start(self) -> int:
        return min(source.page_start for source in self.sources)

    @property
    def page_end(self) -> int:
        return max(source.page_end for source in self.sources)


def _stretches(sources: Sequence[RetrievedChunk]) -> list[_Stretch]:
    found: list[_Stretch] = []
    for source in sorted(sources, key=lambda source: (source.version_id, source.start)):
        last = found[-1] if found else None
        if last and last.version_id == source.version_id and source.start - last.end <= MAX_GAP:
            last.sources.append(source)
        else:
            found.append(_Stretch([source]))
    return found


class _Reader:
    """Reads the blocks around sources in order and keeps the headings above."""

    def __init__(self, stretch: _Stretch, around: Surroundings, media_type: str) -> None:
        self.sources, self.around = stretch.sources, around
        self.markup = markup_spans(around.text, media_type)
        self.headings: list[Heading] = []
        self.previous: Unit | None = None  # the last sentence read
        self.following: Block | None = None  # the block after the one that is read

    def units(self) -> Iterator[Unit]:
        blocks = self.around.around
        for block, following in zip(blocks, [*blocks[1:], None], strict=True):
            self.following = following
            if title := _framed(block):
                self._head(self._unit(Kind.SENTENCE, block.start, block.end, block, text=title))
                continue
            if isinstance(block, Heading):
                self.headings = [above for above in self.headings if above.level < block.level] + [block]
                self.previous = None
                continue
            for unit in self._read(block):
                if unit.is_inside:
                    yield unit

    def words(self, start: int, end: int) -> str:
        """The text between two offsets in one line, without markup."""
        first, last = start - self.around.start, end - self.around.start
        words = without_markup(self.around.text, self.markup, first, last)
        return " ".join(QUOTE_MARK.sub("", words).split()).removeprefix(BULLET).strip()

    def _read(self, block: Block) -> Iterator[Unit]:
        if isinstance(block, Paragraph):
            yield from self._sentences(block)
            return
        for unit in self._parts(block):
            unit.before = self.previous
            if self._is_announced(block, unit) and self.previous:
                self.previous.announced = unit
            yield unit

    def _parts(self, block: Block) -> Iterator[Unit]:
        if isinstance(block, ItemList) and not self._is_contents(block):
            lead = self.words(*block.lead) if block.lead else self._line_above()
            for place, item in enumerate(block.items):
                yield self._unit(Kind.ITEM, item.words, item.end, block, place, item.text, lead)
        elif isinstance(block, Table):
            for place, row in enumerate(block.rows[:MAX_ROWS]):
                yield self._row(block, row, place)
        elif isinstance(block, KeyValues) and not block.is_mail_head:
            for place, line in enumerate(block.lines):
                yield self._unit(Kind.LINE, line.start, line.end, block, place)
        elif isinstance(block, Code):
            yield self._unit(Kind.CODE, block.start, block.end, block)

    def _line_above(self) -> str:
        """The short line above a list that no sentence introduces."""
        last = self.headings[-1] if self.headings else None
        return last.title if last and last.level == LINE_LEVEL else ""

    def _is_contents(self, block: ItemList) -> bool:
        """Whether every item only links to a place in the same document."""
        return all(LINK_WITHIN.match(self.around.words(item.words, item.end)) for item in block.items)

    def _is_announced(self, block: Block, unit: Unit) -> bool:
        """Whether the last sentence read introduces the block of which this is the first unit."""
        if self.previous is None or unit.place:
            return False
        is_lead = isinstance(block, ItemList) and block.lead is not None
        return is_lead or self.previous.text.endswith((":", "："))

    def _row(self, block: Table, row: Row, place: int) -> Unit:
        text = block.labelled(row)
        unit = self._unit(Kind.ROW, row.start, row.end, block, place, text, block.caption)
        unit.words = frozenset(content_words(" ".join(cell.text for cell in row.cells)))
        return unit

    def _sentences(self, block: Paragraph) -> Iterator[Unit]:
        for place, (start, end) in enumerate(block.sentences):
            unit = self._unit(Kind.SENTENCE, start, end, block, place)
            if not unit.words or COURTESY.match(unit.text):
                continue
            is_alone = len(block.sentences) == 1
            has_below = isinstance(self.following, Table | ItemList)
            unit.is_fragment = _is_fragment(unit.text, may_have_figures=is_alone and not has_below)
            if unit.is_fragment and is_alone:
                self._head(unit)
                continue
            unit.before = self.previous
            if self.previous:
                self.previous.after = unit
            self.previous = unit
            yield unit

    def _head(self, unit: Unit) -> None:
        """Take a short line by itself for the heading of what follows."""
        above = [heading for heading in self.headings if heading.level < LINE_LEVEL]
        self.headings = [*above, Heading(unit.start, unit.end, unit.text, LINE_LEVEL, is_guess=True)]

    def _unit(
        self, kind: Kind, start: int, end: int, block: Block, place: int = 0, text: str = "", lead: str = ""
    ) -> Unit:
        source = next((each for each in self.sources if end > each.start and start < each.end), None)
        nearest = source or max(
            (each for each in self.sources if each.start <= start),
            key=lambda each: each.start,
            default=self.sources[0],
        )
        last = min(end, start + MAX_LENGTH)
        titles = [heading.title for heading in reversed(self.headings)] or nearest.heading_path[::-1]
        words = text or self.words(start, last)
        unit = Unit(nearest, kind, start, last, words, tuple(titles), lead, block, place)
        unit.around, unit.is_inside = self.around, source is not None
        return unit


def _framed(block: Block) -> str:
    """Return the title in a line that is framed by signs, "* * * OPENING HOURS * * *"; else "" ."""
    if not isinstance(block, ItemList) or len(block.items) != 1:
        return ""
    return FRAME.sub("", block.items[0].text) if FRAMED.fullmatch(block.items[0].text) else ""


def _is_fragment(text: str, *, may_have_figures: bool) -> bool:
    """Whether a line is short and does not end like a sentence. A figure in a line by itself may be what it tells."""
    if len(text.split()) > MAX_FRAGMENT_WORDS or ENDS_SENTENCE.search(text):
        return False
    return not (may_have_figures and re.search(r"\d", SECTION_NUMBER.sub("", text)))
