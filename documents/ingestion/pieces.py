"""Cuts a range of text into pieces that fit a number of tokens: at clauses, else at spaces, else anywhere."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Protocol

from documents.ingestion.sentences import CELLS

# Characters; some tokenizers need quadratic time for a long string without spaces.
MAX_COUNTED = 2_000
CLAUSE_END = re.compile(r"[,;:)\]–—、，；：）]\s*|\n")
JOINERS = "\u200d\ufe0f"  # zero-width joiner and variation selector of emoji


class Tokenizer(Protocol):
    def count(self, text: str) -> int: ...


def pieces(
    text: str, start: int, end: int, tokenizer: Tokenizer, limit: int
) -> Iterator[tuple[int, int, int]]:
    """Start, end and tokens of each piece of `text[start:end]`, in order; each has at most `limit` tokens."""
    stack = [(start, end)]
    while stack:
        start, end = stack.pop()
        if end - start > MAX_COUNTED:
            share = MAX_COUNTED
        else:
            count = tokenizer.count(text[start:end])
            if count <= limit or end - start == 1:
                yield start, end, count
                continue
            share = max(1, min((end - start) * limit * 9 // (count * 10), end - start - 1))
        parts = list(_shares(text, start, end, share))
        stack.extend(part for part in reversed(parts) if part[0] < part[1])


def _shares(text: str, start: int, end: int, share: int) -> Iterator[tuple[int, int]]:
    """The range in parts of at most `share` characters."""
    while start < end:
        cut = end if end - start <= share else _best_cut(text, start, start + share)
        yield _trimmed(text, start, cut)
        start = cut


def _best_cut(text: str, start: int, limit: int) -> int:
    """The best cut in the second half of the range, at least one character after its start."""
    middle = start + (limit - start) // 2
    if (cell := text.rfind(CELLS, middle, limit)) >= 0:
        return cell + len(CELLS)
    clauses = [match.end() for match in CLAUSE_END.finditer(text, middle, limit)]
    if clauses:
        return clauses[-1]
    space = max(text.rfind(" ", middle, limit), text.rfind("\n", middle, limit))
    if space >= 0:
        return space + 1
    cut = limit
    while cut > middle + 1 and (unicodedata.combining(text[cut]) or text[cut] in JOINERS):
        cut -= 1
    return max(cut, start + 1)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), start + len(part.rstrip())
