"""Decodes symbols and accents of TeX fonts, whose glyph names PDFium does not know.

PDFium then reads the glyph code as a character: the prime of f′ as 0, the bars of ‖x‖ as k, a sum as X, the square at the
end of a proof as a control code. Accents are separate glyphs printed over their letter: "Universit¨at".
"""

import ctypes
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium_c

from documents.extraction.pdf import fast_calls
from documents.extraction.pdf.piecewise import Piecewise, PlaceOf

# Keys are what PDFium returns. Extensible symbols occur once per size.
NOT = "\u0338"  # printed over the following symbol
BRACKETS = "()[]⌊⌋⌈⌉{}⟨⟩"
SYMBOLS = dict(zip("0khibcde`alm3<=45t'uvwqr", "′‖⟨⟩⌊⌋⌈⌉⊢⊣↕⇕∋ℜℑ△▽⊔≃⊓⊑⊒⨿∇", strict=True)) | dict(
    zip("\x07\t\x0b\x0c\x10\x16\x17\x1c\x1d\x1e\x1f", "∓⊖⊘⊙≍⪯⪰≪≫≺≻", strict=True)
)
SYMBOLS |= {
    "6": NOT,
    "7": "↦",
}
EXTENSIBLE = {
    **{chr(code): sign for size in (0, 0x12, 0x20) for code, sign in enumerate(BRACKETS, size)},
    **dict(zip("\x0c\r\x0e\x0f\x10\x11\x1e\x1f,-./", "∣∥/\\()/\\/\\/\\", strict=True)),
    **dict(zip("DEFGHIJKLMNO", "⟨⟩⊔⊔∮∮⊙⊙⊕⊕⊗⊗", strict=True)),
    **dict(zip("PQRSTUVWXYZ[\\]^_`a", "∑∏∫⋃⋂⊎⋀⋁∑∏∫⋃⋂⊎⋀⋁∐∐", strict=True)),
    **dict(zip("hijklmnopqrsz{|}", "[]⌊⌋⌈⌉{}√√√√︷︷︸︸", strict=True)),
}
FIRST_OF_AMS = dict(zip("\x03\x04\x06\x07)*6>&4<CBED]X", "□■◊⧫∴∵⩽⩾≳≼≽⊲⊳⊴⊵∡✓", strict=True))
SECOND_OF_AMS = dict(zip("()*+@no", "⊊⊋⊈⊉∄⋉⋊", strict=True))
FONT = re.compile(rb"(?:^|.*\+)(CMB?SY|CMEX|MSAM|MSBM)\d*$")
SYMBOLS_OF_FONT = {
    b"CMSY": SYMBOLS,
    b"CMBSY": SYMBOLS,
    b"CMEX": EXTENSIBLE,
    b"MSAM": FIRST_OF_AMS,
    b"MSBM": SECOND_OF_AMS,
}
CONTROL = r"[\x01-\x08\t\v\f\x0e-\x1f]"
END_OF_LINE = r"\r(?!\n)|(?<!\r)\n"  # a glyph with this code, since PDFium ends lines with both
# Without space, full stop, comma and hyphen: too slow for the brackets and bars of one size that they encode.
PRINTABLE = "".join(
    sorted({sign for signs in SYMBOLS_OF_FONT.values() for sign in signs if sign >= " "} - {*" ,-."})
)
# Characters that may be such a symbol. Longer words are skipped.
SIGN = re.compile(rf"[^\W\d_]{{4,}}|{CONTROL}|{END_OF_LINE}|[{re.escape(PRINTABLE)}]")
MATH = re.compile(rf"{CONTROL}|[\u0391-\u03f5\u2190-\u22ff\uf8e0-\uf8ff]")  # PDFium knows some glyph names
MAX_NAME_LENGTH = 128

ACCENTS = dict(
    zip("¨´`ˇ˘¯˚˝˙˜ˆ", "\u0308\u0301\u0300\u030c\u0306\u0304\u030a\u030b\u0307\u0303\u0302", strict=True)
)
ACCENT = re.compile(f"[{''.join(ACCENTS)}]")
DOTLESS = {"ı": "i", "ȷ": "j"}


class Change(NamedTuple):
    """A replacement for a range of the text, and the offset of the glyph that gives its place on the page."""

    start: int
    end: int
    replacement: str
    origin: int


def replace_tex_glyphs(textpage: Any, text: str, letters: str, place_of: PlaceOf) -> tuple[str, PlaceOf]:
    """Return the text with decoded symbols and accents, and PDFium's index of each of its characters.

    `letters` has all control codes, accents and letters beyond ASCII of the text, to look for these quickly.
    """
    changes: list[Change] = []
    if MATH.search(letters):
        changes += _symbols(textpage, text, place_of)
    if ACCENT.search(letters):
        changes += _accents(textpage, text, place_of)
    if not changes:
        return text, place_of
    replaced, after = Piecewise(), 0
    for change in sorted(changes):
        if change.start < after:
            continue
        replaced.add(text[after : change.start], after)
        for letter in change.replacement:
            replaced.add(letter, change.origin)
        after = change.end
    replaced.add(text[after:], after)
    return replaced.text, replaced.compose(place_of)


def _symbols(textpage: Any, text: str, place_of: PlaceOf) -> Iterator[Change]:
    symbols_at = None
    for match in SIGN.finditer(text):
        at, sign = match.start(), match.group()
        if len(sign) > 1 or (place := place_of(at)) < 0:
            continue
        symbols_at = symbols_at or _font_reader(textpage)
        if replacement := symbols_at(place).get(sign):
            yield _change(at, replacement, text[at + 1 : at + 2])


def _change(at: int, replacement: str, after: str) -> Change:
    if replacement == NOT and not after.isspace():
        return Change(at, at + 1 + len(after), unicodedata.normalize("NFC", after + NOT), at)
    if replacement + after == "↦→":  # the first glyph is only the start of the arrow
        return Change(at, at + 2, replacement, at)
    return Change(at, at + 1, replacement, at)


def _font_reader(textpage: Any) -> Any:
    """A function that maps PDFium's index of a character to the symbols of its font."""
    handle, name = fast_calls.pointer(textpage.raw), ctypes.create_string_buffer(MAX_NAME_LENGTH)

    def symbols_at(place: int) -> dict[str, str]:
        length = fast_calls.font_info(handle, place, name, MAX_NAME_LENGTH, None)
        return _symbols_of(name.value) if 0 < length <= MAX_NAME_LENGTH else {}

    return symbols_at


@lru_cache(256)
def _symbols_of(font: bytes) -> dict[str, str]:
    match = FONT.match(font)
    return SYMBOLS_OF_FONT[match[1]] if match else {}


def _accents(textpage: Any, text: str, place_of: PlaceOf) -> Iterator[Change]:
    handle, box = fast_calls.pointer(textpage.raw), pdfium_c.FS_RECTF()
    at_box = ctypes.byref(box)

    def sides(at: int) -> tuple[float, float]:
        place = place_of(at)
        return (
            (box.left, box.right)
            if place >= 0 and fast_calls.loose_box(handle, place, at_box)
            else (0.0, 0.0)
        )

    for match in ACCENT.finditer(text):
        at, (left, right) = match.start(), sides(match.start())
        middle = (left + right) / 2
        for near in (at - 1, at + 1):
            if not 0 <= near < len(text) or not text[near].isalpha():
                continue
            letter_left, letter_right = sides(near)
            if letter_left < middle < letter_right:
                letter = DOTLESS.get(text[near], text[near]) + ACCENTS[match.group()]
                yield Change(min(at, near), max(at, near) + 1, unicodedata.normalize("NFC", letter), near)
                break
