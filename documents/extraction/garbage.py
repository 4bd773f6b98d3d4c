"""How much of a text is not text: control codes, replacement characters, glyph names.

Standard library only: the limited child uses it too.
"""

import re

# pypdf writes the names of glyphs that have no character: /g18/g19, /D9/D1. A date, 3/14/2026, has a figure before.
GLYPH = r"(?:[A-Za-z]{1,2}\d{1,4}|\d{1,3})"
GARBAGE = re.compile(
    rf"/(?<![\w/]/){GLYPH}(?:/{GLYPH})*(?![\w/])|\(cid:\d+\)|[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff"
    # U+FFFE is PDFium's line-end hyphen, everything else up there is no character at all
    r"\ufdd0-\ufdef\uffff\U000f0000-\U0010ffff]"
)


def solid_length(text: str) -> int:
    """Characters that are not white space."""
    return sum(map(len, text.split()))


def garbled_share(text: str) -> float:
    """Between 0 and 1: the share of the text's characters that no reader could use."""
    found = sum(len(match.group()) for match in GARBAGE.finditer(text))
    return min(1.0, found / solid_length(text)) if found else 0.0
