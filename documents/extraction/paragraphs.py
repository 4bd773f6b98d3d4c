"""What stands between two printed lines: nothing, a space, a new line or a new paragraph."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from documents.extraction.wide_letters import CJK, LineEnds


class Line(NamedTuple):
    """A printed line; without geometry (`height` 0) its characters stand for its width."""

    start: int
    end: int
    text: str
    left: float
    right: float
    baseline: float
    height: float
    is_hyphenated: bool  # PDFium took a hyphen away from its end
    follows_blank: bool
    ends_in_dash: bool = False  # and that hyphen stood apart from the word before it
    ends_in_space: bool = False
    has_told_hyphen: bool = (
        False  # the PDF tells by itself what that hyphen is, not only by what it is drawn as
    )


WORD = re.compile(r"[^\W\d_]+")
COMPOUND = re.compile(r"[^\W\d_]+(?:[-\u2010\u2011][^\W\d_]+)+")
# A search for the end of a line looks at no more than this, or long lines would cost their square.
LONGEST_WORD = 60
LONGEST_TOKEN = 200  # between two spaces; longer ones are no compounds
HYPHENS = "-\u2010\u2011\u00ad"
CLOSING = "\"'”’»)]"  # "pre"-school and (post)-war are broken behind their hyphens, too
BREAK_IN_WORD = re.compile(r"(?:\r\n)?(?:[-\u2010\u00ad][^\S\n]*\n\s*|\ufffe)[^\W\d_]+")
LONG_LINE = re.compile(r"[^\r\n\ufffe]{25,}")
UNUSUAL_AT_END = re.compile("(?<=[^\\W\\d_])\u2010[^\\S\n]*\n")
UNUSUAL_WITHIN = re.compile("\u2010(?=\\w)")
# Who breaks words does so at the end of every tenth line: seldom hyphens there are those of compounds.
# Of those that it breaks, some stand whole elsewhere.
SELDOM = 0.025
SOME_KNOWN = 0.15
ENOUGH_LINES = 60
MOST_ARE_SOFT = 3  # of as many hyphens at line ends at least two
BROKEN_END = re.compile(r"([^\W\d_]+)[-\u2010\u00ad]$")
WORD_AT_END = re.compile(r"[^\W\d_]+$")
REST_OF_WORD = re.compile(r"(?P<word>\S{1,40})(?:\s+|$)")
ADDRESS_AT_END = re.compile(r"(?:https?://|www\.)\S*$")
PATH_AT_END = re.compile(r"/\S*/$")
PATH_AT_START = re.compile(r"\w[\w~-]{0,60}(?:[/_]|\.\w)")
WORD_AT_START = re.compile(r"[^\W\d_]+")
SENTENCE_END = re.compile(r"[.!?:;…。！？：；؟۔।](?:[\"'”’»)\]」』]|\[\d+\])*$")
BULLET = re.compile(r"(?:[•‣◦▪■●○·∙➢✓*–—-]|\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{1,4})[.)])\s+\S")
# A row of a table mostly ends in a figure.
FIGURE_AT_END = re.compile(r"(?:^|\s)[(\-+−$€£]*\d[\d.,]*\s?(?:%|€|\))?$")
RTL = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
# Halves of compounds that are hardly ever pieces of one word.
NUMERALS = """two three five seven twenty thirty forty fifty sixty seventy eighty ninety third fourth fifth sixth seventh
    eighth ninth tenth"""
SECONDS = """and of level quality friendly related based lived shaped sized style term specific driven oriented year century scale minded haired eyed
    colored coloured looking"""
FIRST_HALVES = frozenset((*NUMERALS.split(), "higher", "lower"))
SECOND_HALVES = frozenset(SECONDS.split())
PREFIXES = frozenset(("un", "mis", "pre", "non", "over", "under", "out", "counter"))
LINKS = frozenset(("to", "of", "the", "and", "by", "in", "for", "on", "at", "or", "as", "up"))  # up-to-date
ENDINGS_OF_NUMERALS = ("teen", "ty", "ties", "tieth", "fold", "some", "score", "self", "ly")


class Vocabulary:
    """The words of the document, gathered when a broken word first asks for them."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts: Iterable[str] | None = texts
        self._words: Counter[str] = Counter()
        self._compounds: set[str] = set()
        self._hyphenates = True
        self._has_own_soft_hyphen = False
        self.soft_are_told: bool | None = None

    def learn_hyphens(self, told: int, all_: int) -> None:
        """Soft hyphens and written ones are drawn alike; some programs tell those apart that come second in a document.

        Of lines that were broken within words, most have soft ones.
        """
        if MOST_ARE_SOFT * told < all_ and told:
            self.soft_are_told = False
        elif told < all_ < told * MOST_ARE_SOFT / (MOST_ARE_SOFT - 1):
            self.soft_are_told = True

    def _gather(self) -> None:
        if self._texts is not None:
            counted = [0, 0, 0]
            joined: list[str] = []
            for text in self._texts:
                for number, pattern in enumerate((LONG_LINE, UNUSUAL_AT_END, UNUSUAL_WITHIN)):
                    counted[number] += sum(1 for _ in pattern.finditer(text))
                lowered = _without_broken_words(text.lower(), joined)
                self._words.update(WORD.findall(lowered))
                # To look for compounds in the text as a whole would cost the square of each word's length.
                for token in lowered.split():
                    if "-" in token or "\u2010" in token or "\u2011" in token:
                        self._compounds.update(COMPOUND.findall(token[:LONGEST_TOKEN]))
            long_lines, at_ends, within = counted
            known = sum(word in self._words for word in joined)
            is_frequent = long_lines < ENOUGH_LINES or len(joined) > SELDOM * long_lines
            self._hyphenates = is_frequent or known > SOME_KNOWN * len(joined)
            self._has_own_soft_hyphen = at_ends > max(2, within)
            self._texts = None

    @property
    def has_own_soft_hyphen(self) -> bool:
        """Whether the program ends broken lines with U+2010, and all other hyphens are plain ones."""
        self._gather()
        return self._has_own_soft_hyphen

    def __contains__(self, word: str) -> bool:
        self._gather()
        return word.lower() in self._words

    def has_elsewhere(self, word: str) -> bool:
        """Whether the word, which a broken line shows as one, stands somewhere else too."""
        self._gather()
        return self._words[word.lower()] > 1

    def knows_hyphen(self, left: str, right: str) -> bool | None:
        """Whether the word that is broken between these two lines stands elsewhere with a hyphen; None if not at all."""
        ended, begun = WORD_AT_END.search(left[-LONGEST_WORD:]), WORD_AT_START.match(right)
        return self._knows(ended.group().lower(), begun.group().lower()) if ended and begun else None

    def _knows(self, first: str, second: str) -> bool | None:
        if first + second in self:
            return False
        return True if f"{first}-{second}" in self._compounds else None

    def keeps_hyphen(self, left: str, right: str) -> bool:
        """Whether the word that is broken between these two lines has a hyphen of its own there."""
        ended, begun = WORD_AT_END.search(left[-LONGEST_WORD:]), WORD_AT_START.match(right)
        assert ended is not None
        assert begun is not None
        first, second = ended.group().lower(), begun.group().lower()
        if (keeps := self._knows(first, second)) is not None:
            return keeps
        if not self._hyphenates:
            return True
        goes_before, goes_after = left[: -len(first)].endswith("-"), right[len(second) :].startswith("-")
        if (goes_before and first in LINKS) or (goes_after and second in LINKS):
            return True
        if first in PREFIXES or len(first) < 3 or len(second) < 3:
            return False
        if second in SECOND_HALVES or (first in FIRST_HALVES and not second.startswith(ENDINGS_OF_NUMERALS)):
            return True
        return (goes_before or goes_after or _may_be_compound(first, second)) and second in self


