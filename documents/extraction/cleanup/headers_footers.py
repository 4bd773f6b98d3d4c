"""Headers, footers and page numbers: lines that come again on page after page."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

MAX_LENGTH = 250  # characters; a longer line is prose
EDGE = 3  # lines at the top and at the bottom of a page that may be running ones
BLOCK = 7  # lines of a letterhead, or of the small print at the bottom, that may be running ones together
NUMBER = re.compile(r"\d+")
LETTER = re.compile(r"[^\W\d_]")
# Alone on a line: 12, - 12 -, [12], Page 12, p. 12, 12/40, Seite 12 von 40, page xii
PAGE_NUMBER = re.compile(
    r"[\W_]*(?:(?P<word>page|p|pp|pg|seite|página|pagina|стр|sida|side|strana|strona|oldal|第)\b\.?[\W_]*)?"
    r"(?P<number>\d{1,5}|[ivxlcdm]{1,8})\s*(?:页|頁|ページ|쪽)?"
    r"(?:[\W_]*(?:of|von|de|di|van|av|из|sur|/|\|)[\W_]*(?P<total>\d{1,5}))?[\W_]*",
    re.IGNORECASE,
)
# A header or footer with its page's number: 12 Chapter 3. Duties, 3.2. Duties 13
LEADING = re.compile(r"(?P<number>\d{1,5})\s+(?P<rest>\S.*)")
TRAILING = re.compile(r"(?P<rest>.*\S)\s+(?P<number>\d{1,5})")
SENTENCE = re.compile(r"(?:\S+\s+){3}.*[.!?][\"'”’»)]*$")
# file.indd 3 2024-01-01 12:03
PRINTERS_MARK = re.compile(
    r"^(?=.*\d{1,2}[:.]\d\d\b).*\w\.(?:indd|indb|idml|qxd|qxp|fm|fh\d*|ai|cdr|pub)\b", re.IGNORECASE
)
Key = tuple[str, str]
Place = tuple[float, float]  # baseline and height of a line; a height of 0 stands for neither known

APART = 1.4  # times the usual distance of lines on the page: what is further away is no part of its body
LARGER = 1.12  # than most letters of the page, as the titles of slides are
SLIDE = 20  # lines; a page of slides or of a form has fewer,
PROSE = 12  # and most pages of prose have more
SAME_PLACE = 1.5  # points


class Page:
    """The lines of one page, and which of them are set apart from its body."""

    def __init__(self, lines: Sequence[str], places: Sequence[Place] = ()) -> None:
        self.lines = lines
        self.places = places if places and all(height for _baseline, height in places) else ()
        gaps = [abs(a[0] - b[0]) for a, b in pairwise(self.places)]
        usual = median(gaps) if gaps else 0.0
        self.is_gap = [
            gap > APART * max(usual, height)
            for gap, (_baseline, height) in zip(gaps, self.places, strict=False)
        ]
        self.height = median(height for _baseline, height in self.places) if self.places else 0.0

    def edges(self) -> Iterator[tuple[str, int]]:
        """The lines that may be running ones: outside of the body where that can be told, else the outermost."""
        count, gaps = len(self.lines), range(len(self.is_gap))
        above, below = self._gap_near(gaps), self._gap_near(gaps[::-1])
        top = (0 if self._is_head_of_table() else min(EDGE, count)) if above is None else above + 1
        bottom = max(0, count - EDGE) if below is None else below + 1
        # A line of a very short page is near both its ends.
        yield from (("top", line) for line in range(top))
        yield from (("bottom", line) for line in range(bottom, count))

    def _gap_near(self, inwards: Sequence[int]) -> int | None:
        """The innermost gap among the outermost lines, or the one behind the first block of lines, as of a letterhead."""
        near = [line for line in inwards[:EDGE] if self.is_gap[line]]
        return near[-1] if near else next((line for line in inwards[:BLOCK] if self.is_gap[line]), None)

    def _is_head_of_table(self) -> bool:
        """The first line is followed by rows that end in figures, and no larger gap stands between."""
        rows = self.lines[1:4] if self.places else ()
        return len(rows) == 3 and all(line[-1].isdigit() or line[-1] in "%)" for line in rows)

    def is_title(self, line: int) -> bool:
        """In letters larger than those of a page of few lines, as of slides."""
        return bool(self.places) and len(self.lines) <= SLIDE and self.places[line][1] > LARGER * self.height

    def is_apart(self, outermost: int) -> bool:
        """Whether there is a gap between the first (0) or the last line (-1) and the rest."""
        return len(self.is_gap) > 1 and self.is_gap[outermost]

    def is_apart_from_prose(self, outermost: int) -> bool:
        return self.is_apart(outermost) and len(self.lines) > PROSE


def find_headers_and_footers(
    pages: Sequence[Sequence[str]], places: Sequence[Sequence[Place]] = ()
) -> tuple[list[set[int]], list[str]]:
    """For each page the numbers of its lines that are running ones, and one sample of each kind.

    `places`, where they are known, tell a header from the first line of the text that comes again, such as the
    head of a table.
    """
    measured = [Page(page, places[number] if places else ()) for number, page in enumerate(pages)]
    running = [set[int]() for _ in pages]
    samples: list[str] = []
    for found in _places(measured).values():
        if _is_running(found, pages):
            samples.append(pages[found[0][0]][found[0][1]])
            for page, line in found:
                running[page].add(line)
    if pages and median(map(len, pages)) > PROSE:
        _drop_headers_of_chapters(measured, running)
    _spare_forms(pages, running)
    _drop_printers_marks(pages, running)
    _drop_page_numbers(pages, running)
    _drop_numbered_lines(measured, running)
    _spare_what_is_within(pages, running)
    _spare_the_only_lines(pages, running)
    return running, list(dict.fromkeys(samples))


def _drop_headers_of_chapters(pages: Sequence[Page], running: list[set[int]]) -> None:
    """Outermost lines at one place of most pages, apart from their text, most of which come again: titles of chapters."""
    counted: Counter[str] = Counter()
    for outermost in (0, -1):
        at: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for number, page in enumerate(pages):
            if page.lines and page.places:
                line = outermost % len(page.lines)
                if page.is_apart(outermost) and len(LETTER.findall(page.lines[line][:MAX_LENGTH])) > 1:
                    at[round(page.places[line][0] / SAME_PLACE)].append((number, line))
        for found in at.values():
            if len(found) < max(4, 0.6 * len(pages)) or all(
                line in running[number] for number, line in found
            ):
                continue
            counted = counted or _counted(pages)
            again = sum(counted[_folded(pages[number].lines[line])] > 1 for number, line in found)
            if 2 * again > len(found):
                for number, line in found:
                    running[number].add(line)


def _counted(pages: Sequence[Page]) -> Counter[str]:
    return Counter(_folded(line) for page in pages for line in page.lines if len(line) <= MAX_LENGTH)


def _spare_forms(pages: Sequence[Sequence[str]], running: list[set[int]]) -> None:
    """Where most of what pages say comes again, as on forms, it is their text."""
    lost = [
        number
        for number, page in enumerate(pages)
        if 2 * sum(len(page[line]) for line in running[number]) > sum(map(len, page))
    ]
    if 2 * len(lost) >= len(pages):
        for number in lost:
            running[number].clear()


def _spare_what_is_within(pages: Sequence[Sequence[str]], running: list[set[int]]) -> None:
    """A line further in is only a running one with all that are outside of it, as in a letterhead."""
    for page, dropped in zip(pages, running, strict=True):
        for line in sorted(dropped):
            if EDGE <= line < len(page) - EDGE and not (
                dropped.issuperset(range(line)) or dropped.issuperset(range(line, len(page)))
            ):
                dropped.discard(line)


def _spare_the_only_lines(pages: Sequence[Sequence[str]], running: list[set[int]]) -> None:
    """Where most pages would lose all they have, the longest line of each is what they are for."""
    emptied = [number for number, page in enumerate(pages) if page and len(running[number]) == len(page)]
    if 2 * len(emptied) >= len(pages):
        for number in emptied:
            page = pages[number]
            running[number].discard(max(range(len(page)), key=lambda line: len(page[line])))


def _places(pages: Sequence[Page]) -> dict[Key, list[tuple[int, int]]]:
    """Where each line of the edges occurs; digits count as alike."""
    places: dict[Key, list[tuple[int, int]]] = defaultdict(list)
    for number, page in enumerate(pages):
        for zone, line in page.edges():
            if len(page.lines[line]) <= MAX_LENGTH and not page.is_title(line):
                places[zone, _folded(page.lines[line])].append((number, line))
    return places


def _body(page: Sequence[str]) -> str:
    return "\n".join(page[EDGE:-EDGE] or page)


def _folded(line: str) -> str:
    return " ".join(NUMBER.sub("#", line).casefold().split())


def _is_running(found: Sequence[tuple[int, int]], pages: Sequence[Sequence[str]]) -> bool:
    sample = pages[found[0][0]][found[0][1]]
    if len(LETTER.findall(sample)) < 2:
        return False  # numbers alone are judged as page numbers; a table has many
    distinct = {_body(pages[page]) for page, _line in found}
    if len(distinct) < 2:
        return False  # the same page over and over, not a line that comes again
    if not _numbers_are_steady(found, pages):
        return False
    count, total = len(found), len(pages)
    if total == 2:
        return count == 2 and all(line in (0, len(pages[page]) - 1) for page, line in found)
    if total >= 3 and count >= 2 and 2 * count >= total:
        return True
    return _is_a_chapters(found, pages)


def _numbers_are_steady(found: Sequence[tuple[int, int]], pages: Sequence[Sequence[str]]) -> bool:
    """Each number of the line stays, but for one that grows as pages do: the rows of a table do neither.

    A whole sentence with a number that grows is no header but something the pages say.
    """
    rows = [[int(n[:9]) for n in NUMBER.findall(pages[page][line])] for page, line in found]
    turns = [page for page, _line in found]
    counting = 0
    for column in zip(*rows, strict=True):
        steps = list(pairwise(column))
        steady = sum(a == b for a, b in steps)
        grown = sum(
            b - a == there - here for (a, b), (here, there) in zip(steps, pairwise(turns), strict=True)
        )
        if max(steady, grown) < 0.7 * len(steps):
            return False
        counting += grown > steady
    return counting == 0 or (counting == 1 and not SENTENCE.search(pages[found[0][0]][found[0][1]]))


def _is_a_chapters(found: Sequence[tuple[int, int]], pages: Sequence[Sequence[str]]) -> bool:
    """A header of one chapter: outermost on its page, and on most pages between its first and last."""
    if len(found) < 4 or any(line not in (0, len(pages[page]) - 1) for page, line in found):
        return False
    span = found[-1][0] - found[0][0] + 1
    return len(found) >= 0.45 * span


def _drop_page_numbers(pages: Sequence[Sequence[str]], running: list[set[int]]) -> None:
    """A number that stands alone at the edge and counts with the pages is theirs; "Page 2 of 5" is one in any case."""
    candidates: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for number, text in enumerate(pages):
        for line in _outermost(text, running[number]):
            match = PAGE_NUMBER.fullmatch(text[line][:MAX_LENGTH])
            value = _value(match["number"]) if match else None
            if value is None or match is None:
                continue
            candidates[value - number].append((number, line))
            if match["word"] and match["total"] and 1 <= value <= int(match["total"]):
                running[number].add(line)
    for found in candidates.values():
        if len({page for page, _line in found}) >= min(3, max(2, len(pages))):
            for page, line in found:
                running[page].add(line)


def _drop_printers_marks(pages: Sequence[Sequence[str]], running: list[set[int]]) -> None:
    """What layout programs print beside the page: the name of their file, often with the page, the day and the hour."""
    for number, page in enumerate(pages):
        for line in {*range(min(EDGE, len(page))), *range(max(0, len(page) - EDGE), len(page))}:
            if PRINTERS_MARK.search(page[line][:MAX_LENGTH]):
                running[number].add(line)


def _outermost(page: Sequence[str], running: set[int]) -> Iterator[int]:
    """The first and the last two lines that are left when running lines are taken away."""
    left = [line for line in range(min(len(page), 2 * EDGE)) if line not in running]
    yield from left[:1]
    right = [line for line in range(max(0, len(page) - 2 * EDGE), len(page)) if line not in running]
    yield from (line for line in right[-1:] if line not in left[:1])


def _drop_numbered_lines(pages: Sequence[Page], running: list[set[int]]) -> None:
    """Where most pages end (or begin) with a line that carries their number, all such lines are running ones.

    Many of them name the section, and a section of one page has its line once. Most must come again, or be a number
    alone, or stand apart from a page of prose: titles of slides that are counted do none of it.
    """
    for place in (0, -1):
        found: dict[int, list[tuple[int, str]]] = defaultdict(list)
        for number, page in enumerate(pages):
            for value, text in _numbered(page.lines[place] if page.lines else ""):
                found[value - number].append((number, text))
        if not found:
            continue
        best = max(found.values(), key=len)
        times = Counter(text for _number, text in best)
        usual = sum(
            times[text] > 1 or not text or pages[number].is_apart_from_prose(place) for number, text in best
        )
        if len(best) >= max(3, 0.6 * len(pages)) and 2 * usual >= len(best):
            are_bare = 2 * sum(not text for _number, text in best) > len(best)
            for number, text in best:
                # Where the others are numbers alone, it is the end of the page's text that has come into this one.
                if not (are_bare and times[text] == 1):
                    running[number].add(place % len(pages[number].lines))


def _numbered(line: str) -> Iterator[tuple[int, str]]:
    """The number at either end of a line, and what else it says; numbers in that count as alike."""
    if len(line) > MAX_LENGTH or SENTENCE.search(line):
        return
    if alone := PAGE_NUMBER.fullmatch(line):
        value = _value(alone["number"])
        if value is not None:
            yield value, ""
        return
    for pattern in (LEADING, TRAILING):
        if match := pattern.fullmatch(line):
            yield int(match["number"]), _folded(match["rest"])


ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}


def _value(numeral: str) -> int | None:
    if numeral.isdecimal():
        return int(numeral)
    digits = [ROMAN[letter] for letter in numeral.casefold()]
    if any(a * 10 < b for a, b in pairwise(digits)):
        return None
    return sum(-a if a < b else a for a, b in zip(digits, [*digits[1:], 0], strict=True))
