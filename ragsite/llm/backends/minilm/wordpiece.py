"""WordPiece tokenizer of the uncased BERT models.

The ids equal those of the `tokenizers` library, except for some punctuation and accents of rare scripts that were
added to Unicode after 2015: Python supports them, that library does not.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

MAX_WORD_LENGTH = 100  # a longer word is one unknown piece, as in BERT

# Anything but BERT's white space. All other control characters, including form feed, are dropped later.
_RUN = re.compile(r"[^ \t\n\r\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
_IDEOGRAPHS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),  # sic: BERT's reference code starts this block there
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
_CACHED_RUNS = 30_000
_LONGEST_CACHED_RUN = 40


class Pieces(NamedTuple):
    """The ids of word pieces, and their start and end offsets in the text."""

    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]


class WordPieceTokenizer:
    """Count, encode and locate word pieces.

    The special pieces `[CLS]` and `[SEP]`, which the model adds to a text, are not included; in a text they are
    ordinary words.
    """

    def __init__(self, vocabulary: dict[str, int]) -> None:
        self._vocabulary = vocabulary
        self._unknown = vocabulary["[UNK]"]
        self._longest_piece = max(map(len, vocabulary))
        # Words repeat: the hit rate is nine in ten for real texts.
        self._cached_pieces = lru_cache(maxsize=_CACHED_RUNS)(self._split_run)

    def count(self, text: str) -> int:
        """Return the number of word pieces, without the two special ones."""
        return sum(len(self._pieces(run).ids) for run in _RUN.findall(text))

    def encode(self, text: str) -> list[int]:
        """Return the ids of the word pieces, without the two special ones."""
        return [number for run in _RUN.findall(text) for number in self._pieces(run).ids]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the start and end offsets of each piece, in order; their number equals `count`.

        Pieces of a single character, such as a Hangul syllable, share its offsets.
        """
        return [
            (match.start() + start, match.start() + end)
            for match in _RUN.finditer(text)
            for start, end in self._pieces(match.group()).spans
        ]

    def _pieces(self, run: str) -> Pieces:
        return self._cached_pieces(run) if len(run) <= _LONGEST_CACHED_RUN else self._split_run(run)

    def _split_run(self, run: str) -> Pieces:
        ids: list[int] = []
        spans: list[tuple[int, int]] = []
        for word, offsets in _split_words(run):
            for number, start, end in self._split_word(word):
                ids.append(number)
                spans.append((offsets[start], offsets[end - 1] + 1))
        return Pieces(tuple(ids), tuple(spans))

    def _split_word(self, word: str) -> list[tuple[int, int, int]]:
        """Match the longest known piece repeatedly from the left; the whole word is unknown if any part is."""
        pieces = []
        start = 0
        while start < len(word) <= MAX_WORD_LENGTH:
            piece = self._longest_piece_at(word, start)
            if piece is None:
                break
            pieces.append((piece[0], start, piece[1]))
            start = piece[1]
        return pieces if start == len(word) else [(self._unknown, 0, len(word))]

    def _longest_piece_at(self, word: str, start: int) -> tuple[int, int] | None:
        prefix = "##" if start else ""
        for end in range(min(len(word), start + self._longest_piece), start, -1):
            number = self._vocabulary.get(prefix + word[start:end])
            if number is not None:
                return number, end
        return None


def _split_words(run: str) -> Iterator[tuple[str, list[int]]]:
    """Yield lower-case words without accents, with the offset of each character in the run."""
    word = ""
    offsets: list[int] = []
    for offset, original in enumerate(run):
        for character, is_word in _normalise(original):
            if is_word and word:
                yield word, offsets
                word, offsets = "", []
            word += character
            offsets.append(offset)
            if is_word:
                yield word, offsets
                word, offsets = "", []
    if word:
        yield word, offsets


@lru_cache(maxsize=20_000)
def _normalise(character: str) -> tuple[tuple[str, bool], ...]:
    """Return the characters that replace this one, and whether each is a word by itself."""
    if _is_dropped(character):
        return ()
    if _is_ideograph(character):
        return ((unicodedata.normalize("NFD", character), True),)
    decomposed = unicodedata.normalize("NFD", character)
    kept = "".join(part for part in decomposed if unicodedata.category(part) != "Mn")
    return tuple((part, _is_punctuation(part)) for part in kept.lower())


def _is_dropped(character: str) -> bool:
    return character == "\ufffd" or unicodedata.category(character) in ("Cc", "Cf", "Co")


def _is_ideograph(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in _IDEOGRAPHS)


def _is_punctuation(character: str) -> bool:
    # BERT treats every ASCII symbol as punctuation, including `$`, `+` and `^`.
    is_ascii_sign = character.isascii() and character.isprintable() and not character.isalnum()
    return is_ascii_sign or unicodedata.category(character).startswith("P")
