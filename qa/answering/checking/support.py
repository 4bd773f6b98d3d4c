"""How well the sources support a sentence: by its words, and by its vector where words alone do not tell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from documents.ingestion.sentences import sentences
from documents.models import Index
from qa.retrieval.chunk import RetrievedChunk
from qa.retrieval.stop_words import STOP_WORDS, WORD, Weights, content_words
from ragsite import llm

MAX_COMPARED = 12  # sentences, each with the place nearest to it: 24 texts to embed
UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]{2,}"
)
SHORT_WORD = 4  # letters: most function words of most languages have no more
MIN_SHORT_WORDS = 6
MIN_SHARED = 0.34  # of an answer's short words, if it is in the language of its sources


def words_of(text: str) -> list[str]:
    """Return the stems of a text; where words have no space between them, its pairs of signs."""
    pairs = [a + b for run in UNSPACED.findall(text) for a, b in pairwise(run)]
    return content_words(UNSPACED.sub(" ", text)) + pairs if pairs else content_words(text)


def is_same_language(answer: str, texts: Iterable[str]) -> bool:
    """Whether an answer is likely in its sources' language: it shares their short words, and their script."""
    short = {word.lower() for word in WORD.findall(answer) if len(word) <= SHORT_WORD and word.isalpha()}
    short = {word for word in short if not UNSPACED.match(word)}
    sources = " ".join(texts)
    if bool(UNSPACED.search(answer)) != bool(UNSPACED.search(sources)):
        return False
    known = (
        {word.lower() for word in WORD.findall(sources)} | STOP_WORDS
        if _is_english(sources)
        else {word.lower() for word in WORD.findall(sources)}
    )
    return len(short) < MIN_SHORT_WORDS or len(short & known) >= MIN_SHARED * len(short)


def _is_english(text: str) -> bool:
    words = [word.lower() for word in WORD.findall(text[:20_000])]
    return sum(word in STOP_WORDS for word in words) > 0.25 * len(words)


class Window(NamedTuple):
    """A few neighbouring sentences of a source."""

    number: int
    text: str
    words: list[str]


class Support:
    """Compares sentences with the sources of one answer."""

    def __init__(self, sources: Sequence[RetrievedChunk], index: Index | None) -> None:
        self._index = index
        self._windows = {source.number: _windows(source) for source in sources}
        self._titles = {
            source.number: words_of(" ".join([source.document_title, *source.heading_path]))
            for source in sources
        }
        self._weights = Weights([window.words for found in self._windows.values() for window in found])

    def by_words(self, text: str, numbers: Sequence[int]) -> float:
        """Return from 0 to 1 how much of the sentence, by weight, stands in these sources, and how much of it together."""
        wanted = words_of(text)
        if not wanted:
            return 1.0
        whole = {word for number in numbers for word in self._titles.get(number, ())}
        whole.update(
            word for number in numbers for window in self._windows.get(number, ()) for word in window.words
        )
        best = self._best(wanted, numbers)
        together = self._overlap(wanted, best) if best else 0.0
        return (self._weights.overlap(wanted, whole) + together) / 2

    def by_meaning(self, cited: Sequence[tuple[str, Sequence[int]]]) -> list[float]:
        """Return the similarity of each sentence to the place in its sources that shares most words with it.

        Empty unless the index's model is local; only the first MAX_COMPARED sentences are compared.
        """
        if not cited or not self._index or not llm.embedding_model(self._index.embedding_model).is_local:
            return []
        texts = [text for text, _numbers in cited[:MAX_COMPARED]]
        best = [self._best(words_of(text), numbers) for text, numbers in cited[:MAX_COMPARED]]
        vectors = self._index.embed_passages([*texts, *(window.text if window else " " for window in best)])
        similarities = np.sum(vectors[: len(texts)] * vectors[len(texts) :], axis=1)
        return [float(near) if window else 0.0 for near, window in zip(similarities, best, strict=True)]

    def _best(self, wanted: Sequence[str], numbers: Sequence[int]) -> Window | None:
        windows = [window for number in numbers for window in self._windows.get(number, ())]
        return max(windows, key=lambda window: self._overlap(wanted, window), default=None)

    def _overlap(self, wanted: Sequence[str], window: Window) -> float:
        return self._weights.overlap(wanted, [*window.words, *self._titles[window.number]])


def _windows(source: RetrievedChunk) -> list[Window]:
    """Return every two neighbouring sentences of a source."""
    spans = sentences(source.text)
    if len(spans) > 1:
        spans = [(first[0], second[1]) for first, second in pairwise(spans)]
    texts = [source.text[start:end] for start, end in spans]
    return [Window(source.number, text, words_of(text)) for text in texts]
