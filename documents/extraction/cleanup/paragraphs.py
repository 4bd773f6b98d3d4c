"""Decides what separates two printed lines: nothing, a space, a line break or a new paragraph."""

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from documents.extraction.cleanup.cjk import LineEnds
from documents.extraction.cleanup.hyphens import (
    WORD_AT_START,
    Vocabulary,
    join_hyphenated,
)
from documents.extraction.cleanup.line import Line
from documents.extraction.cleanup.page_layout import Page, same_size

HYPHENS = "-\u2010\u2011\u00ad"
CLOSING = "\"'”’»)]"  # as in "pre"-school and (post)-war, broken after the hyphen
RTL = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


class Separators:
    """Decides for every pair of lines in a document, with line spacing learnt from all of them."""

    def __init__(
        self,
        pages: Sequence[Sequence[Line]],
        vocabulary: Vocabulary,
        tails: Sequence[tuple[str, int]],
        line_ends: LineEnds,
    ) -> None:
        self.line_ends = line_ends
        self.pages = [_mirrored(page) for page in pages]
        self.tails = tails
        self.vocabulary = vocabulary
        self.ratios = [_spacings(page) for page in self.pages]
        self.spacing = _median_or([ratio for page in self.ratios for ratio in page], 1.2)

    def of_page(self, number: int) -> tuple[list[tuple[str, int]], int, bool]:
        """Return for each line its separator and how many characters to cut from its end; the count of rows; `ends_full`.

        Call it once per page, since it frees the page's lines.
        """
        lines, self.pages[number] = self.pages[number], []
        if not lines:
            return [], 0, False
        ratios, self.ratios[number] = self.ratios[number], []
        page = Page(
            lines, _median_or(ratios, self.spacing) if len(ratios) >= 8 else self.spacing, self.line_ends
        )
        between = [self._between(page, i) for i in range(len(lines) - 1)]
        between.append(self.tails[number])
        return between, sum(page.is_row), page.ends_full()

    def _between(self, page: "Page", i: int) -> tuple[str, int]:
        line, after = page.lines[i], page.lines[i + 1]
        if line.separator is not None:
            return line.separator, 0
        if line.is_hyphenated:
            if not same_size(line, after) and not after.text[0].islower():
                return "-\n\n", 0  # a footnote follows, not the rest of the word
            return join_hyphenated(line, after.text, self.vocabulary)
        if line.baseline == after.baseline and (within := _within_line(line, after)) is not None:
            return within, 0
        if after.follows_blank:
            return "\n\n", 0
        if len(line.text) == 1 and line.text.isupper() and after.text[0].islower():
            return "" if self._is_drop_cap(line.text, after.text) else " ", 0
        if (
            line.text[-1] in HYPHENS
            and _ends_word(line.text[:-1])
            and after.text[0].isalnum()
            and same_size(line, after, 0.25)
        ):
            return join_hyphenated(line, after.text, self.vocabulary)
        return page.separator(i), 0

    def _is_drop_cap(self, letter: str, after: str) -> bool:
        """Whether the letter starts the word on the next line. A, I and O may be words themselves."""
        rest = WORD_AT_START.match(after)
        assert rest is not None
        whole = letter + rest.group()
        return (
            letter not in "AIO" or whole in self.vocabulary or not self.vocabulary.has_elsewhere(rest.group())
        )


def _within_line(line: Line, after: Line) -> str | None:
    """What joins two pieces of one printed line that PDFium split, or None if they are separate lines."""
    gap = after.left - line.right
    if not line.height or not same_size(line, after):
        return None
    if not -0.1 * line.height < gap < 0.5 * line.height:
        return None
    return " " if gap > 0.12 * line.height else ""


def _ends_word(text: str) -> bool:
    return bool(text) and (text[-1].isalnum() or text[-1] in CLOSING)


def _mirrored(lines: Sequence[Line]) -> list[Line]:
    """Mirror the geometry of right-to-left lines. Lines of figures have the direction of the line before."""
    if not any(not line.text.isascii() and RTL.search(line.text) for line in lines):
        return list(lines)
    mirrored: list[Line] = []
    is_rtl = False
    for line in lines:
        if not line.text.isascii() or any(map(str.isalpha, line.text)):
            is_rtl = not line.text.isascii() and RTL.search(line.text) is not None
        mirrored.append(line._replace(left=-line.right, right=-line.left) if line.height and is_rtl else line)
    return mirrored


def _spacings(lines: Sequence[Line]) -> list[float]:
    found = []
    for line, after in pairwise(lines):
        if line.height and same_size(line, after):
            ratio = (line.baseline - after.baseline) / line.height
            if 0.5 < ratio < 3:
                found.append(ratio)
    return found


def _median_or(ratios: list[float], default: float) -> float:
    return median(ratios) if ratios else default


def usual_spacing(lines: Sequence[Line]) -> float:
    """The median line spacing, in units of the letter height."""
    return _median_or(_spacings(lines), 1.2)
