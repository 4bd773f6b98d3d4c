"""Embeddings on this machine, without a key or a network: all-MiniLM-L6-v2 in numpy."""

import logging
import os
import threading
from collections.abc import Iterator, Sequence

import numpy as np

from ragsite.llm.backends.minilm.model import POSITIONS, WIDTH, MiniLM
from ragsite.llm.backends.minilm.weights import WeightsUnavailable, is_installed, map_tensors, read_vocabulary
from ragsite.llm.backends.minilm.wordpiece import WordPieceTokenizer

__all__ = [
    "DIMENSIONS",
    "MAX_TOKENS",
    "MODEL",
    "WeightsUnavailable",
    "embed",
    "is_installed",
    "load",
    "tokenizer",
]

MODEL = "all-MiniLM-L6-v2"
DIMENSIONS = WIDTH
MAX_TOKENS = POSITIONS - 2  # word pieces that the model reads, counted as `tokenizer` does: 256

_START, _END = 101, 102  # [CLS] and [SEP]
_PIECES_AT_ONCE = 1024

logger = logging.getLogger(__name__)


class _LazyTokenizer:
    """The model's own word pieces; the vocabulary is read at first use.

    Counts leave out the two pieces the model adds to every text. Raises WeightsUnavailable.
    """

    def count(self, text: str) -> int:
        """How many word pieces the text has."""
        return _loaded_tokenizer().count(text)

    def encode(self, text: str) -> list[int]:
        """The numbers of the text's word pieces."""
        return _loaded_tokenizer().encode(text)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where each word piece starts and ends in the text."""
        return _loaded_tokenizer().spans(text)


tokenizer = _LazyTokenizer()


def embed(texts: Sequence[str]) -> np.ndarray:
    """One float32 vector of length 1 per text, in the order given; raises WeightsUnavailable.

    A text of more than MAX_TOKENS pieces is read to there only, and the log says so.
    """
    model = load()
    vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
    done = 0
    for batch in _batches(texts):
        vectors[done : done + len(batch)] = model.embed(batch)
        done += len(batch)
    return vectors


def load() -> MiniLM:
    """The model, read at the first call. A process that forks workers calls this first: they then share it."""
    global _model
    if _model is None:
        with _loading:
            if _model is None:
                _model = MiniLM(map_tensors())
    return _model


def _batches(texts: Sequence[str]) -> Iterator[list[list[int]]]:
    batch: list[list[int]] = []
    size = 0
    for text in texts:
        pieces = _read_pieces(text)
        if batch and size + len(pieces) > _PIECES_AT_ONCE:
            yield batch
            batch, size = [], 0
        batch.append(pieces)
        size += len(pieces)
    if batch:
        yield batch


def _read_pieces(text: str) -> list[int]:
    pieces = tokenizer.encode(text)
    if len(pieces) > MAX_TOKENS:
        logger.warning("%s reads the first %d of a text's %d word pieces", MODEL, MAX_TOKENS, len(pieces))
    return [_START, *pieces[:MAX_TOKENS], _END]


def _loaded_tokenizer() -> WordPieceTokenizer:
    global _tokenizer
    if _tokenizer is None:
        with _loading:
            if _tokenizer is None:
                _tokenizer = WordPieceTokenizer(read_vocabulary())
    return _tokenizer


def _renew_lock() -> None:
    global _loading
    _loading = threading.Lock()


_model: MiniLM | None = None
_tokenizer: WordPieceTokenizer | None = None
_loading = threading.Lock()
# A lock that another thread held at the moment of a fork would never be released in the child.
os.register_at_fork(after_in_child=_renew_lock)
