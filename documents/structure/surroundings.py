"""Parses the text around stored chunks: a chunk may begin in the middle of a table, a list or a paragraph."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.db import connection

from documents.extraction.pages import Heading
from documents.structure.document_text import PageText, join_pages
from documents.structure.kinds import Block, Table
from documents.structure.parser import blocks

# Characters read around a chunk. Longer tables of most formats have the names of the columns in each row.
BEFORE, AFTER = 6_000, 2_000

QUERY = """
select wanted.place, version.media_type, page.number, page.start + cut.first,
    substr(page.text, cut.first + 1, cut.last - cut.first), page.headings, page.start
from unnest(%s::int8[], %s::int8[], %s::int8[], %s::int4[], %s::int4[])
    with ordinality as wanted (version, first, last, page_start, page_end, place)
join documents_version version on version.id = wanted.version
join documents_page page on page.version_id = wanted.version
    and page.number between wanted.page_start - 1 and wanted.page_end + 1,
lateral (
    select greatest(wanted.first - page.start, 0)::int4 as first,
        least(wanted.last - page.start, length(page.text))::int4 as last
) cut
where cut.first < cut.last
order by wanted.place, page.number
"""


class Stretch(Protocol):
    """A chunk, or several joined: a range of a version's text, and its pages."""

    @property
    def version_id(self) -> int: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def page_start(self) -> int: ...
    @property
    def page_end(self) -> int: ...


@dataclass(frozen=True)
class Surroundings:
    """The blocks that a stretch touches, whole, with offsets in the document's text, and the text around it."""

    text: str
    start: int
    blocks: Sequence[Block]
    around: Sequence[Block] = ()  # those before and after them as well

    def words(self, start: int, end: int) -> str:
        """The text between two offsets of the document's text, as far as it was loaded."""
        return self.text[max(0, start - self.start) : max(0, end - self.start)]

    @property
    def header(self) -> Sequence[str]:
        """The names of the columns of the table in which the stretch begins; () if it begins in none."""
        first = self.blocks[0] if self.blocks else None
        return first.header if isinstance(first, Table) else ()


def surroundings(stretches: Sequence[Stretch]) -> list[Surroundings]:
    """The surroundings of each stretch, in their order, with one query. Empty if the version was deleted."""
    found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(
            QUERY,
            [
                [stretch.version_id for stretch in stretches],
                [stretch.start - BEFORE for stretch in stretches],
                [stretch.end + AFTER for stretch in stretches],
                [stretch.page_start for stretch in stretches],
                [stretch.page_end for stretch in stretches],
            ],
        )
        for place, *page in cursor.fetchall():
            found[place].append(tuple(page))
    return [_around(stretch, found[place]) for place, stretch in enumerate(stretches, 1)]


def _around(stretch: Stretch, pages: Sequence[tuple[Any, ...]]) -> Surroundings:
    if not pages:
        return Surroundings("", stretch.start, [])
    texts = [PageText(number, text, start) for _type, number, start, text, _headings, _page in pages]
    text, start = join_pages(texts), texts[0].start
    if start > pages[0][-1]:
        # The first line may be cut off.
        skipped = min(text.find("\n") + 1, max(0, stretch.start - start))
        text, start = text[skipped:], start + skipped
    headings = [
        Heading(page_start + offset - start, level, title)
        for *_page, own, page_start in pages
        for offset, level, title in json.loads(own)
        if 0 <= page_start + offset - start < len(text)
    ]
    found = [block.moved(start) for block in blocks(text, headings, pages[0][0])]
    touched = [block for block in found if block.end > stretch.start and block.start < stretch.end]
    return Surroundings(text, start, touched, found)
