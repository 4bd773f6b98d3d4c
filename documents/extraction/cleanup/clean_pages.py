"""Turns the raw text of pages into clean paragraphs.

Pure functions, linear in the text. They drop headers, footers, page numbers and control codes, and repair words broken
at line ends, drop caps, ligatures and paragraphs broken into lines. `runs` map the clean text to the raw text.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from documents.extraction.cleanup.cjk import CJK, LineEnds
from documents.extraction.cleanup.fold import fold, folded_pieces
from documents.extraction.cleanup.footnotes import move_notes_before_paragraphs
from documents.extraction.cleanup.headers_footers.find import find_headers_and_footers
from documents.extraction.cleanup.hyphens import Vocabulary, join_over_pages
from documents.extraction.cleanup.line import Line, split_labels
from documents.extraction.cleanup.paragraphs import Separators
from documents.extraction.cleanup.split_lines import split_lines
from documents.extraction.cleanup.table_cells import with_table_cells
from documents.extraction.raw_page import RawPage

Runs = list[list[int]]


class CleanPage(NamedTuple):
    """The clean text. `lines` has the (offset, height) of each remaining line, from which headings are found.

    `rows` counts the rows of tables. `ends_full` says that the last lines reach the edge of their column.
    """

    text: str
    runs: Runs
    lines: list[tuple[int, float]]
    rows: int = 0
    ends_full: bool = False


def clean_pages(pages: Iterable[RawPage]) -> tuple[list[CleanPage], list[str]]:
    """Clean all pages of a document together. Return them, and one sample of each header and footer that was dropped.

    The lines of a thousand pages take a hundred megabytes, so this reads each geometry once and frees lines after use.
    """
    texts: list[str] = []
    lines: list[list[Line]] = []
    for page in pages:
        texts.append(page.text)
        lines.append(split_lines(page))
    repeated, samples = find_headers_and_footers(
        [[line.text for line in page] for page in lines],
        [[(line.baseline, line.height) for line in page] for page in lines],
    )
    for number, dropped in enumerate(repeated):
        if dropped:
            lines[number] = [line for place, line in enumerate(lines[number]) if place not in dropped]
        if any(line.gaps for line in lines[number]):
            lines[number] = split_labels(with_table_cells(lines[number]))
    vocabulary = Vocabulary(texts)
    has_actual_text = [line.has_actual_text for page in lines for line in page if line.is_hyphenated]
    vocabulary.learn_hyphens(sum(has_actual_text), len(has_actual_text))
    line_ends = LineEnds(texts, vocabulary)
    move_notes_before_paragraphs(lines, line_ends)
    tails = [(fold(tail), cut) for tail, cut in join_over_pages(lines, vocabulary)]
    separators = Separators(lines, vocabulary, tails, line_ends)
    cleaned = []
    for number, text in enumerate(texts):
        cleaned.append(_assemble(text, lines[number], *separators.of_page(number)))
        lines[number] = []
    return cleaned, samples


def clean_text(text: str) -> tuple[str, Runs]:
    """Clean one page without neighbours and without geometry."""
    pages, _ = clean_pages([RawPage(text)])
    return pages[0].text, pages[0].runs


def _assemble(
    raw: str, lines: Sequence[Line], separators: Sequence[tuple[str, int]], rows: int, ends_full: bool
) -> CleanPage:
    """Join the lines by their separators. Each separator has the number of characters to cut from its line's end."""
    parts: list[str] = []
    runs: Runs = []
    offsets: list[tuple[int, float]] = []
    length = 0
    for line, (separator, cut) in zip(lines, separators, strict=True):
        offsets.append((length, line.height))
        start, end = line.start, line.end - cut
        piece = raw[start:end]
        if piece and piece.isascii() and piece.isprintable() and "  " not in piece:
            pieces: Sequence[tuple[str, int]] = ((piece, start),)
        else:
            pieces = _folded(raw, line, end)
        for piece, start in pieces:
            if start >= 0:
                _extend(runs, length, start, len(piece))
            parts.append(piece)
            length += len(piece)
        parts.append(separator)
        length += len(separator)
    text = "".join(parts)
    return CleanPage(text.rstrip() if text[-1:].isspace() else text, runs, offsets, rows, ends_full)


def _folded(raw: str, line: Line, end: int) -> list[tuple[str, int]]:
    """The line up to `end` in pieces: text and its offset in the raw text, or -1 for replacements."""
    ranges = ((line.start, end),) if line.text.isascii() else _without_spread(raw, line.start, end)
    return [piece for begin, stop in ranges for piece in folded_pieces(raw, begin, stop)]


SPREAD = re.compile(rf"(?<={CJK.pattern}) (?={CJK.pattern})")
ALONE = re.compile(rf"(?<= ){CJK.pattern}(?= )")


def _without_spread(raw: str, start: int, end: int) -> Sequence[tuple[int, int]]:
    """Split the range at spaces that only spread Chinese or Japanese characters over the width of a line."""
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
    if runs:
        last = runs[-1]
        if last[0] + last[2] == clean and last[1] + last[2] == raw:
            last[2] += length
            return
    runs.append([clean, raw, length])


def raw_range(runs: Sequence[Sequence[int]], start: int, end: int) -> tuple[int, int]:
    """Map a range of the clean text to the raw text, or to (0, 0) if nothing of it comes from there.

    Inserted and folded characters belong to the text around them.
    """
    if not runs or end <= start:
        return 0, 0
    starts = [run[0] for run in runs]
    first = max(0, bisect_right(starts, start) - 1)
    if start >= runs[first][0] + runs[first][2] and first + 1 < len(runs):
        raw_start = runs[first][1] + runs[first][2]  # inside a gap: start at the end of the run before it
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
