"""Detect an undeclared encoding: chardet's candidates without those that yield implausible text."""

import re
from itertools import islice

from documents.extraction.errors import UnreadableFile

SAMPLE_LENGTH = 200_000  # bytes examined
CANDIDATES, LETTERS = 8, 2_000  # candidates, and letters of each, that are checked
# Near duplicates of more common encodings, which would win for short texts, and encodings that no documents use.
UNLIKELY = ("mac-turkish", "mac-iceland", "iso8859-4", "cp1006", "utf-7", "hz")
BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
# Control codes, combining points without a base letter, and an East Asian letter inside a Latin word.
IMPLAUSIBLE_CHARACTER = re.compile(
    r"[\x80-\x84\x86-\x9f\ufffd]|(?<![\u0591-\u05ea\u064b-\u06ff])[\u0591-\u05c7\u064b-\u065f]|(?<=[a-z])[\u2e80-\uffdc](?=[a-z])"
)
# Adjacent letters of two of these are a sign of the wrong encoding. East Asian scripts do mix with Latin.
ALPHABETS = tuple(
    re.compile(f"[{letters}]")
    for letters in (
        *("A-Za-z\u00c0-\u024f", "\u0370-\u03ff", "\u0400-\u052f"),  # Latin, Greek, Cyrillic
        *("\u0590-\u05ff", "\u0600-\u06ff", "\u0e00-\u0e7f"),  # Hebrew, Arabic, Thai
    )
)
MAX_IMPLAUSIBLE_SHARE = 0.05  # of the non-ASCII letters


def detect_encoding(content: bytes) -> str:
    """Return the likeliest encoding by its Python name. Raises UnreadableFile if there is no candidate."""
    import chardet  # imported on use: its tables take 40 MB, and most files are UTF-8

    sample = content[:SAMPLE_LENGTH]
    guesses = chardet.detect_all(
        sample,
        ignore_threshold=True,
        max_bytes=SAMPLE_LENGTH,
        encoding_era=chardet.EncodingEra.ALL & ~chardet.EncodingEra.MAINFRAME,
        compat_names=False,
        exclude_encodings=UNLIKELY,
    )
    names = [guess["encoding"] for guess in guesses if guess["encoding"]]
    if not names:
        raise UnreadableFile("encoding")
    readings = ((name, sample.decode(name, errors="replace")) for name in names[:CANDIDATES])
    return next((name for name, text in readings if is_plausible(text)), names[0])


def is_plausible(text: str) -> bool:
    """Whether few letters have implausible neighbours: another alphabet, or a capital inside a word."""
    beyond = [match.start() for match in islice(BEYOND_ASCII.finditer(text), LETTERS)]
    return sum(_is_implausible(text, at) for at in beyond) <= MAX_IMPLAUSIBLE_SHARE * len(beyond)


def _is_implausible(text: str, at: int) -> bool:
    if IMPLAUSIBLE_CHARACTER.match(text, at):
        return True
    return _is_implausible_pair(text[max(at - 1, 0) : at + 1]) or _is_implausible_pair(text[at : at + 2])


def _is_implausible_pair(pair: str) -> bool:
    if not pair.isalpha() or len(pair) < 2:
        return False
    if pair[0].islower() and pair[1].isupper():
        return True
    first, second = (_alphabet_of(letter) for letter in pair)
    return first != second and None not in (first, second)


def _alphabet_of(letter: str) -> int | None:
    return next((number for number, alphabet in enumerate(ALPHABETS) if alphabet.match(letter)), None)
