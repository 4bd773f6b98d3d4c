"""How much of a text is not text: control codes, replacement characters, glyph names.

Standard library only: the limited child uses it too.
"""

import re

GLYPH = r"(?:[A-Za-z]{1,2}\d{1,4}|\d{1,3})"
NAMES = (
    # pypdf writes the names of glyphs that have no character: /g18/g19, /D9/D1. A date, 3/14/2026, has a figure before.
    re.compile(rf"/(?<![\w/]/){GLYPH}(?:/{GLYPH})*(?![\w/])"),
    re.compile(r"\(cid:\d+\)"),
)
PIECE = 100_000
# U+FFFE is PDFium's line-end hyphen, everything else up there is no character at all
CODES = re.compile(
    r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff\ufdd0-\ufdef\uffff\U000f0000-\U0010ffff]+"
)


def solid_length(text: str) -> int:
    """Characters that are not white space. Counted by pieces: the words of a long text take five times its memory."""
    pieces = (text[start : start + PIECE] for start in range(0, len(text), PIECE))
    return sum(sum(map(len, piece.split())) for piece in pieces)


def is_shorter(text: str, length: int) -> bool:
    """Whether it has fewer characters that are not white space; a long text is not looked through for it."""
    return solid_length(text[: 3 * length]) < length and solid_length(text) < length


def garbled_share(text: str) -> float:
    """Between 0 and 1: the share of the text's characters that no reader could use."""
    found = 0
    if "/" in text or "(cid:" in text:
        found = sum(len(match.group()) for pattern in NAMES for match in pattern.finditer(text))
    if "\ufffd" in text or not "".join(text.replace("\ufffe", " ").split()).isprintable():
        found += sum(len(match.group()) for match in CODES.finditer(text))
    return min(1.0, found / solid_length(text)) if found else 0.0