def _without_broken_words(text: str, joined: list[str]) -> str:
    """The pieces of words that are broken at line ends are no words; what they make together is added to `joined`."""
    kept, at = [], 0
    for match in BREAK_IN_WORD.finditer(text):
        piece = WORD_AT_END.search(text, max(at, match.start() - LONGEST_WORD), match.start())
        if piece:
            kept.append(text[at : piece.start()])
            joined.append(piece.group() + WORD_AT_END.findall(match.group())[0])
            at = match.end()
    return " ".join([*kept, text[at:]])


def _may_be_compound(first: str, second: str) -> bool:
    """self-made, newly-born, armour-piercing: of words that are both known, these mostly keep the hyphen."""
    if first in ("self", "well", "half", "cross") or second == "like":
        return True
    return len(second) > 4 and ((first.endswith("ly") and len(first) > 5) or second.endswith(("ed", "ing")))


class Separators:
    """Decides for every pair of lines of a document; learns line spacing and widths from all of them."""

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
        self.spacing = _usual([ratio for page in self.ratios for ratio in page], 1.2)

    def of_page(self, number: int) -> tuple[list[tuple[str, int]], int]:
        """For each line what follows it, and how many characters of its own end are to go; and how many are rows.

        A page can be asked for once: its lines are let go.
        """
        lines, self.pages[number] = self.pages[number], []
        if not lines:
            return [], 0
        ratios, self.ratios[number] = self.ratios[number], []
        page = Page(lines, _usual(ratios, self.spacing) if len(ratios) >= 8 else self.spacing, self.line_ends)
        between = [*(self._between(page, i) for i in range(len(lines) - 1)), self.tails[number]]
        return between, sum(page.is_row)

    def _between(self, page: "Page", i: int) -> tuple[str, int]:
        line, after = page.lines[i], page.lines[i + 1]
        if line.is_hyphenated:
            if not _same_size(line, after) and not after.text[0].islower():
                return "-\n\n", 0  # a footnote stands between the halves of the word
            return mend(line, after.text, self.vocabulary)
        if (within := _within_line(line, after)) is not None:
            return within, 0
        if after.follows_blank:
            return "\n\n", 0
        if len(line.text) == 1 and line.text.isupper() and after.text[0].islower():
            return "" if self._is_drop_cap(line.text, after.text) else " ", 0
        same_size = _same_size(line, after, 0.25)
        if same_size and line.text[-1] in HYPHENS and _ends_word(line.text[:-1]) and after.text[0].isalnum():
            return mend(line, after.text, self.vocabulary)
        return page.separator(i), 0

    def _is_drop_cap(self, letter: str, after: str) -> bool:
        """One big letter whose word goes on in the next line; A, I and O may be words of their own."""
        rest = WORD_AT_START.match(after)
        assert rest is not None
        whole = letter + rest.group()
        return (
            letter not in "AIO" or whole in self.vocabulary or not self.vocabulary.has_elsewhere(rest.group())
        )


