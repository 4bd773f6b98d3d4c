"""From the text of a page as it was printed to the text as it was meant.

Pure functions, linear in the text. What is dropped: running headers and footers, page numbers, control codes;
what is mended: words broken at line ends, drop caps, ligatures, paragraphs broken into lines. `runs` keep where
each piece of the cleaned text stood in the raw text.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from documents.extraction.cleanup.cjk import CJK, LineEnds
from documents.extraction.cleanup.footnotes import move_notes_before_paragraphs
from documents.extraction.cleanup.headers_footers import find_headers_and_footers
from documents.extraction.cleanup.hyphens import Vocabulary, mend_over_pages
from documents.extraction.cleanup.line import Line, split_labels
from documents.extraction.cleanup.paragraphs import Separators

Runs = list[list[int]]


class RawPage(NamedTuple):
    """A page as the reader gave it; `geometry` is that of its lines, as read_lines() has it."""

    text: str
    geometry: Sequence[Sequence[float]] = ()


class CleanPage(NamedTuple):
    """The cleaned text; `lines` are (offset, height) of each line that was kept, for those who seek headings.

    `rows` counts the lines that are rows of tables. `ends_full`: its last lines reach the edge of their column.
    """

    text: str
    runs: Runs
    lines: list[tuple[int, float]]
    rows: int = 0
    ends_full: bool = False


def clean_pages(pages: Iterable[RawPage]) -> tuple[list[CleanPage], list[str]]:
    """Every page cleaned in the light of the others, and the running lines that were dropped.

    Lines of a thousand pages are a hundred megabytes: a page's geometry is asked for once, and what has been used let go.
    """
    texts: list[str] = []
    lines: list[list[Line]] = []
    for page in pages:
        texts.append(page.text)
        lines.append(split_lines(page))
    running, samples = find_headers_and_footers(
        [[line.text for line in page] for page in lines],
        [[(line.baseline, line.height) for line in page] for page in lines],
    )
    for number, dropped in enumerate(running):
        kept = [line for place, line in enumerate(lines[number]) if place not in dropped]
        lines[number] = split_labels(kept)
    vocabulary = Vocabulary(texts)
    told = [line.has_actual_text for page in lines for line in page if line.is_hyphenated]
    vocabulary.learn_hyphens(sum(told), len(told))
    line_ends = LineEnds(texts, vocabulary)
    move_notes_before_paragraphs(lines, line_ends)
    tails = [(fold(tail), cut) for tail, cut in mend_over_pages(lines, vocabulary)]
    separators = Separators(lines, vocabulary, tails, line_ends)
    cleaned = []
    for number, text in enumerate(texts):
        cleaned.append(_assemble(text, lines[number], *separators.of_page(number)))
        lines[number] = []
    return cleaned, samples


def clean_text(text: str) -> tuple[str, Runs]:
    """One page without neighbours and without geometry."""
    pages, _ = clean_pages([RawPage(text)])
    return pages[0].text, pages[0].runs


LINE = re.compile(r"[^\r\n\f\v\x85\u2028\u2029\ufffe]+")
NEW_LINE = r"(?:\r\n|\r(?!\n)|\n)"
ORDINARY_BREAKS = ("\n", "\r\n", " \n", " \r\n", "\ufffe")
HYPHENS_AFTER = ("\ufffe", "\r\n\ufffe")
SOFT_HYPHEN = "\u00ad"
BLANK_LINE = re.compile(rf"{NEW_LINE}[^\S\r\n]*{NEW_LINE}|\u2029|\f")


def split_lines(page: RawPage) -> list[Line]:
    """The lines as printed, without the white space around them; PDFium's U+FFFE ends a line inside a word."""
    geometry = {int(entry[0]): entry for entry in page.geometry}
    lines: list[Line] = []
    raw = page.text
    after = 0  # where the last line with something on it ended
    for match in LINE.finditer(raw):
        text, start = match.group(), match.start()
        stripped = _stripped(text)
        if not stripped:
            continue
        if text[0] != stripped[0]:
            start += text.index(stripped)
        if stripped == SOFT_HYPHEN and lines:
            # The hyphen of the word that the line before breaks, for which PDFium found no line.
            lines[-1] = lines[-1]._replace(is_hyphenated=True)
            continue
        between = raw[after:start]
        is_hyphenated = raw.startswith(HYPHENS_AFTER, match.end())
        place = geometry.get(start)
        left, right, baseline, height = place[2:6] if place else (0.0, float(len(stripped)), 0.0, 0.0)
        end = start + len(stripped)
        lines.append(
            Line(
                start,
                end,
                stripped,
                left,
                right,
                baseline,
                height,
                is_hyphenated,
                bool(lines) and between not in ORDINARY_BREAKS and BLANK_LINE.search(between) is not None,
                is_hyphenated and text[-1].isspace(),
                text[-1] == " ",
                is_hyphenated and bool(place and len(place) > 6 and place[6]),
                _gaps(place[7:]) if place and len(place) > 7 else (),
            )
        )
        after = end
    return lines


def _gaps(numbers: Sequence[float]) -> tuple[tuple[int, float, float], ...]:
    return tuple(
        (int(at), left, right)
        for at, left, right in zip(numbers[::3], numbers[1::3], numbers[2::3], strict=False)
    )


