"""A text that is too long for the model is embedded in parts, and the parts' vectors make up its own."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

MIN_TOKENS = 16  # where even so short a text is refused, its length is not the reason
BREAKS = ("\n\n", "\n", ". ", " ")  # best first


@dataclass
class Cuts:
    """What was cut of the texts `wanted` in one call of embed_documents. Each part begins with `prefix`, as they do."""

    wanted: frozenset[str]
    prefix: str = ""
    parts: dict[str, tuple[str, str]] = field(default_factory=dict)
    vectors: dict[str, np.ndarray] = field(default_factory=dict)  # of texts that were cut, and of their parts

    def cut(self, text: str) -> tuple[str, str] | None:
        """The text's two parts, to be embedded in its place; None where it is a single character."""
        body = text.removeprefix(self.prefix)
        if (place := cutting_place(body)) is None:
            return None
        first, second = body[:place].strip(), body[place:].strip()
        self.parts[text] = self.prefix + first, self.prefix + second
        return self.parts[text]

    def complete(self, text: str, vector: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """The wanted ones among the text and those whose last part it is, with their vectors."""
        yield from (known for known in self._add(text, vector) if known[0] in self.wanted)

    def _add(self, text: str, vector: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        yield text, vector
        if not self.parts:
            return
        self.vectors[text] = vector
        for whole, parts in reversed(self.parts.items()):  # parts of parts come last
            if whole not in self.vectors and all(part in self.vectors for part in parts):
                self.vectors[whole] = joined([self.vectors[part] for part in parts], [*map(len, parts)])
                yield whole, self.vectors[whole]


def cutting_place(text: str) -> int | None:
    """Near the middle: after a paragraph, a line, a sentence or a word, else anywhere between two characters."""
    quarter, middle = len(text) // 4, len(text) // 2
    for mark in BREAKS:
        before = text.rfind(mark, quarter, middle)
        after = text.find(mark, middle, len(text) - quarter)
        places = [place + len(mark) for place in (before, after) if place >= 0]
        if places:
            return _with_text(text, min(places, key=lambda place: abs(place - middle)))
    return _with_text(text, middle)


def _with_text(text: str, place: int) -> int | None:
    return place if text[:place].strip() and text[place:].strip() else None


def joined(vectors: list[np.ndarray], weights: list[int]) -> np.ndarray:
    """The mean by weight, as long as the vectors themselves are. Opposite ones have none: the first stands for both."""
    mean = np.average(vectors, axis=0, weights=weights)
    length, wanted = np.linalg.norm(mean), np.average(np.linalg.norm(vectors, axis=1), weights=weights)
    if length < wanted / 1000:
        return vectors[0]
    return (mean * (wanted / length)).astype(np.float32)
