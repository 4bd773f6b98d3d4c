"""Reads the vectors out of a provider's answer, and believes nothing."""

import base64
from typing import Any

import numpy as np

from ..errors import BadResponse


def read_vectors(answer: object, *, count: int, dimensions: int | None) -> np.ndarray:
    """float32 (count, width) in the order in which the texts were sent. BadResponse for anything that cannot be right."""
    vectors = [_vector(item) for item in _in_order(answer, count)]
    widths = {vector.size for vector in vectors}
    if len(widths) != 1 or widths == {0} or dimensions not in (None, *widths):
        raise _bad(f"width {sorted(widths)[:3]} instead of {dimensions or 'one'}")
    matrix = np.stack(vectors)
    if not np.isfinite(matrix).all():
        raise _bad("not finite")
    if not matrix.any(axis=1).all():
        raise _bad("all zero")
    return matrix


def _in_order(answer: object, count: int) -> list[dict[str, Any]]:
    items = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise BadResponse("no vectors")
    if len(items) != count:
        raise _bad(f"{len(items)} instead of {count}")
    if all(item.get("index") is None for item in items):
        return items
    by_index = {item.get("index"): item for item in items if isinstance(item.get("index"), int)}
    if set(by_index) != set(range(count)):
        raise _bad("indexes do not match")
    return [by_index[number] for number in range(count)]


def _vector(item: dict[str, Any]) -> np.ndarray:
    value = item.get("embedding")
    try:
        if isinstance(value, str):
            return np.frombuffer(base64.b64decode(value, validate=True), dtype="<f4").astype(np.float32)
        with np.errstate(over="ignore"):  # a number beyond float32 becomes infinite, and is refused as such
            vector = np.asarray(value, dtype=np.float64).astype(np.float32)
    except (ValueError, TypeError, OverflowError):
        raise _bad("not numbers") from None
    if vector.ndim != 1:
        raise _bad("not a list of numbers")
    return vector


def _bad(detail: str) -> BadResponse:
    return BadResponse(detail, kind="bad_vectors")
