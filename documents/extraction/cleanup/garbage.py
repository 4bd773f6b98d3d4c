"""Measures how much of a text is garbage: control codes, replacement characters, glyph names.

Standard library only, since the sandboxed child imports it.
"""

import re

GLYPH = r"(?:[A-Za-z]{1,2}\d{1,4}|\d{1,3})"
NAMES = (
    # pypdf writes names of glyphs without a character: /g18/g19, /D9/D1. Dates such as 3/14/2026 start with a digit.
    re.compile(rf"/(?<![\w/]/){GLYPH}(?:/{GLYPH})*(?![\w/])"),
    re.compile(r"\(cid:\d+\)"),
)
PIECE = 100_000
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
    return solid_length(text[: 3 * length]) < length and solid_length(text) < length


def garbled_share(text: str) -> float:
    """The share of garbage characters in the text, between 0 and 1."""
    found = 0
    if "/" in text or "(cid:" in text:
        found = sum(len(match.group()) for pattern in NAMES for match in pattern.finditer(text))
    if "\ufffd" in text or not "".join(text.replace("\ufffe", " ").split()).isprintable():
        found += sum(len(match.group()) for match in CODES.finditer(text))
    return min(1.0, found / solid_length(text)) if found else 0.0
