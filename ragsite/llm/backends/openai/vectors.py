"""Parse and validate the vectors of a provider's answer, which is untrusted."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from ragsite.llm.errors import BadResponse

FULL, HALF = np.float64, np.float16  # the database stores half precision
MAX_WIDTH = 16_000  # of pgvector's halfvec
# Keys of the numbers on servers whose `embedding` is an object.
INSIDE = ("float", "base64", "values", "embedding", "dense")
UNASSIGNED = _("It is unclear which vector belongs to which text.")


def read_vectors(answer: object, *, count: int, dimensions: int | None) -> np.ndarray:
    """Return a float32 array (count, width) in the order of the texts. Raises BadResponse for invalid vectors."""
    vectors = [_vector(item) for item in _in_order(answer, count)]
    widths = {vector.size for vector in vectors}
    if len(widths) != 1 or widths == {0} or dimensions not in (None, *widths):
        raise wrong_width(widths, dimensions)
    if max(widths) > MAX_WIDTH:
        raise _bad(
            "too wide", format_lazy(_("At most {most} dimensions can be stored."), most=str(MAX_WIDTH))
        )
    matrix = np.stack(vectors)
    if not np.isfinite(matrix).all():
        raise _bad("not finite", _("Some values are NaN or infinite."))
    with np.errstate(over="ignore"):
        stored = matrix.astype(HALF)
    if not np.isfinite(stored).all():
        raise _bad("beyond half precision", _("Some values are too large to be stored in half precision."))
    if not stored.any(axis=1).all():
        raise _bad("all zero", _("Some vectors are all zeros."))
    return matrix.astype(np.float32)


def wrong_width(widths: set[int], wanted: int | None) -> BadResponse:
    """Return the error for vectors of these widths; all must have one width, `wanted` if it is given."""
    found = ", ".join(str(width) for width in sorted(widths)[:3])
    if not wanted or len(widths) != 1:
        reason = format_lazy(_("They differ in dimensions or are empty: {found}."), found=found)
    else:
        reason = format_lazy(
            _("They have {found} dimensions; the index needs {wanted}."), found=found, wanted=wanted
        )
    error = _bad(f"width {found} instead of {wanted or 'one'}", reason)
    error.remedy = _(
        "The server uses another model under this name, or the model cannot shorten its vectors: correct EMBEDDING_MODEL"
        " or EMBEDDING_DIMENSIONS, and build a new index."
    )
    return error


def _in_order(answer: object, count: int) -> list[object]:
    items = answer
    if isinstance(answer, dict):
        items = answer.get("data", answer.get("embeddings", [answer] if "embedding" in answer else None))
    if isinstance(items, dict):
        items = _by_kind(items)
    if not isinstance(items, list):
        raise BadResponse("no vectors")
    if len(items) != count:
        reason = format_lazy(
            _("The server returned {found} vectors for {count} texts."),
            found=str(len(items)),
            count=str(count),
        )
        raise _bad(f"{len(items)} instead of {count}", reason)
    places = _places([_index(item) for item in items])
    return [item for _place, item in sorted(zip(places, items, strict=True), key=lambda pair: pair[0])]


def _by_kind(items: dict[str, Any]) -> object:
    """The vectors of Cohere's {"embeddings": {"float": [[...], ...]}}."""
    kinds = [items[name] for name in INSIDE if isinstance(items.get(name), list)]
    return next((kind for kind in kinds if all(isinstance(item, list | str) for item in kind)), None)


def _places(indexes: Sequence[int | None]) -> list[int]:
    """The position of each item. Some servers omit an index of 0, or all of them; some count from 1."""
    count, given = len(indexes), [index for index in indexes if index is not None]
    if given and len(given) == count and set(given) == set(range(1, count + 1)):
        return [index - 1 for index in given]
    if all(index in (None, place) for place, index in enumerate(indexes)):
        return list(range(count))
    free = set(range(count)) - set(given)
    if len(set(given)) < len(given) or not set(given) <= set(range(count)) or len(free) > 1:
        raise _bad("indexes do not match", UNASSIGNED)
    return [index if index is not None else min(free) for index in indexes]


def _index(item: object) -> int | None:
    index = item.get("index") if isinstance(item, dict) else None
    if index is None or (isinstance(index, int) and not isinstance(index, bool)):
        return index
    if (isinstance(index, str) and index.isdecimal()) or (isinstance(index, float) and index.is_integer()):
        return int(index)
    raise _bad("indexes are not integers", UNASSIGNED)


def _vector(item: object) -> np.ndarray:
    """Return the item's vector, one-dimensional and in float64."""
    value = _numbers(item)
    try:
        if isinstance(value, str):
            return np.frombuffer(base64.b64decode(value, validate=True), dtype="<f4").astype(FULL)
        if not isinstance(value, list) or any(isinstance(number, bool) for number in value[:1]):
            raise TypeError
        vector = np.asarray(value, dtype=FULL)
    except (ValueError, TypeError, OverflowError):
        raise _bad("not numbers", _("They are not lists of numbers.")) from None
    if vector.ndim == 2 and len(vector) == 1:  # a list that contains a single vector
        return vector[0]
    if vector.ndim != 1:
        raise _bad(
            "not a list of numbers", _("There are several vectors for one text, such as one for each token.")
        )
    return vector


def _numbers(item: object) -> Any:
    while isinstance(item, dict):
        names = [name for name in ("embedding", *INSIDE) if name in item]
        item = item[names[0]] if names else None
    return item


def _bad(detail: str, reason: str | Promise) -> BadResponse:
    error = BadResponse(detail, kind="bad_vectors")
    error.sentence = format_lazy("{sentence} {reason}", sentence=error.sentence, reason=reason)
    return error