def _within_line(line: Line, after: Line) -> str | None:
    """What stands between two pieces of one printed line, which PDFium may take for two; None where they are two."""
    gap = after.left - line.right
    if not line.height or line.baseline != after.baseline or not _same_size(line, after):
        return None
    if not -0.1 * line.height < gap < 0.5 * line.height:
        return None
    return " " if gap > 0.12 * line.height else ""


def _ends_word(text: str) -> bool:
    return bool(text) and (text[-1].isalnum() or text[-1] in CLOSING)


def mend(line: Line, after: str, vocabulary: Vocabulary) -> tuple[str, int]:
    """What joins a line that ends in a hyphen to the next, and how many characters of its end go."""
    if line.ends_in_dash:
        return " - ", 0
    stem = line.text if line.is_hyphenated else line.text[:-1]
    if (is_soft := _is_soft(line, vocabulary)) is not None:
        known = vocabulary.knows_hyphen(stem, after)
        keeps = not is_soft if known is None else known
        return ("-" if keeps else "", 0) if line.is_hyphenated else ("", 0 if keeps else 1)
    is_word = (
        stem[-1:].islower()
        and after[:1].islower()
        and WORD_AT_START.match(after) is not None
        and not ADDRESS_AT_END.search(stem[-LONGEST_TOKEN:])
    )
    keeps = not is_word or vocabulary.keeps_hyphen(stem, after)
    if line.is_hyphenated:
        return "-" if keeps else "", 0
    return "", 0 if keeps else 1


def _is_soft(line: Line, vocabulary: Vocabulary) -> bool | None:
    """Whether the program put in the hyphen at the line's end; None where the document does not tell."""
    if vocabulary.soft_are_told is not None and line.is_hyphenated:
        return line.has_told_hyphen == vocabulary.soft_are_told
    if vocabulary.has_own_soft_hyphen:
        return not line.is_hyphenated and line.text[-1] == "\u2010"
    return None


