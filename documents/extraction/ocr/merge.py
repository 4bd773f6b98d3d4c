"""Compares the text layer of a page with the text that OCR found: what each adds to the other."""

import re

from documents.extraction.cleanup.garbage import solid_length
from documents.extraction.limits import FEW_CHARACTERS

WORD = re.compile(r"\w{2,}")


def has_new_words(found: str, own: str) -> bool:
    """Whether OCR found enough words that the text layer lacks. A few may be misreadings."""
    known = _words(own)
    if not known:
        return solid_length(found) >= FEW_CHARACTERS
    return sum(map(len, set(_words(found)) - set(known))) >= FEW_CHARACTERS


def missing_lines(own: str, found: str) -> str:
    """The lines of the text layer that OCR did not find, as a stamp that is faint in the image."""
    known = set(_words(found))
    return "\n".join(line for line in own.split("\n") if _is_new(_words(line), known))


def _is_new(words: list[str], known: set[str]) -> bool:
    return 2 * sum(word not in known for word in words) > len(words)


def _words(text: str) -> list[str]:
    return WORD.findall(text.casefold())
