"""Read whole numbers from query strings and forms."""

from __future__ import annotations

from collections.abc import Iterable

MAX_INTEGER = 2**31 - 1  # of PostgreSQL's integer
MAX_KEY = 2**63 - 1  # of its bigint: primary keys


def whole_number(text: str | None, *, limit: int = MAX_INTEGER) -> int | None:
    """Return the number, at most `limit`; None for a missing or any other text."""
    if not text or not (text.isascii() and text.isdecimal()):
        return None
    return min(int(text[:20]), limit)


def primary_keys(texts: Iterable[str]) -> list[int]:
    """Return the keys that were sent, without anything that is no number."""
    numbers = (whole_number(text, limit=MAX_KEY) for text in texts)
    return [number for number in numbers if number is not None]