def mend_over_pages(pages: list[list[Line]], vocabulary: Vocabulary) -> list[tuple[str, int]]:
    """What ends each page: the rest of a word that the page's end has broken, taken from the next page."""
    tails = [("", 0)] * len(pages)
    for number, (page, following) in enumerate(pairwise(pages)):
        if not page or not following:
            continue
        line, first = page[-1], following[0]
        rest = REST_OF_WORD.match(first.text)
        if (
            not rest
            or not first.text[0].islower()
            or line.ends_in_dash
            or not (line.is_hyphenated or BROKEN_END.search(line.text[-LONGEST_WORD:]))
        ):
            continue
        hyphen, cut = mend(line, first.text, vocabulary)
        tails[number] = hyphen + rest["word"], cut
        if remainder := first.text[rest.end() :]:
            following[0] = first._replace(start=first.start + rest.end(), text=remainder)
        else:
            del following[0]
    return tails


class Page:
    """The lines of one page, with what can be measured about them."""

    def __init__(self, lines: Sequence[Line], spacing: float, line_ends: LineEnds) -> None:
        self.lines = lines
        self.line_ends = line_ends
        self.spacing = spacing
        self.edges = _right_edges(lines)
        self.is_row = self._rows()

    def separator(self, i: int) -> str:
        line, after = self.lines[i], self.lines[i + 1]
        if BULLET.match(after.text) and self._may_start_item(i):
            return "\n"
        gap = self._gap(line, after)
        if self.is_row[i] and self.is_row[i + 1] and (gap is None or gap < 2.5):
            return "\n"
        if not (_same_size(line, after) or self._goes_on_evenly(i)) or self._is_edge_of_table(i):
            return "\n\n"
        if gap is not None and gap > 1.25:
            return "\n\n"
        if self._ends_early(i):
            if SENTENCE_END.search(line.text[-LONGEST_WORD:]):
                return "\n\n"
            return "\n" if self._ends_early(i + 1) or self._is_last_of_block(i + 1) else "\n\n"
        if self._starts_indented(i):
            return "\n\n"
        if (between := self.line_ends.between(line.text, after.text, line.ends_in_space)) is not None:
            return between
        return "" if _breaks_an_address(line.text, after.text) else " "

    def _gap(self, line: Line, after: Line) -> float | None:
        """Distance of the baselines, 1 being the usual; None at a jump to another column."""
        if not line.height or not after.height:
            return None
        down = line.baseline - after.baseline
        # The larger height: a line in which a narrower font stands in the middle is no smaller one.
        height = max(line.height, after.height)
        return down / height / self.spacing if down > 0.1 * height else None

    def _may_start_item(self, i: int) -> bool:
        line = self.lines[i]
        return bool(
            self._ends_early(i) or SENTENCE_END.search(line.text[-LONGEST_WORD:]) or BULLET.match(line.text)
        )

    def _goes_on_evenly(self, i: int) -> bool:
        """A full line and one at the usual distance: their fonts differ, but they are of one paragraph."""
        line, after = self.lines[i], self.lines[i + 1]
        gap = self._gap(line, after)
        return (
            gap is not None and 0.9 < gap < 1.1 and _same_size(line, after, 0.25) and not self._ends_early(i)
        )

    def _is_edge_of_table(self, i: int) -> bool:
        """A table begins, or ends and is not followed by the rest of a cell."""
        if self.is_row[i] == self.is_row[i + 1]:
            return False
        return self.is_row[i + 1] or not self.lines[i + 1].text[0].islower()

    def _rows(self) -> list[bool]:
        """Which lines are rows of a table: neighbours that end in figures, and the headings above them."""
        figures = [_ends_in_figure(line.text) for line in self.lines]
        rows = [False] * len(figures)
        first = 0
        while first < len(figures):
            last = first
            while last < len(figures) and figures[last]:
                last += 1
            # Two lines of prose may end in figures by chance, but then they are full.
            if last - first >= 3 or (last - first == 2 and self._ends_early(first)):
                headed = first > 0 and not SENTENCE_END.search(self.lines[first - 1].text[-LONGEST_WORD:])
                for row in range(first - headed, last):
                    rows[row] = True
            first = last + 1
        return rows

    def _ends_early(self, i: int) -> bool:
        """The next line's first word would have had room: the line ends because it was meant to."""
        line = self.lines[i]
        room = self.edges[i] - line.right
        if i + 1 == len(self.lines):
            return room > 0.3 * max(1.0, self.edges[i] - line.left)
        after = self.lines[i + 1]
        first = 1 if CJK.match(after.text[0]) else len(after.text.split(maxsplit=1)[0])
        width = max(1.0, after.right - after.left) / len(after.text)
        slack = 0.5 * line.height if line.height else 0.1 * self.edges[i]
        return room > width * (first + 1) * 1.1 + slack

    def _is_last_of_block(self, i: int) -> bool:
        if i + 1 == len(self.lines):
            return True
        line, after = self.lines[i], self.lines[i + 1]
        gap = self._gap(line, after)
        return not _same_size(line, after) or (gap is not None and gap > 1.25)

    def _starts_indented(self, i: int) -> bool:
        """The first line of a paragraph set in from the one before and the one after it."""
        line, after = self.lines[i], self.lines[i + 1]
        if not line.height or line.baseline <= after.baseline:
            return False
        indent = after.left - line.left
        if not 0.6 * line.height < indent < 5 * line.height or BULLET.match(line.text):
            return False
        if i + 2 == len(self.lines):
            return SENTENCE_END.search(line.text[-LONGEST_WORD:]) is not None
        return self.lines[i + 2].left < after.left - 0.5 * line.height


