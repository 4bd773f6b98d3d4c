"""From ranked chunks to sources: removes near-duplicates, keeps to a token budget, joins adjacent chunks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from qa.retrieval.chunk import RetrievedChunk
from qa.retrieval.stop_words import NUMBERS

MAX_GAP = 4  # characters of white space between two chunks that still touch
NEAR_DUPLICATE = 0.9
JOINED_TOKENS = 450


def within_budget(chunks: Iterable[RetrievedChunk], tokens: int) -> list[RetrievedChunk]:
    """Return chunks in rank order up to a number of tokens, without near-duplicates; always the best one."""
    chosen: list[tuple[RetrievedChunk, frozenset[str]]] = []
    for chunk in chunks:
        words = _words(chunk.text)
        if any(_is_near_duplicate(chunk, words, *other) for other in chosen):
            continue
        if chosen and tokens < chunk.tokens:
            break
        chosen.append((chunk, words))
        tokens -= chunk.tokens
    return [chunk for chunk, _words_of_it in chosen]


def _is_near_duplicate(
    one: RetrievedChunk, first: frozenset[str], other: RetrievedChunk, second: frozenset[str]
) -> bool:
    """Whether the Jaccard similarity of their words reaches NEAR_DUPLICATE, and no figures differ: editions do in these."""
    common = len(first & second)
    if common < NEAR_DUPLICATE * max(len(first) + len(second) - common, 1):
        return False
    return one.document_id == other.document_id or not any(_is_figure(word) for word in first ^ second)


def _is_figure(word: str) -> bool:
    return word[0].isdigit() or word in NUMBERS


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


def join_adjacent(chunks: Iterable[RetrievedChunk]) -> list[RetrievedChunk]:
    """Join chunks of one version that overlap or touch, up to JOINED_TOKENS; the result keeps the better score."""
    joined: list[RetrievedChunk] = []
    for chunk in chunks:
        merged = chunk
        while neighbour := next((other for other in joined if _can_join(merged, other)), None):
            joined.remove(neighbour)
            merged = _join(neighbour, merged)
        joined.append(merged)
        joined.sort(key=lambda chunk: -chunk.score)
    return joined


def _can_join(one: RetrievedChunk, other: RetrievedChunk) -> bool:
    return (
        one.version_id == other.version_id
        and one.start <= other.end + MAX_GAP
        and other.start <= one.end + MAX_GAP
        and one.tokens + other.tokens <= JOINED_TOKENS
    )


def _join(one: RetrievedChunk, other: RetrievedChunk) -> RetrievedChunk:
    better = max(one, other, key=lambda chunk: chunk.score)
    first, second = sorted((one, other), key=lambda chunk: (chunk.start, chunk.end))
    is_inside = second.end <= first.end
    return replace(
        better,
        text=first.text if is_inside else first.text + _text_after(first, second),
        tokens=first.tokens if is_inside else first.tokens + second.tokens,
        start=first.start,
        table_header=first.table_header,
        end=max(first.end, second.end),
        page_start=first.page_start,
        page_end=max(first.page_end, second.page_end),
        page_label=first.page_label,
        chunk_ids=[*one.chunk_ids, *other.chunk_ids],
    )


def _text_after(first: RetrievedChunk, second: RetrievedChunk) -> str:
    """Return the second text beyond the end of the first; a gap was only white space, and keeps its length."""
    gap = second.start - first.end
    space = ("\n" if second.page_start > first.page_end else " ") * max(gap, 0)
    return space + second.text[max(-gap, 0) :]