def _stripped(text: str) -> str:
    """Without white space, and without what is never stored, at both ends."""
    text = text.strip()
    if text.isprintable():
        return text
    return text.strip(NEVER_AT_ENDS)


# Never stored: control codes (PostgreSQL refuses NUL), noncharacters, surrogates, marks that only steer layout.
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
    # PDFium turns the ligature of lam and alef round; behind an alef, with a hamza, it can only have been one.
    r"|(?P<ligature>(?<=\u0627)[\u0622\u0623\u0625]\u0644)"
    # Latin, Armenian, Hebrew and Arabic presentation forms, and the radicals that stand for whole characters
    r"|(?P<form>[\ufb00-\ufb4f\ufb50-\ufdcf\ufdf0-\ufdfb\ufe70-\ufefc\u2e80-\u2fd5]+)"
    rf"|(?P<accented>[^\W\d_](?:[{NEVER_STORED}]*[\u0300-\u036f])+)"
)


# What is printable and yet to be folded.
FOLDABLE = re.compile(
    r"[\u0622\u0623\u0625\u0300-\u036f\u2e80-\u2fd5\ufb00-\ufdcf\ufdf0-\ufdfb\ufe70-\ufefc]"
)


def fold(text: str) -> str:
    """Characters as a person would type them; folding twice changes nothing."""
    return "".join(piece for piece, _start in _folded_pieces(text, 0, len(text)))


def _folded_pieces(text: str, start: int, end: int) -> list[tuple[str, int]]:
    """The range in pieces: text and where it stood, or -1 for what did not stand there."""
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
        return "-"  # a soft hyphen that was printed inside a line is a hyphen
    if kind == "ligature":
        return match.group()[::-1]
    if kind == "form":
        return unicodedata.normalize("NFKC", match.group())
    return unicodedata.normalize("NFC", REMOVED.sub("", match.group()))


def _assemble(
    raw: str, lines: Sequence[Line], separators: Sequence[tuple[str, int]], rows: int, ends_full: bool
) -> CleanPage:
    """Lines joined by what the separators say; each also tells how many characters of its line's end go."""
    parts: list[str] = []
    runs: Runs = []
    offsets: list[tuple[int, float]] = []
    length = 0
    for line, (separator, cut) in zip(lines, separators, strict=True):
        offsets.append((length, line.height))
        end = line.end - cut
        for begin, stop in ((line.start, end),) if line.text.isascii() else _unspread(raw, line.start, end):
            for piece, start in _folded_pieces(raw, begin, stop):
                if start >= 0:
                    _extend(runs, length, start, len(piece))
                parts.append(piece)
                length += len(piece)
        parts.append(separator)
        length += len(separator)
    text = "".join(parts)
    return CleanPage(text.rstrip() if text[-1:].isspace() else text, runs, offsets, rows, ends_full)


SPREAD = re.compile(rf"(?<={CJK.pattern}) (?={CJK.pattern})")
ALONE = re.compile(rf"(?<= ){CJK.pattern}(?= )")


def _unspread(raw: str, start: int, end: int) -> list[tuple[int, int]]:
    """The range, cut at spaces that are only the gaps between Chinese or Japanese letters of a line spread to its width."""
    line = raw[start:end]
    if " " not in line or len(ALONE.findall(line)) < 2:
        return [(start, end)]
    gaps = [match.start() for match in SPREAD.finditer(raw, start, end)]
    return (
        list(zip([start, *(gap + 1 for gap in gaps)], [*gaps, end], strict=True))
        if len(gaps) > 2
        else [(start, end)]
    )


def _extend(runs: Runs, clean: int, raw: int, length: int) -> None:
    if runs and runs[-1][0] + runs[-1][2] == clean and runs[-1][1] + runs[-1][2] == raw:
        runs[-1][2] += length
    else:
        runs.append([clean, raw, length])


def raw_range(runs: Sequence[Sequence[int]], start: int, end: int) -> tuple[int, int]:
    """The range of the raw text that a range of the cleaned text came from; (0, 0) if nothing of it did.

    Characters that were put in or folded belong to the text around them.
    """
    if not runs or end <= start:
        return 0, 0
    starts = [run[0] for run in runs]
    first = max(0, bisect_right(starts, start) - 1)
    if start >= runs[first][0] + runs[first][2] and first + 1 < len(runs):
        raw_start = runs[first][1] + runs[first][2]  # inside a gap: from the end of what stands before it
    else:
        raw_start = runs[first][1] + max(0, min(start - runs[first][0], runs[first][2]))
    last = max(0, bisect_right(starts, end - 1) - 1)
    clean, raw, length = runs[last][:3]
    if end <= clean + length or last + 1 == len(runs):
        raw_end = raw + max(0, min(end - clean, length))
    else:
        raw_end = runs[last + 1][1]
    for _clean, raw, length in runs[first + 1 : last]:  # a footnote may have been moved
        raw_start, raw_end = min(raw_start, raw), max(raw_end, raw + length)
    return (raw_start, raw_end) if raw_end > raw_start else (0, 0)
