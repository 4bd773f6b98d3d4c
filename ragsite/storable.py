"""Normalize text from files, models and people to what PostgreSQL and UTF-8 pages can hold."""

import re
from typing import Any

# PostgreSQL rejects NUL, and an unpaired surrogate has no encoding.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
MAX_CHARACTERS_PER_FIELD = 2_000


def storable_text(text: str) -> str:
    """Drop NUL, join surrogate pairs, and replace an unpaired surrogate with U+FFFD."""
    if not UNSTORABLE.search(text):
        return text
    halves = text.replace("\0", "").encode("utf-16-le", "surrogatepass")
    return halves.decode("utf-16-le", "replace")


def storable_at_same_length(text: str) -> str:
    """Replace each unstorable character with a space, so that offsets into the text stay valid."""
    return UNSTORABLE.sub(" ", text)


def storable_json(value: Any) -> Any:
    """Make every string of a JSON value storable, and cut string values to a fixed length."""
    if isinstance(value, dict):
        return {storable_at_same_length(str(key)): storable_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable_json(item) for item in value]
    if isinstance(value, str):
        return storable_at_same_length(value[:MAX_CHARACTERS_PER_FIELD])
    return value


class StorableStream:
    """`storable_text` for a text in pieces, where a surrogate pair may be split between two of them."""

    def __init__(self) -> None:
        self._half = ""

    def feed(self, piece: str) -> str:
        """Return the storable text so far, holding back a trailing high surrogate."""
        piece, self._half = self._half + piece, ""
        if piece and "\ud800" <= piece[-1] <= "\udbff":
            piece, self._half = piece[:-1], piece[-1]
        return storable_text(piece)

    def flush(self) -> str:
        """Return what `feed` held back."""
        rest, self._half = self._half, ""
        return storable_text(rest)
