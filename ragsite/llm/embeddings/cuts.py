"""Split a text that is too long for the model, and combine the vectors of its parts."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

Counted = list[tuple[str, int]]  # texts with their token counts
Keep = Callable[[Sequence[str], np.ndarray], None]

MIN_TOKENS = 16  # a shorter text is not rejected for its length
BREAKS = ("\n\n", "\n", ". ", " ")  # in order of preference


@dataclass
class Cuts:
    """The parts of the texts `wanted` in one call of embed_documents. Parts begin with the same `prefix`."""

    wanted: frozenset[str]
    prefix: str = ""
    parts: dict[str, tuple[str, str]] = field(default_factory=dict)
    vectors: dict[str, np.ndarray] = field(default_factory=dict)  # of split texts and their parts

    def cut(self, text: str) -> tuple[str, str] | None:
        """Split the text into two parts; None if it cannot be split."""
        body = text.removeprefix(self.prefix)
        if (offset := _split_offset(body)) is None:
            return None
        first, second = body[:offset].strip(), body[offset:].strip()
        self.parts[text] = self.prefix + first, self.prefix + second
        return self.parts[text]

    def complete(self, text: str, vector: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """The wanted texts that this vector completes, with their vectors."""
        yield from (known for known in self._add(text, vector) if known[0] in self.wanted)

    def _add(self, text: str, vector: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        yield text, vector
        if not self.parts:
            return
        self.vectors[text] = vector
        for whole, parts in reversed(self.parts.items()):  # inner splits come last
            if whole not in self.vectors and all(part in self.vectors for part in parts):
                self.vectors[whole] = _combined([self.vectors[part] for part in parts], [*map(len, parts)])
                yield whole, self.vectors[whole]


def split_long_texts(
    counted: Counted, max_tokens: int | None, cuts: Cuts, count: Callable[[str], int]
) -> Counted:
    """The texts with their token counts; texts of more than `max_tokens` are split."""
    waiting, found = deque(counted), []
    while waiting:
        text, tokens = waiting.popleft()
        if max_tokens and tokens > max(max_tokens, MIN_TOKENS) and (parts := cuts.cut(text)):
            waiting.extendleft((part, count(part)) for part in reversed(parts))
        else:
            found.append((text, tokens))
    return found


def _split_offset(text: str) -> int | None:
    """An offset near the middle: after a paragraph, line, sentence or word, otherwise between any two characters."""
    quarter, middle = len(text) // 4, len(text) // 2
    for mark in BREAKS:
        before = text.rfind(mark, quarter, middle)
        after = text.find(mark, middle, len(text) - quarter)
        offsets = [offset + len(mark) for offset in (before, after) if offset >= 0]
        if offsets:
            return _valid_offset(text, min(offsets, key=lambda offset: abs(offset - middle)))
    return _valid_offset(text, middle)


def _valid_offset(text: str, offset: int) -> int | None:
    return offset if text[:offset].strip() and text[offset:].strip() else None


def _combined(vectors: list[np.ndarray], weights: list[int]) -> np.ndarray:
    """The weighted mean, scaled to the length of the vectors; the first vector if they cancel out."""
    mean = np.average(vectors, axis=0, weights=weights)
    length, wanted = np.linalg.norm(mean), np.average(np.linalg.norm(vectors, axis=1), weights=weights)
    if length < wanted / 1000:
        return vectors[0]
    return (mean * (wanted / length)).astype(np.float32)


def keep_complete(texts: Sequence[str], matrix: np.ndarray, cuts: Cuts, keep: Keep) -> None:
    """Keep the vectors of wanted texts; a split text counts when all its parts have arrived."""
    pairs = zip(texts, matrix, strict=True)
    complete = dict(found for pair in pairs for found in cuts.complete(*pair))
    if complete:
        keep([*complete], np.stack([*complete.values()]))
