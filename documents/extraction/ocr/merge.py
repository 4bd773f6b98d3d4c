"""A page's own text beside what was read in its picture: which says what the other does not."""

import re

from documents.extraction.cleanup.garbage import solid_length
from documents.extraction.limits import FEW_CHARACTERS

WORD = re.compile(r"\w{2,}")


def has_new_words(read: str, own: str) -> bool:
    """Whether a page has words in its picture that its own text lacks; a few are misread ones."""
    known = _words(own)
    if not known:
        return solid_length(read) >= FEW_CHARACTERS
    return sum(map(len, set(_words(read)) - set(known))) >= FEW_CHARACTERS


def missing_lines(own: str, read: str) -> str:
    """The lines of the page's own text that were not read in its picture: a stamp that is too faint there, say."""
    known = set(_words(read))
    return "\n".join(line for line in own.split("\n") if _is_new(_words(line), known))


def _is_new(words: list[str], known: set[str]) -> bool:
    return 2 * sum(word not in known for word in words) > len(words)


def _words(text: str) -> list[str]:
    return WORD.findall(text.casefold())
