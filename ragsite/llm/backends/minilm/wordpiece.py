"""Text to word pieces, as the uncased BERT models read it.

The numbers are those of the `tokenizers` library, except for some signs and accents of rare scripts that Unicode
took in after 2015: Python knows them, and that library does not.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

MAX_WORD_LENGTH = 100  # a longer word is one unknown piece, as in BERT

# What separates words for BERT. Every other control character, form feed among them, is dropped.
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
    """Numbers of word pieces and, for each, where it starts and ends in the text."""

    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]


class WordPieceTokenizer:
    """Counts, numbers and places word pieces. `[CLS]` and `[SEP]`, which the model adds around a text,
    are neither given nor counted; written out in a text they are ordinary words."""

    def __init__(self, vocabulary: dict[str, int]) -> None:
        self._vocabulary = vocabulary
        self._unknown = vocabulary["[UNK]"]
        self._longest_piece = max(map(len, vocabulary))
        # Words repeat: nine in ten of a real text come from here.
        self._cached_pieces = lru_cache(maxsize=_CACHED_RUNS)(self._split_run)

    def count(self, text: str) -> int:
        """How many word pieces the text has, without the two special ones."""
        return sum(len(self._pieces(run).ids) for run in _RUN.findall(text))

    def encode(self, text: str) -> list[int]:
        """The numbers of the word pieces, without the two special ones."""
        return [number for run in _RUN.findall(text) for number in self._pieces(run).ids]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where each piece starts and ends in the text: as many as count() says, in order.

        Pieces that come from one character (a Hangul syllable, say) share its place.
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
        for word, places in _split_words(run):
            for number, start, end in self._split_word(word):
                ids.append(number)
                spans.append((places[start], places[end - 1] + 1))
        return Pieces(tuple(ids), tuple(spans))

    def _split_word(self, word: str) -> list[tuple[int, int, int]]:
        """The longest known piece from the left, again and again; one unknown piece if any part is unknown."""
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
    """Words in lower case without accents, and for each of their characters its place in the run."""
    word = ""
    places: list[int] = []
    for place, original in enumerate(run):
        for character, stands_alone in _normalise(original):
            if stands_alone and word:
                yield word, places
                word, places = "", []
            word += character
            places.append(place)
            if stands_alone:
                yield word, places
                word, places = "", []
    if word:
        yield word, places


@lru_cache(maxsize=20_000)
def _normalise(character: str) -> tuple[tuple[str, bool], ...]:
    """What a character becomes (often one, sometimes none or several), and whether each is a word by itself."""
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
    # BERT takes every ASCII sign for punctuation, also `$`, `+` and `^`.
    is_ascii_sign = character.isascii() and character.isprintable() and not character.isalnum()
    return is_ascii_sign or unicodedata.category(character).startswith("P")
