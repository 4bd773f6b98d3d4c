"""The forward pass: from word pieces to one vector per text.

A batch is concatenated without padding: the dense layers process all its pieces at once, attention one text at a
time. A text's vector therefore does not depend on the other texts of its batch.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

WIDTH = 384
LAYERS = 6
HEADS = 12
HEAD_WIDTH = WIDTH // HEADS
# 256 word pieces and the two special ones. The file has 512 positions, but the model was not trained on longer texts.
POSITIONS = 258
NORM_EPSILON = 1e-12

# Sized so that the working set fits the processor's L2 cache.
_GELU_ROWS = 32
_SCORES_AT_ONCE = 150_000
# Below this, BLAS is a quarter faster with the weights on the left. Questions are below it, chunks above.
_FEW_ROWS = 100
# exp() of at most this, summed over a text and weighted, is far from the limits of float32.
_SAFE_EXPONENT = 60.0

# erf(x / sqrt 2) as tanh(x * (a + b x^2 + c x^4)): the GELU's error is at most 2.5e-5, against 4.7e-4 with the usual
# tanh approximation. Beyond x^2 = 20 it is 1 in float32.
_GELU = (0.79750788, 0.037005648, -0.00035151703)
_GELU_LIMIT = 20.0


class Dense(NamedTuple):
    weight: np.ndarray  # (outputs, inputs), as in the file: it stays mapped, so processes share its memory
    bias: np.ndarray

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        if len(rows) < _FEW_ROWS:
            result = np.ascontiguousarray((self.weight @ rows.T).T)
        else:
            result = rows @ self.weight.T
        result += self.bias
        return result


class Norm(NamedTuple):
    weight: np.ndarray
    bias: np.ndarray

    def in_place(self, rows: np.ndarray) -> np.ndarray:
        rows -= rows.mean(axis=1, keepdims=True)
        variance = np.einsum("ij,ij->i", rows, rows) / WIDTH
        rows *= (1.0 / np.sqrt(variance + NORM_EPSILON))[:, None]
        rows *= self.weight
        rows += self.bias
        return rows


class Layer(NamedTuple):
    """One of the six transformer layers."""

    projections: Dense  # queries, keys and values side by side; queries already divided by sqrt(head width)
    attention_output: Dense
    attention_norm: Norm
    widen: Dense
    narrow: Dense
    output_norm: Norm

    def __call__(self, hidden: np.ndarray, bounds: Sequence[tuple[int, int]]) -> np.ndarray:
        attended = self.attention_output(_attend(self.projections(hidden), bounds))
        attended += hidden
        attended = self.attention_norm.in_place(attended)
        result = self.narrow(_gelu_in_place(self.widen(attended)))
        result += attended
        return self.output_norm.in_place(result)


class MiniLM:
    """The model; thread-safe."""

    def __init__(self, tensors: Mapping[str, np.ndarray]) -> None:
        self._words = tensors["embeddings.word_embeddings.weight"]
        self._positions = (
            tensors["embeddings.position_embeddings.weight"][:POSITIONS]
            + tensors["embeddings.token_type_embeddings.weight"][0]
        )
        self._norm = _norm(tensors, "embeddings.LayerNorm")
        self._layers = [_layer(tensors, f"encoder.layer.{number}") for number in range(LAYERS)]

    def embed(self, texts: Sequence[Sequence[int]]) -> np.ndarray:
        """Return one unit vector per list of piece ids (1 to POSITIONS of them, including the special ones)."""
        lengths = np.array([len(pieces) for pieces in texts])
        ends = np.cumsum(lengths)
        starts = ends - lengths
        hidden = self._words[np.concatenate([np.asarray(pieces) for pieces in texts])]
        hidden += self._positions[np.concatenate([np.arange(length) for length in lengths])]
        hidden = self._norm.in_place(hidden)
        bounds = list(zip(starts.tolist(), ends.tolist(), strict=True))
        for layer in self._layers:
            hidden = layer(hidden, bounds)
        # The sum replaces the mean: its divisor cancels out in the normalization.
        vectors = np.add.reduceat(hidden, starts, axis=0)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


def _attend(projected: np.ndarray, bounds: Sequence[tuple[int, int]]) -> np.ndarray:
    result = np.empty((len(projected), WIDTH), dtype=np.float32)
    for start, end in bounds:
        queries, keys, values = _by_head(projected[start:end], 3)
        (attended,) = _by_head(result[start:end], 1)
        is_safe = _largest_score(queries, keys) < _SAFE_EXPONENT
        step = max(1, _SCORES_AT_ONCE // (end - start) ** 2)
        for head in range(0, HEADS, step):
            some = slice(head, head + step)
            _attend_with_heads(queries[some], keys[some], values[some], is_safe=is_safe, out=attended[some])
    return result


def _by_head(rows: np.ndarray, parts: int) -> np.ndarray:
    return rows.reshape(len(rows), parts, HEADS, HEAD_WIDTH).transpose(1, 2, 0, 3)


def _largest_score(queries: np.ndarray, keys: np.ndarray) -> float:
    """Return an upper bound of the scores: the largest query norm times the largest key norm of any head."""
    squares = (np.einsum("htw,htw->ht", rows, rows).max(axis=1) for rows in (queries, keys))
    return float(np.sqrt(np.prod(list(squares), axis=0).max()))


def _attend_with_heads(
    queries: np.ndarray, keys: np.ndarray, values: np.ndarray, *, is_safe: bool, out: np.ndarray
) -> None:
    scores = queries @ keys.transpose(0, 2, 1)
    # The maxima cost a fifth of attention's time, and only one layer of six needs them.
    if not is_safe:
        scores -= scores.max(axis=2, keepdims=True)
    np.exp(scores, out=scores)
    # Dividing the results by the sum is cheaper than dividing every score.
    np.divide(scores @ values, scores.sum(axis=2, keepdims=True), out=out)


def _gelu_in_place(rows: np.ndarray) -> np.ndarray:
    a, b, c = _GELU
    for start in range(0, len(rows), _GELU_ROWS):
        x = rows[start : start + _GELU_ROWS]
        square = x * x
        np.minimum(square, _GELU_LIMIT, out=square)
        gate = square * c
        gate += b
        gate *= square
        gate += a
        gate *= x
        np.tanh(gate, out=gate)
        gate += 1
        gate *= 0.5
        x *= gate
    return rows


def _layer(tensors: Mapping[str, np.ndarray], name: str) -> Layer:
    return Layer(
        projections=_projections(tensors, f"{name}.attention.self"),
        attention_output=_dense(tensors, f"{name}.attention.output.dense"),
        attention_norm=_norm(tensors, f"{name}.attention.output.LayerNorm"),
        widen=_dense(tensors, f"{name}.intermediate.dense"),
        narrow=_dense(tensors, f"{name}.output.dense"),
        output_norm=_norm(tensors, f"{name}.output.LayerNorm"),
    )


def _projections(tensors: Mapping[str, np.ndarray], name: str) -> Dense:
    query, key, value = (_dense(tensors, f"{name}.{part}") for part in ("query", "key", "value"))
    scale = np.float32(HEAD_WIDTH**-0.5)
    return Dense(
        np.vstack([query.weight * scale, key.weight, value.weight]),
        np.hstack([query.bias * scale, key.bias, value.bias]),
    )


def _dense(tensors: Mapping[str, np.ndarray], name: str) -> Dense:
    return Dense(tensors[f"{name}.weight"], tensors[f"{name}.bias"])


def _norm(tensors: Mapping[str, np.ndarray], name: str) -> Norm:
    return Norm(tensors[f"{name}.weight"], tensors[f"{name}.bias"])
