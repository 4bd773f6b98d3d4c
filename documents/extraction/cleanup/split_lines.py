"""Splits the raw text of a page into its printed lines."""

import re
from collections.abc import Sequence

from documents.extraction.cleanup.fold import NEVER_AT_ENDS
from documents.extraction.cleanup.line import MAX_BULLET_LENGTH, WIDE_GAP, Gap, Line
from documents.extraction.raw_page import RawPage

LINE = re.compile(r"[^\r\n\f\v\x85\u2028\u2029\ufffe]+")
NEW_LINE = r"(?:\r\n|\r(?!\n)|\n)"
ORDINARY_BREAKS = ("\n", "\r\n", " \n", " \r\n", "\ufffe")
HYPHENS_AFTER = ("\ufffe", "\r\n\ufffe")
SOFT_HYPHEN = "\u00ad"
BLANK_LINE = re.compile(rf"{NEW_LINE}[^\S\r\n]*{NEW_LINE}|\u2029|\f")


def split_lines(page: RawPage) -> list[Line]:
    """Split into printed lines without surrounding white space. PDFium's U+FFFE ends a line inside a word."""
    geometry = {int(entry[0]): entry for entry in page.lines}
    lines: list[Line] = []
    raw = page.text
    after = 0  # the end of the last line that was not blank
    for match in LINE.finditer(raw):
        stripped = _stripped(match.group())
        if not stripped:
            continue
        if stripped == SOFT_HYPHEN and lines:
            # PDFium made a line of the soft hyphen that breaks a word of the previous line.
            lines[-1] = lines[-1]._replace(is_hyphenated=True)
            continue
        start = match.start() + match.group().index(stripped)
        between = raw[after:start]
        follows_blank = bool(lines) and between not in ORDINARY_BREAKS and bool(BLANK_LINE.search(between))
        lines.append(_line(match, stripped, start, geometry.get(start, ()), follows_blank))
        after = start + len(stripped)
    return lines


def _line(match: re.Match[str], text: str, start: int, place: Sequence[float], follows_blank: bool) -> Line:
    """The line of a match. `place`: its edges, baseline and height, whether ActualText has its hyphen, and its gaps."""
    left, right, baseline, height = place[2:6] if place else (0.0, float(len(text)), 0.0, 0.0)
    is_hyphenated = match.string.startswith(HYPHENS_AFTER, match.end())
    last = match.group()[-1]
    spaces = _gaps(place[7:])
    return Line(
        start,
        start + len(text),
        text,
        left,
        right,
        baseline,
        height,
        is_hyphenated,
        follows_blank,
        ends_in_dash=is_hyphenated and last.isspace(),
        ends_in_space=last == " ",
        has_actual_text=is_hyphenated and any(place[6:7]),
        gaps=tuple(gap for gap in spaces if _is_wide(gap, start, height)),
        spaces=spaces,
    )


def _gaps(numbers: Sequence[float]) -> tuple[Gap, ...]:
    return tuple(
        (int(at), left, right)
        for at, left, right in zip(numbers[::3], numbers[1::3], numbers[2::3], strict=False)
    )


def _is_wide(gap: Gap, start: int, height: float) -> bool:
    return gap[0] >= start + MAX_BULLET_LENGTH and gap[2] - gap[1] > WIDE_GAP * height


def _stripped(text: str) -> str:
    """Strip white space and characters that are never stored."""
    text = text.strip()
    if text.isprintable():
        return text
    return text.strip(NEVER_AT_ENDS)
