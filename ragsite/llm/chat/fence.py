"""Delimiters for untrusted text in a prompt, which the text can neither close nor imitate."""

import re
import secrets

NAMES = ("passage", "conversation", "document", "sentences")
LESS_THAN = "<\u02c2\u1438\u2039\u226a\u2329\u276e\u2770\u27e8\u29fc\u3008\u300a\ufe64\uff1c"
SLASH = r"/\\\u2044\u2215\u29f8\uff0f"
# White space and invisible characters: joiners, directional marks, variation selectors, tags.
UNSEEN = r"[\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e01ef]*"


def _letters(name: str) -> str:
    """Return a pattern for the name in ASCII or full-width letters, with invisible characters between them."""
    return UNSEEN.join(f"[{letter}{chr(ord(letter) + 0xFEE0)}]" for letter in name)


LOOKS_LIKE_A_MARK = re.compile(
    f"[{LESS_THAN}](?={UNSEEN}[{SLASH}]?{UNSEEN}(?:{'|'.join(map(_letters, NAMES))}))", re.IGNORECASE
)


class Fence:
    """A pair of delimiters for one prompt.

    Its random number cannot be guessed by the author of a document. Text that resembles a delimiter loses its
    bracket, so that a model does not mistake it for one.
    """

    def __init__(self, name: str) -> None:
        number = secrets.token_hex(6)
        self.opening, self.closing = f"<{name} {number}>", f"</{name} {number}>"

    def around(self, text: str) -> str:
        return f"{self.opening}\n{LOOKS_LIKE_A_MARK.sub('(', text)}\n{self.closing}"
