"""Measures the lines of a page: columns, rows of tables, and the separator after each line."""

import re
from collections.abc import Sequence

from documents.extraction.cleanup.cjk import CJK, LineEnds
from documents.extraction.cleanup.columns import right_edges, same_size
from documents.extraction.cleanup.hyphens import (
    MAX_TOKEN_LENGTH,
    MAX_WORD_LENGTH,
    ends_in_address,
)
from documents.extraction.cleanup.line import Line

PATH_AT_END = re.compile(r"/\S*/$")
PATH_AT_START = re.compile(r"\w[\w~-]{0,60}(?:[/_]|\.\w)")
# Marks that end a sentence, and what may follow them.
SENTENCE_ENDS = frozenset(".!?:;…。！？：；؟۔।\"'”’»)]」』")
SENTENCE_END = re.compile(r"[.!?:;…。！？：；؟۔।](?:[\"'”’»)\]」』]|\[\d+\])*$")
BULLET = re.compile(r"(?:[•‣◦▪■●○·∙➢✓*–—-]|\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{1,4})[.)])\s+\S")
# Most rows of tables end in a figure.
FIGURE = re.compile(r"[(\-+−$€£]*\d[\d.,]*\s?(?:%|€|\))?")
FIGURE_AT_END = re.compile(rf"(?:^|\s){FIGURE.pattern}$")
SIGNS = ("%", "€", ")")  # may be apart from their figure
CAPTION = re.compile(
    r"(?:Fig(?:ure|\.)|Tab(?:le|elle|\.)|Abb(?:ildung|\.)|Chart|Figur[ae]?|Tableau|Tabla) \d[\d.]*[:.] "
)
FIRST_OF_CAPTION = "FTAC"
LEVEL = 0.5  # times the height: distance of baselines within one printed line
APART = 1.5  # times the height: distance between separate blocks
LABEL = 7  # times the height: width of lines too narrow for a column
PROSE = 14  # times the height: width of lines too wide for a label
JUSTIFIED = 0.2  # points
FULL = 1.5  # times the height: space left on a full line


