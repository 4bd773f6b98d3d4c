"""Measures how much of a text is garbage: control codes, replacement characters, glyph names.

Standard library only, since the sandboxed child imports it.
"""

import re

GLYPH = r"(?:[A-Za-z]{1,2}\d{1,4}|\d{1,3})"
NAMES = {
    # pypdf writes names of glyphs without a character: /g18/g19, /D9/D1. Dates such as 3/14/2026 start with a digit.
    "/": re.compile(rf"/(?<![\w/]/){GLYPH}(?:/{GLYPH})*(?![\w/])"),
    "(cid:": re.compile(r"\(cid:\d+\)"),
}
PIECE = 100_000
# Printable ASCII except the accent, and line ends
ORDINARY = bytes({*b"\r\n", *range(ord(" "), 0x7F)} - {ord("`")})
# Not U+FFFE, which is PDFium's line-end hyphen. The others are private use or noncharacters.
CODES = re.compile(
    r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff\ufdd0-\ufdef\uffff\U000f0000-\U0010ffff]+"
)


def solid_length(text: str) -> int:
    """Count characters other than white space. Works in pieces, since split() takes five times the memory of a text."""
    pieces = (text[start : start + PIECE] for start in range(0, len(text), PIECE))
    return sum(sum(map(len, piece.split())) for piece in pieces)


def is_shorter(text: str, length: int) -> bool:
    """Whether the text has fewer characters other than white space. Reads only the start of a long text."""
    return solid_length(text[: 3 * length // 2]) < length and solid_length(text) < length


def special_letters(text: str) -> str:
    """Every accent, control code and character beyond ASCII of the text once, since this is faster to search."""
    special = text.encode(errors="surrogatepass").translate(None, ORDINARY)
    return "".join(set(special.decode(errors="surrogatepass")))


def garbled_share(text: str) -> float:
    """The share of garbage characters in the text, between 0 and 1."""
    found = 0
    for start, pattern in NAMES.items():
        if start in text:
            found += sum(len(match.group()) for match in pattern.finditer(text))
    letters = special_letters(text).replace("\ufffe", "")
    if "\ufffd" in letters or not "".join(letters.split()).isprintable():
        found += sum(len(match.group()) for match in CODES.finditer(text))
    return min(1.0, found / solid_length(text)) if found else 0.0
