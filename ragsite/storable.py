"""Text from outside, made into what the database and every page can hold: the one gate for words of models and people."""

import re

# PostgreSQL stores no NUL, and half of a surrogate pair is no character in any encoding.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable_text(text: str) -> str:
    """NUL is left out, two halves of a character become one, and a half by itself becomes the replacement character."""
    if not UNSTORABLE.search(text):
        return text
    halves = text.replace("\0", "").encode("utf-16-le", "surrogatepass")
    return halves.decode("utf-16-le", "replace")


class StorableStream:
    """The same for a text that comes in pieces, where a character may be split between two of them."""

    def __init__(self) -> None:
        self._half = ""

    def feed(self, piece: str) -> str:
        """What is certain by now."""
        piece, self._half = self._half + piece, ""
        if piece and "\ud800" <= piece[-1] <= "\udbff":
            piece, self._half = piece[:-1], piece[-1]
        return storable_text(piece)

    def flush(self) -> str:
        """What was held back at the end."""
        rest, self._half = self._half, ""
        return storable_text(rest)