def _breaks_an_address(text: str, after: str) -> bool:
    """Whether a line ends within an address, a path or a pair of words with a stroke: /etc/, https://example., and/."""
    if text[-1] == "/":
        is_path = text[-2:-1] in ("", " ") or PATH_AT_END.search(text[-LONGEST_TOKEN:])
        return bool(PATH_AT_START.match(after)) if is_path else after[0].isalnum()
    is_open = text[-1] in "-_=?&%#~+" or (text[-1] == "." and after[0].islower()) or after[0] == "/"
    return is_open and ADDRESS_AT_END.search(text[-LONGEST_TOKEN:]) is not None


def _ends_in_figure(text: str) -> bool:
    return text[-1] in "0123456789%€).," and FIGURE_AT_END.search(text[-LONGEST_WORD:]) is not None


def _mirrored(lines: Sequence[Line]) -> list[Line]:
    """Lines that run from right to left, measured as if they ran the other way."""
    return [
        line._replace(left=-line.right, right=-line.left) if line.height and RTL.search(line.text) else line
        for line in lines
    ]


def _same_size(line: Line, after: Line, tolerance: float = 0.12) -> bool:
    height, other = line.height, after.height
    if height == other:
        return True
    if not height or not other:
        return False
    return abs(height - other) <= tolerance * (height if height > other else other)


def _spacings(lines: Sequence[Line]) -> list[float]:
    found = []
    for line, after in pairwise(lines):
        if line.height and _same_size(line, after):
            ratio = (line.baseline - after.baseline) / line.height
            if 0.5 < ratio < 3:
                found.append(ratio)
    return found


def _usual(ratios: list[float], otherwise: float) -> float:
    return median(ratios) if ratios else otherwise


def usual_spacing(lines: Sequence[Line]) -> float:
    return _usual(_spacings(lines), 1.2)


def _right_edges(lines: Sequence[Line]) -> list[float]:
    """For each line where its column ends: the furthest right that two of its lines reach."""
    edges: list[float] = []
    block: list[Line] = []
    for line in lines:
        if block and _starts_block(block[-1], line):
            edges += [_edge(block)] * len(block)
            block = []
        block.append(line)
    edges += [_edge(block)] * len(block)
    wide = _edges_by_left(lines, edges)
    return [
        max(edge, wide[round(line.left / 4)]) if line.height else edge
        for edge, line in zip(edges, lines, strict=True)
    ]


def _edges_by_left(lines: Sequence[Line], edges: Sequence[float]) -> dict[int, float]:
    """A column that is taken up again further down is as wide there as it was above."""
    counted: dict[int, list[float]] = defaultdict(list)
    for line, edge in zip(lines, edges, strict=True):
        counted[round(line.left / 4)].append(edge)
    return {left: _common(found) for left, found in counted.items()}


def _common(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _starts_block(line: Line, after: Line) -> bool:
    if not line.height or not after.height:
        return line.height != after.height
    if after.baseline > line.baseline + 0.5 * line.height:
        return True
    overlap = min(line.right, after.right) - max(line.left, after.left)
    return overlap < 0.3 * min(line.right - line.left, after.right - after.left)


def _edge(block: Sequence[Line]) -> float:
    reach = sorted((line.right for line in block), reverse=True)
    for furthest, next_furthest in pairwise(reach):
        if furthest - next_furthest <= 0.03 * abs(furthest) + (0 if block[0].height else 2):
            return furthest
    return reach[0]
