"""Folds characters into those that a person would type, and drops those that are never stored."""

import re
import unicodedata

# Control codes (PostgreSQL rejects NUL), noncharacters, surrogates, and marks that only control layout.
NEVER_STORED = (
    r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb\ufffe\uffff"
    r"\ufdd0-\ufdef\ud800-\udfff"
)
REMOVED = re.compile(f"[{NEVER_STORED}]+")
NEVER_AT_ENDS = "".join(c for c in map(chr, range(0x10000)) if c.isspace() or REMOVED.match(c))
FOLDED = re.compile(
    rf"(?P<removed>{REMOVED.pattern})"
    rf"|(?P<gap>[^\S\n](?:[^\S\n]|[{NEVER_STORED}])+|[^\S\n ])"
    r"|(?P<hyphen>\u00ad)"
    # PDFium reverses the ligature of lam and alef. After an alef, an alef with hamza can only come from one.
    r"|(?P<ligature>(?<=\u0627)[\u0622\u0623\u0625]\u0644)"
    # Latin, Armenian, Hebrew and Arabic presentation forms, and radicals used as characters
    r"|(?P<form>[\ufb00-\ufb4f\ufb50-\ufdcf\ufdf0-\ufdfb\ufe70-\ufefc\u2e80-\u2fd5]+)"
    rf"|(?P<accented>[^\W\d_](?:[{NEVER_STORED}]*[\u0300-\u036f])+)"
)


# Printable characters that must be folded.
FOLDABLE = re.compile(
    r"[\u0622\u0623\u0625\u0300-\u036f\u2e80-\u2fd5\ufb00-\ufdcf\ufdf0-\ufdfb\ufe70-\ufefc]"
)


def fold(text: str) -> str:
    """Replace characters by those that a person would type. Folding twice changes nothing."""
    return "".join(piece for piece, _start in folded_pieces(text, 0, len(text)))


def folded_pieces(text: str, start: int, end: int) -> list[tuple[str, int]]:
    """Split the folded range into pieces: text and its offset in the raw text, or -1 for replacements."""
    whole = text[start:end]
    if whole.isprintable() and "  " not in whole and (whole.isascii() or not FOLDABLE.search(whole)):
        return [(whole, start)] if whole else []
    pieces: list[tuple[str, int]] = []
    at = start
    for match in FOLDED.finditer(text, start, end):
        if match.start() > at:
            pieces.append((text[at : match.start()], at))
        at = match.end()
        if replacement := _replacement(match):
            pieces.append((replacement, -1))
    if at < end:
        pieces.append((text[at:end], at))
    return pieces


def _replacement(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "removed":
        return ""
    if kind == "gap":
        return " "
    if kind == "hyphen":
        return "-"  # inside a line, a soft hyphen was printed as a hyphen
    if kind == "ligature":
        return match.group()[::-1]
    if kind == "form":
        return unicodedata.normalize("NFKC", match.group())
    return unicodedata.normalize("NFC", REMOVED.sub("", match.group()))
