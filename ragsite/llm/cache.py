"""Data in Redis for the models: cached vectors, and small facts shared by all processes.

A call never fails because Redis is down. Errors are logged at most once a minute; Redis is then skipped for a few
seconds, while each process uses its own copy of the facts.
"""

import base64
import binascii
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import islice
from time import monotonic
from typing import Any

import numpy as np
from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger("ragsite.llm")
VECTOR_SECONDS = 24 * 3600
KEYS_AT_ONCE = 256
SKIP_SECONDS = 5
LOG_SECONDS = 60

# --- vectors


def cached_vectors(
    texts: Iterable[str], *, model: str, dimensions: int | None, as_query: bool = False
) -> dict[str, np.ndarray]:
    """The cached vectors of these texts. Damaged entries count as missing."""
    found: dict[str, np.ndarray] = {}
    for some in _slices(texts):
        keys = {_vector_key(text, model, dimensions, as_query): text for text in some}
        stored: dict[str, str] = _shared(cache.get_many, list(keys), instead=dict)
        vectors = ((keys[key], _unpack(value)) for key, value in stored.items() if key in keys)
        found.update((text, vector) for text, vector in vectors if _is_whole(vector, dimensions))
    return found


def save_vectors(
    vectors: Mapping[str, np.ndarray], *, model: str, dimensions: int | None, as_query: bool = False
) -> None:
    """Cache the vectors of these texts for a day."""
    for some in _slices(vectors):
        packed = {_vector_key(text, model, dimensions, as_query): _pack(vectors[text]) for text in some}
        _shared(cache.set_many, packed, VECTOR_SECONDS)


def forget_vectors(texts: Iterable[str], *, model: str, dimensions: int | None) -> None:
    """Delete the cached vectors of these texts."""
    for some in _slices(texts):
        _shared(cache.delete_many, [_vector_key(text, model, dimensions) for text in some])


def _vector_key(text: str, model: str, dimensions: int | None, as_query: bool = False) -> str:
    """Questions have separate keys: some models embed them differently from passages."""
    identity = f"{model}\0{dimensions or ''}\0{text}" + ("\0query" if as_query else "")
    return "llm:vector:" + sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()


def _pack(vector: np.ndarray) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def _unpack(value: object) -> np.ndarray:
    try:
        return np.frombuffer(base64.b64decode(str(value)), dtype="<f4").astype(np.float32)
    except (ValueError, binascii.Error):
        return np.empty(0, np.float32)


def _is_whole(vector: np.ndarray, dimensions: int | None) -> bool:
    with np.errstate(over="ignore"):  # the database stores half precision
        is_storable = bool(np.isfinite(vector.astype(np.float16)).all())
    return vector.size > 0 and dimensions in (None, vector.size) and is_storable


def _slices(texts: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(texts)
    while some := list(islice(remaining, KEYS_AT_ONCE)):
        yield some


# --- small facts that all processes share

LATELY_SECONDS = 0.5

_own: dict[str, tuple[float, Any]] = {}  # the values of this process, for when Redis is down
_seen: dict[str, tuple[float, Any]] = {}  # what recall_lately has found, and until when it counts


def remember(key: str, value: Any, seconds: int) -> None:
    """Share a JSON value with all processes."""
    _own[key] = (monotonic() + seconds, value)
    _seen.pop(key, None)
    _shared(cache.set, key, value, seconds)


def recall(key: str) -> Any:
    """The shared value; this process's value if Redis is down; None if there is none."""
    return _shared(cache.get, key, instead=lambda: _own_value(key))


def recall_lately(*keys: str) -> list[Any]:
    """As `recall` for several keys in one round trip, or what this process saw less than LATELY_SECONDS ago."""
    now = monotonic()
    if not all(key in _seen and _seen[key][0] > now for key in keys):
        found = _shared(cache.get_many, keys, instead=lambda: {key: _own_value(key) for key in keys})
        _seen.update({key: (now + LATELY_SECONDS, found.get(key)) for key in keys})
    return [_seen[key][1] for key in keys]


def forget(*keys: str) -> None:
    """Delete the values for all processes."""
    for key in keys:
        _own.pop(key, None)
        _seen.pop(key, None)
    _shared(cache.delete_many, keys)


def claim(key: str, seconds: int) -> bool:
    """True for one caller only, until the time is over or the key is forgotten."""
    was_mine = _own_value(key) is not None
    _seen.pop(key, None)
    is_mine = _shared(cache.add, key, 1, seconds, instead=lambda: not was_mine)
    if is_mine:
        _own[key] = (monotonic() + seconds, 1)
    return bool(is_mine)


def seconds_left(key: str) -> float:
    """For how long the value that this process shared counts; 0 if there is none."""
    return max(_own.get(key, (0.0, None))[0] - monotonic(), 0.0)


def _own_value(key: str) -> Any:
    expires, value = _own.get(key, (0.0, None))
    return value if expires > monotonic() else None


# --- when Redis is down

_away_until = 0.0
_logged_at = -float(LOG_SECONDS)


def _shared(act: Callable[..., Any], *args: Any, instead: Callable[[], Any] = lambda: None) -> Any:
    """The result of act(*args), or of `instead` while Redis is down."""
    if monotonic() >= _away_until:
        try:
            return act(*args)
        # Not Exception: the time-out of a job may be raised here and must propagate.
        except (RedisError, OSError, ValueError, TypeError) as error:
            _skip_for_a_while(error)
    return instead()


def _skip_for_a_while(error: Exception) -> None:
    global _away_until, _logged_at
    _away_until = monotonic() + SKIP_SECONDS
    if monotonic() - _logged_at >= LOG_SECONDS:
        _logged_at = monotonic()
        logger.warning("cache away (%s): going on without it", type(error).__name__)


def forget_everything_here() -> None:
    """What this process knows by itself; for tests, and nothing that Redis holds."""
    global _away_until, _logged_at
    _own.clear()
    _seen.clear()
    _away_until, _logged_at = 0.0, -float(LOG_SECONDS)
