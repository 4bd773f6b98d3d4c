"""Local embeddings without an API key or a network: all-MiniLM-L6-v2 in numpy."""

import logging
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate

import numpy as np

from ragsite.llm.backends.minilm.model import POSITIONS, WIDTH, MiniLM
from ragsite.llm.backends.minilm.weights import FILES, map_tensors
from ragsite.llm.backends.minilm.wordpiece import WordPieceTokenizer
from ragsite.llm.backends.packaged_files import WeightsUnavailable

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
MAX_TOKENS = POSITIONS - 2  # word pieces of the model's input, as counted by `tokenizer`: 256

_START, _END = 101, 102  # [CLS] and [SEP]
_PIECES_AT_ONCE = 1024
_MIN_PIECES = 40  # of a batch; one of half the size takes almost as long, since all weights are read
THREADS = min(4, os.cpu_count() or 1)
_NOTHING = np.empty((0, DIMENSIONS), dtype=np.float32)

logger = logging.getLogger(__name__)


class _LazyTokenizer:
    """The model's tokenizer; the vocabulary is loaded at first use.

    Counts exclude the two special pieces that the model adds to every text. Raises WeightsUnavailable.
    """

    def count(self, text: str) -> int:
        """Return the number of word pieces."""
        return _loaded_tokenizer().count(text)

    def encode(self, text: str) -> list[int]:
        """Return the ids of the word pieces."""
        return _loaded_tokenizer().encode(text)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the start and end offsets of each word piece."""
        return _loaded_tokenizer().spans(text)


tokenizer = _LazyTokenizer()


def is_installed() -> bool:
    """Return whether the weights are there, without reading them."""
    return FILES.are_installed()


def embed(texts: Sequence[str]) -> np.ndarray:
    """Return one float32 unit vector per text, in order. Raises WeightsUnavailable.

    A text of more than MAX_TOKENS pieces is truncated with a warning in the log. Batches use several cores, also those of
    several callers together.
    """
    model, batches = load(), _batches(texts)
    if len(batches) < 2:
        return np.concatenate([model.embed(batch) for batch in batches] or [_NOTHING])
    return np.concatenate(list(_shared_threads().map(model.embed, batches)))


def load() -> MiniLM:
    """Return the model, loaded at the first call. Call it before forking workers, so that they share its memory."""
    global _model
    if _model is None:
        with _loading:
            if _model is None:
                _model = MiniLM(map_tensors())
    return _model


def _shared_threads() -> ThreadPoolExecutor:
    """The threads of this process that compute: numpy lets go of the interpreter meanwhile."""
    global _threads
    with _loading:
        if _threads is None:
            _threads = ThreadPoolExecutor(THREADS, "embed")
    return _threads


def _batches(texts: Sequence[str]) -> list[list[list[int]]]:
    """Batches of about one size, one for each thread if they fit."""
    read = [_read_pieces(text) for text in texts]
    lengths = [len(pieces) for pieces in read]
    share = -(-sum(lengths) // THREADS)
    limit = min(max(share, _MIN_PIECES), _PIECES_AT_ONCE)
    found: dict[int, list[list[int]]] = {}
    for pieces, length, end in zip(read, lengths, accumulate(lengths), strict=True):
        found.setdefault((2 * end - length) // (2 * limit), []).append(pieces)
    return list(found.values())


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
                _tokenizer = WordPieceTokenizer(FILES.read_vocabulary())
    return _tokenizer


def _renew_after_fork() -> None:
    global _loading, _threads
    _loading, _threads = threading.Lock(), None


_model: MiniLM | None = None
_tokenizer: WordPieceTokenizer | None = None
_loading = threading.Lock()
_threads: ThreadPoolExecutor | None = None
# A lock that another thread holds at the fork would never be released in the child, and threads are not there.
os.register_at_fork(after_in_child=_renew_after_fork)
