"""Splits the raw text of a page into its printed lines."""

import re
from collections.abc import Sequence

from documents.extraction.cleanup.fold import NEVER_AT_ENDS
from documents.extraction.cleanup.line import MAX_BULLET_LENGTH, WIDE_GAP, Gap, Line
from documents.extraction.raw_page import RawPage

LINE = re.compile(r"[^\r\n\f\v\x85\u2028\u2029\ufffe]+")
NEW_LINE = r"(?:\r\n|\r(?!\n)|\n)"
ORDINARY_BREAKS = frozenset(("\n", "\r\n", " \n", " \r\n", "\ufffe"))
HYPHENS_AFTER = ("\ufffe", "\r\n\ufffe")
SOFT_HYPHEN = "\u00ad"
BLANK_LINE = re.compile(rf"{NEW_LINE}[^\S\r\n]*{NEW_LINE}|\u2029|\f")


def split_lines(page: RawPage) -> list[Line]:
    """Split into printed lines without surrounding white space. PDFium's U+FFFE ends a line inside a word."""
    geometry = {int(entry[0]): entry for entry in page.lines}
    lines: list[Line] = []
    raw = page.text
    has_hyphens = "\ufffe" in raw
    after = 0  # the end of the last line that was not blank
    for match in LINE.finditer(raw):
        text, (start, stop) = match.group(), match.span()
        stripped = text.strip()
        if not stripped.isprintable():
            stripped = stripped.strip(NEVER_AT_ENDS)  # also what is never stored
        if not stripped:
            continue
        if stripped == SOFT_HYPHEN and lines:
            # PDFium made a line of the soft hyphen that breaks a word of the previous line.
            lines[-1] = lines[-1]._replace(is_hyphenated=True)
            continue
        if text[0] != stripped[0]:
            start += text.index(stripped)
        between = raw[after:start]
        follows_blank = bool(lines) and between not in ORDINARY_BREAKS and bool(BLANK_LINE.search(between))
        after = start + len(stripped)
        is_hyphenated = has_hyphens and raw.startswith(HYPHENS_AFTER, stop)
        place = geometry.get(start) or (0, 0, 0.0, float(len(stripped)), 0.0, 0.0)
        lines.append(_line(stripped, text[-1], start, place, is_hyphenated, follows_blank))
    return lines


def _line(
    text: str, last: str, start: int, place: Sequence[float], is_hyphenated: bool, follows_blank: bool
) -> Line:
    """`place`: its edges, baseline and height, whether ActualText has its hyphen, and its gaps."""
    _, _, left, right, baseline, height = place[:6]
    spaces = _gaps(place[7:]) if len(place) > 7 else ()
    wide = tuple(gap for gap in spaces if _is_wide(gap, start, height)) if spaces else ()
    # By position, since names take half as long again.
    line = (start, start + len(text), text, left, right, baseline, height, is_hyphenated, follows_blank)
    ends_in_dash, has_actual_text = is_hyphenated and last.isspace(), is_hyphenated and any(place[6:7])
    return Line(*line, ends_in_dash, last == " ", has_actual_text, wide, spaces)


def _gaps(numbers: Sequence[float]) -> tuple[Gap, ...]:
    return tuple(
        (int(at), left, right)
        for at, left, right in zip(numbers[::3], numbers[1::3], numbers[2::3], strict=False)
    )


def _is_wide(gap: Gap, start: int, height: float) -> bool:
    return gap[0] >= start + MAX_BULLET_LENGTH and gap[2] - gap[1] > WIDE_GAP * height
