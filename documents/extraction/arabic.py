"""Arabic letters that PDFium leaves in the wrong order: a ligature turned round, a word with marks from left to right.

Where lam and alef have one place on the page, they were a ligature. A word is read from the right to the left.
"""

import ctypes
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pypdfium2.raw as pdfium_c

from documents.extraction import quick

WORD = re.compile(r"\S+")
MARK = re.compile("[\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc]")
OTHER = re.compile(r"[^\W_\u0590-\u08ff]")
LONGEST_WORD = 60
NOTHING = "\u200b"  # which is not stored, in the place of what was there twice
LAM = "\u0644"
BACK = 0.5  # points to the right of the letter before, where no letter can stand,
TWICE = 2.5  # and from the same letter beside or above it
Origin = tuple[float, float]
TURNED = re.compile("[\u0622\u0623\u0625\u0627]\u0644")


def mend_ligatures(textpage: Any, text: str, place_of: Callable[[int], int]) -> str:
    """The text with lam before alef wherever one glyph stands for both; as long as before, so that places stay."""
    if not (pairs := list(TURNED.finditer(text))):
        return text
    handle, first, second = quick.pointer(textpage.raw), pdfium_c.FS_RECTF(), pdfium_c.FS_RECTF()
    pieces, at = [], 0
    for pair in pairs:
        place = place_of(pair.start())
        quick.loose_box(handle, place, ctypes.byref(first))
        quick.loose_box(handle, place + 1, ctypes.byref(second))
        if place >= 0 and (first.left, first.right) == (second.left, second.right):
            pieces += [text[at : pair.start()], pair.group()[::-1]]
            at = pair.end()
    return "".join([*pieces, text[at:]])


def mend_marked_words(textpage: Any, text: str, place_of: Callable[[int], int]) -> str:
    """The text with the letters of each word that has marks as they stand on the page; as long as before."""
    if not MARK.search(text):
        return text
    x, y, handle = ctypes.c_double(), ctypes.c_double(), quick.pointer(textpage.raw)

    def origin_of(place: int) -> Origin:
        known = place >= 0 and quick.origin(handle, place, ctypes.byref(x), ctypes.byref(y))
        return (x.value, y.value) if known else (0.0, 0.0)

    def mended(match: re.Match[str]) -> str:
        word = match.group()
        if len(word) > LONGEST_WORD or not MARK.search(word) or OTHER.search(word):
            return word
        return from_right_to_left(word, [origin_of(place_of(match.start() + i)) for i in range(len(word))])

    return WORD.sub(mended, text)


def from_right_to_left(word: str, origins: Sequence[Origin]) -> str:
    """The word by the places of its letters, unless they run from right to left already; marks follow their letter."""
    letters = [i for i, letter in enumerate(word) if not MARK.match(letter)]
    if all(origins[b][0] - origins[a][0] < BACK for a, b in pairwise(letters)):
        return word
    keys = []
    for i, letter in enumerate(word):
        # Of a ligature, lam comes before alef.
        key = -_place_of_letter(i, letters, origins), i not in letters, letter != LAM, i
        keys.append((key, NOTHING if _is_there_twice(word, origins, i) else letter))
    return "".join(letter for _key, letter in sorted(keys))


def _place_of_letter(i: int, letters: Sequence[int], origins: Sequence[Origin]) -> float:
    """Where the letter stands that this is, or is a mark of."""
    here = origins[i][0]
    lefts = [origins[letter][0] for letter in letters]
    return here if i in letters or here in lefts else max((x for x in lefts if x <= here), default=here)


def _is_there_twice(word: str, origins: Sequence[Origin], i: int) -> bool:
    """What one piece of text stands for is given once more for each glyph of it that was shown by itself."""
    x, y = origins[i]
    return any(
        word[other] == word[i] and abs(left - x) < (BACK if height == y else TWICE)
        for other, (left, height) in enumerate(origins[:i])
    )