class Page:
    """The lines of one page, with measurements of columns and rows."""

    def __init__(self, lines: Sequence[Line], spacing: float, line_ends: LineEnds) -> None:
        self.lines = lines
        self.line_ends = line_ends
        self.spacing = spacing
        self.edges = right_edges(lines)
        self.is_row = self._rows()

    def separator(self, i: int) -> str:
        line, after = self.lines[i], self.lines[i + 1]
        if BULLET.match(after.text) and self._may_start_item(i):
            return "\n"
        gap = self._gap(line, after)
        if (apart := self._between_blocks(i, gap)) is not None:
            return apart
        if not (same_size(line, after) or self._continues_evenly(i)) or self._is_edge_of_table(i):
            return "\n\n"
        if gap is not None and gap > 1.25:
            return "\n\n"
        if self._ends_early(i):
            if ends_sentence(line.text):
                return "\n\n"
            return "\n" if self._ends_early(i + 1) or self._is_last_of_block(i + 1) else "\n\n"
        if self._starts_indented(i):
            return "\n\n"
        if after.text[0].isupper() and 0 < line.right - line.left < LABEL * line.height:
            return "\n"
        if (between := self.line_ends.between(line.text, after.text, line.ends_in_space)) is not None:
            return between
        return "" if _breaks_an_address(line.text, after.text) else " "

    def _between_blocks(self, i: int, gap: float | None) -> str | None:
        """The separator between rows of a table or blocks of the page, or None within a block."""
        if gap is None and self._is_of_two_directions(i):
            return " "
        is_spread, next_is = bool(self.lines[i].gaps), bool(self.lines[i + 1].gaps)
        are_rows = (self.is_row[i] and self.is_row[i + 1]) or (is_spread and next_is)
        if are_rows and (gap is None or gap < 2.5):
            return "\n"
        return "\n\n" if is_spread or next_is or self._begins_another_block(i) else None

    def _is_of_two_directions(self, i: int) -> bool:
        """Whether the two lines are Latin and right-to-left words of one printed line."""
        line, after = self.lines[i], self.lines[i + 1]
        is_level = abs(line.baseline - after.baseline) <= 0.1 * line.height
        return is_level and (line.left < 0) != (after.left < 0)

    def _begins_another_block(self, i: int) -> bool:
        """Whether the next line belongs elsewhere on the page, as labels, printer's marks, cells and captions do."""
        line, after = self.lines[i], self.lines[i + 1]
        if not line.height or not after.height:
            return False
        if after.text[0] in FIRST_OF_CAPTION and CAPTION.match(after.text):
            return True
        height = line.height if line.height > after.height else after.height
        down, right = line.baseline - after.baseline, after.left - line.right
        if -LEVEL * height <= down <= LEVEL * height:
            return right > APART * height or line.left - after.right > APART * height
        if down < 0:
            return not (self._is_in_column(i, i - 1) and self._is_in_column(i + 1, i + 2))
        return right > 0 or line.left > after.right

    def _is_in_column(self, i: int, other: int) -> bool:
        """Whether the line is as wide as prose, or in one column with its neighbour `other`."""
        line = self.lines[i]
        if line.right - line.left > PROSE * line.height:
            return True
        if not 0 <= other < len(self.lines):
            return False
        near = self.lines[other]
        gap = self._gap(near, line) if other < i else self._gap(line, near)
        is_over = near.left < line.right and line.left < near.right
        return is_over and gap is not None and gap < 2.5 and same_size(line, near, 0.25)

    def _gap(self, line: Line, after: Line) -> float | None:
        """Distance of the baselines in units of the usual spacing, or None at a jump to another column."""
        if not line.height or not after.height:
            return None
        down = line.baseline - after.baseline
        # The larger height, since a smaller font in the middle of a line reduces its measured height.
        height = line.height if line.height > after.height else after.height
        return down / height / self.spacing if down > 0.1 * height else None

    def _may_start_item(self, i: int) -> bool:
        line = self.lines[i]
        return bool(self._ends_early(i) or ends_sentence(line.text) or BULLET.match(line.text))

    def _continues_evenly(self, i: int) -> bool:
        """Whether a full line is followed at the usual distance. Such lines form one paragraph even in different fonts."""
        line, after = self.lines[i], self.lines[i + 1]
        gap = self._gap(line, after)
        return (
            gap is not None and 0.9 < gap < 1.1 and same_size(line, after, 0.25) and not self._ends_early(i)
        )

    def _is_edge_of_table(self, i: int) -> bool:
        """Whether a table starts here, or ends without the rest of a cell after it."""
        if self.is_row[i] == self.is_row[i + 1]:
            return False
        return self.is_row[i + 1] or not self.lines[i + 1].text[0].islower()

    def _rows(self) -> list[bool]:
        """Which lines are rows of a table: neighbours that end in figures, and the header row above them."""
        figures = [_ends_in_figure(line.text) for line in self.lines]
        rows = [False] * len(figures)
        if True not in figures:
            return rows
        first = 0
        while first < len(figures):
            last = first
            while last < len(figures) and figures[last]:
                last += 1
            # Two full lines of prose may end in figures by chance.
            if last - first >= 3 or (last - first == 2 and self._ends_early(first)):
                headed = first > 0 and not ends_sentence(self.lines[first - 1].text)
                for row in range(first - headed, last):
                    rows[row] = True
            first = last + 1
        return rows

    def _ends_early(self, i: int) -> bool:
        """Whether the next word would have fitted, so that the line break is intended."""
        line = self.lines[i]
        room = self.edges[i] - line.right
        if i + 1 == len(self.lines):
            return room > 0.3 * max(1.0, self.edges[i] - line.left)
        slack = 0.5 * line.height if line.height else 0.1 * self.edges[i]
        if room <= slack:
            return False  # a full line
        if self._is_justified(i):
            return False
        after = self.lines[i + 1]
        first = 1 if CJK.match(after.text[0]) else len(after.text.split(maxsplit=1)[0])
        width = max(1.0, after.right - after.left) / len(after.text)
        return room > width * (first + 1) * 1.1 + slack

    def _is_justified(self, i: int) -> bool:
        """Whether the line is one of at least three with equal edges, as in a narrow justified column."""
        line = self.lines[i]
        if not line.height:
            return False
        if _ends_in_figure(line.text) and not self.lines[i + 1].text[0].islower():
            return False  # more likely a row of a table
        first = last = i
        while first > i - 2 and self._is_as_wide(line, first - 1):
            first -= 1
        while last < i + 2 and self._is_as_wide(line, last + 1):
            last += 1
        return last - first >= 2

    def _is_as_wide(self, line: Line, i: int) -> bool:
        if not 0 <= i < len(self.lines):
            return False
        other = self.lines[i]
        return abs(line.right - other.right) <= JUSTIFIED and abs(line.left - other.left) <= JUSTIFIED

    def ends_full(self) -> bool:
        """Whether the last two lines reach the edge of their column, so that the paragraph continues."""
        line = self.lines[-1]
        most = FULL * line.height
        return len(self.lines) > 1 and all(
            same_size(line, self.lines[i]) and self.edges[i] - self.lines[i].right < most for i in (-2, -1)
        )

    def _is_last_of_block(self, i: int) -> bool:
        if i + 1 == len(self.lines):
            return True
        line, after = self.lines[i], self.lines[i + 1]
        gap = self._gap(line, after)
        return not same_size(line, after) or (gap is not None and gap > 1.25)

    def _starts_indented(self, i: int) -> bool:
        """Whether the next line is indented as the first line of a paragraph."""
        line, after = self.lines[i], self.lines[i + 1]
        if not line.height or line.baseline <= after.baseline:
            return False
        indent = after.left - line.left
        if not 0.6 * line.height < indent < 5 * line.height or BULLET.match(line.text):
            return False
        if i + 2 == len(self.lines):
            return ends_sentence(line.text)
        return self.lines[i + 2].left < after.left - 0.5 * line.height


def ends_sentence(text: str) -> bool:
    """Whether a line ends in a full stop or another mark that ends a sentence, perhaps in quotes or brackets."""
    return text[-1] in SENTENCE_ENDS and SENTENCE_END.search(text[-MAX_WORD_LENGTH:]) is not None


def _breaks_an_address(text: str, after: str) -> bool:
    """Whether a line breaks inside an address, a path or a pair of words with a slash: https://example., /etc/, and/."""
    if text[-1] == "/":
        is_path = text[-2:-1] in ("", " ") or PATH_AT_END.search(text[-MAX_TOKEN_LENGTH:])
        return bool(PATH_AT_START.match(after)) if is_path else after[0].isalnum()
    is_open = text[-1] in "-_=?&%#~+" or (text[-1] == "." and after[0].islower()) or after[0] == "/"
    return is_open and ends_in_address(text)


def _ends_in_figure(text: str) -> bool:
    if text[-1] not in "0123456789%€).,":
        return False
    end = text[-MAX_WORD_LENGTH:]
    last = end.rsplit(maxsplit=1)[-1]  # searching the whole end takes five times as long
    return FIGURE.fullmatch(last) is not None or (last in SIGNS and FIGURE_AT_END.search(end) is not None)
