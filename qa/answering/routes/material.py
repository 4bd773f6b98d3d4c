"""What a model reads for a routed question: whole sections, or a whole document as far as it fits, not a search's chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from qa.answering.routes.reading import Reading, RoutedAnswer, source_at
from qa.retrieval.chunk import RetrievedChunk
from ragsite import llm

CHARACTERS_PER_TOKEN = 4
MAX_SOURCE = 2400  # characters of one source; longer stretches become several


def material_for(answer: RoutedAnswer, *, tokens: int, model: str) -> list[RetrievedChunk]:
    """Return the stretches to read as sources, numbered from 1: each document gets an equal share of the tokens."""
    count = llm.tokenizer_for(model).count
    share = tokens // max(len(answer.ranges), 1)
    found: list[RetrievedChunk] = []
    for reading, start, end in answer.ranges:
        left = share
        for first, last in _cut(reading, start, end, share):
            cost = count(reading.text[first:last])
            left -= cost
            if left < 0 and left + cost < share:
                break
            source = source_at(reading, first, last, len(found) + 1)
            found.append(replace(source, tokens=cost))
    return found


def _cut(reading: Reading, start: int, end: int, tokens: int) -> Iterator[tuple[int, int]]:
    """Parts of a stretch at its headings and empty lines; of a stretch that is too long, every so many of them."""
    parts = list(_parts(reading.text, start, end))
    step = max(1, -(-(end - start) // (tokens * CHARACTERS_PER_TOKEN)))
    yield from parts[::step]


def _parts(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        last = min(end, start + MAX_SOURCE)
        if last < end and (blank := text.rfind("\n\n", start + 1, last)) > 0:
            last = blank
        if text[start:last].strip():
            yield start, last
        start = last
