"""The statements of a chunk: its sentences, without headings, titles, tables of contents and lone symbols."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Q

from documents.extraction.text.markup_spans import BULLET, MarkupSpan, markup_spans, without_markup
from documents.ingestion.sentences import sentences
from documents.models import Page, Version
from qa.retrieval.chunk import RetrievedChunk

Span = tuple[int, int]
# A line of a table of contents ends in leaders and a number, or links to a place in the same document.
CONTENTS = re.compile(r"(?:(?:[.·_][ \t]?){3,}|…+)[ \t]*(?:\d{1,5}|[ivxlc]{1,7})\s*$", re.IGNORECASE)
LINK_WITHIN = re.compile(r"\s*(?:[-*+]|\d{1,3}[.)])?\s*\[[^\]\n]*\]\(#[^)\n]*\)\s*$")
ENDS_STATEMENT = re.compile(r"[.!?…。！？؟۔।;:][\"'”’»)\]」』\]\d]*$")
ITEM = re.compile(r"\s*(?:[-*+•‣◦▪–—]|\(?(?:\d{1,3}|[a-zA-Z])[.)])\s")
MAX_TITLE_WORDS = 12


@dataclass
class ChunkText:
    """A chunk with the Markdown syntax and the headings in its text."""

    source: RetrievedChunk
    markup: list[MarkupSpan]
    headings: list[int]  # offsets in the chunk's text

    def words(self, start: int, end: int) -> str:
        """Return a stretch of the text in one line, without Markdown syntax."""
        return (
            " ".join(without_markup(self.source.text, self.markup, start, end).split())
            .removeprefix(BULLET)
            .strip()
        )

    def statements(self) -> Iterator[Span]:
        """Yield the sentences that state something; possible titles only if there is nothing else."""
        statements = [span for span in sentences(self.source.text) if self._is_statement(*span)]
        sentences_only = [span for span in statements if not self._may_be_title(*span)]
        yield from sentences_only or statements

    def _is_statement(self, start: int, end: int) -> bool:
        text = self.source.text
        is_heading = any(start <= at < end for at in self.headings)
        # Whole lines, because the leaders of a table of contents look like ends of sentences.
        first, last = text.rfind("\n", 0, start) + 1, text.find("\n", end)
        lines = text[first : last if last >= 0 else len(text)].split("\n")
        is_of_contents = any(CONTENTS.search(line) or LINK_WITHIN.match(line) for line in lines)
        return bool(re.search(r"\w", self.words(start, end))) and not (is_heading or is_of_contents)

    def _may_be_title(self, start: int, end: int) -> bool:
        """Whether it is a short line by itself that neither ends like a sentence nor contains a number."""
        text, words = self.source.text, self.words(start, end)
        is_alone = _is_line_end(text[:start][::-1]) and _is_line_end(text[end:])
        is_short = len(words.split()) <= MAX_TITLE_WORDS and not re.search(r"\d|[:|·]", words)
        is_item = ITEM.match(text, start) is not None
        return is_alone and is_short and not is_item and not ENDS_STATEMENT.search(words)


def _is_line_end(rest: str) -> bool:
    """Whether the line ends here and the next line is empty."""
    return re.match(r"[^\S\n]*(?:\n[^\S\n]*(?:\n|$)|$)", rest) is not None


def annotate(sources: Sequence[RetrievedChunk]) -> list[ChunkText]:
    """Return the chunks with their Markdown syntax and headings, in two queries."""
    versions = {source.version_id for source in sources}
    media_types = dict(Version.objects.filter(pk__in=versions).values_list("pk", "media_type"))
    headings = _headings(sources)
    return [
        ChunkText(
            source,
            markup_spans(source.text, media_types.get(source.version_id, "")),
            [at - source.start for at in headings[source.version_id] if source.start <= at < source.end],
        )
        for source in sources
    ]


def _headings(sources: Sequence[RetrievedChunk]) -> dict[int, list[int]]:
    """Return the offsets of headings in each version's text, on the pages of its chunks."""
    wanted = Q(pk__in=[])
    for source in sources:
        wanted |= Q(version=source.version_id, number__range=(source.page_start, source.page_end))
    found: dict[int, list[int]] = defaultdict(list)
    pages = Page.objects.filter(wanted).exclude(headings=[])
    for version_id, start, headings in pages.values_list("version_id", "start", "headings"):
        found[version_id] += [start + heading[0] for heading in headings]
    return found
