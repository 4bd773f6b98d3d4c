"""Which encoding a text is in that does not say it: chardet's guesses, less those under which nobody would have written it."""

import re
from itertools import islice

from documents.extraction.errors import UnreadableFile

GUESSING_LENGTH = 200_000  # bytes that are looked at
CANDIDATES, LETTERS = 8, 2_000  # that are looked at for words that nobody writes
# Near twins of more common encodings, which take their place in short texts; and what no file of a person is written in.
UNLIKELY = ("mac-turkish", "mac-iceland", "iso8859-4", "cp1006", "utf-7", "hz")
BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
# Control codes, a point that no letter carries, and one letter of East Asia within a Latin word.
NO_LETTER = re.compile(
    r"[\x80-\x84\x86-\x9f\ufffd]|(?<![\u0591-\u05ea\u064b-\u06ff])[\u0591-\u05c7\u064b-\u065f]|(?<=[a-z])[\u2e80-\uffdc](?=[a-z])"
)
# Whoever joins letters of two of these reads one alphabet as another; the scripts of East Asia join Latin ones.
ALPHABETS = tuple(
    re.compile(f"[{letters}]")
    for letters in (
        *("A-Za-z\u00c0-\u024f", "\u0370-\u03ff", "\u0400-\u052f"),  # Latin, Greek, Cyrillic
        *("\u0590-\u05ff", "\u0600-\u06ff", "\u0e00-\u0e7f"),  # Hebrew, Arabic, Thai
    )
)
STRANGE_SHARE = 0.05  # of the letters beyond ASCII


def likeliest(content: bytes) -> str:
    """Its encoding by Python's name; raises UnreadableFile where it can be none."""
    import chardet  # late: its tables are 40 MB, and most files are in UTF-8

    sample = content[:GUESSING_LENGTH]
    guesses = chardet.detect_all(
        sample,
        ignore_threshold=True,
        max_bytes=GUESSING_LENGTH,
        encoding_era=chardet.EncodingEra.ALL & ~chardet.EncodingEra.MAINFRAME,
        compat_names=False,
        exclude_encodings=UNLIKELY,
    )
    names = [guess["encoding"] for guess in guesses if guess["encoding"]]
    if not names:
        raise UnreadableFile("encoding")
    readings = ((name, sample.decode(name, errors="replace")) for name in names[:CANDIDATES])
    return next((name for name, text in readings if looks_written(text)), names[0])


def looks_written(text: str) -> bool:
    """Whether hardly a letter of it stands beside one that no word has there: of another alphabet, or a capital within."""
    beyond = [match.start() for match in islice(BEYOND_ASCII.finditer(text), LETTERS)]
    return sum(_is_strange(text, at) for at in beyond) <= STRANGE_SHARE * len(beyond)


def _is_strange(text: str, at: int) -> bool:
    if NO_LETTER.match(text, at):
        return True
    return _is_torn(text[max(at - 1, 0) : at + 1]) or _is_torn(text[at : at + 2])


def _is_torn(pair: str) -> bool:
    if not pair.isalpha() or len(pair) < 2:
        return False
    if pair[0].islower() and pair[1].isupper():
        return True
    first, second = (_alphabet_of(letter) for letter in pair)
    return first != second and None not in (first, second)


def _alphabet_of(letter: str) -> int | None:
    return next((number for number, alphabet in enumerate(ALPHABETS) if alphabet.match(letter)), None)
