"""What files say in characters that the database does not take, made into what it takes."""

from typing import Any

from ragsite.storable import UNSTORABLE

MAX_CHARACTERS_PER_FIELD = 2_000


def storable(value: Any) -> Any:
    """The same in what a JSON column takes: no NUL, no half characters, no endless strings."""
    if isinstance(value, dict):
        return {storable_text(str(key)): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    if isinstance(value, str):
        return storable_text(value[:MAX_CHARACTERS_PER_FIELD])
    return value


def storable_text(text: str) -> str:
    """As long as before, so that every offset stays right."""
    return UNSTORABLE.sub(" ", text)
