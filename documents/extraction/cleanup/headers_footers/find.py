"""Finds headers, footers and page numbers: lines that repeat from page to page."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from documents.extraction.cleanup.headers_footers.page_edges import EDGE, PROSE, Page, Place
from documents.extraction.cleanup.headers_footers.page_numbers import (
    MAX_LENGTH,
    NUMBER,
    PAGE_NUMBER,
    is_sentence,
    numbered_ends,
    page_number,
    with_equal_numbers,
)

LETTER = re.compile(r"[^\W\d_]")
# As in: file.indd 3 2024-01-01 12:03
PRINTERS_MARK = re.compile(
    r"^(?=.*\d{1,2}[:.]\d\d\b).*\w\.(?:indd|indb|idml|qxd|qxp|fm|fh\d*|ai|cdr|pub)\b", re.IGNORECASE
)
Key = tuple[str, str]
SAME_PLACE = 1.5  # points


def find_headers_and_footers(
    pages: Sequence[Sequence[str]], places: Sequence[Sequence[Place]] = ()
) -> tuple[list[set[int]], list[str]]:
    """Return for each page the indexes of its header and footer lines, and one sample of each kind.

    `places`, if known, distinguish a header from a first line of text that repeats, such as the head of a table.
    """
    measured = [Page(page, places[number] if places else ()) for number, page in enumerate(pages)]
    dropped = [set[int]() for _ in pages]
    samples: list[str] = []
    for found in _places(measured).values():
        if _repeats(found, pages):
            samples.append(pages[found[0][0]][found[0][1]])
            for page, line in found:
                dropped[page].add(line)
    if pages and median(map(len, pages)) > PROSE:
        _drop_chapter_headers(measured, dropped)
    _keep_forms(pages, dropped)
    _drop_printers_marks(pages, dropped)
    _drop_page_numbers(pages, dropped)
    _drop_numbered_lines(measured, dropped)
    _keep_inner_lines(pages, dropped)
    _keep_only_lines(pages, dropped)
    return dropped, list(dict.fromkeys(samples))


def _drop_chapter_headers(pages: Sequence[Page], dropped: list[set[int]]) -> None:
    """Drop chapter titles: separated outermost lines at one place of most pages, most of which repeat."""
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
                line in dropped[number] for number, line in found
            ):
                continue
            counted = counted or _counted(pages)
            again = sum(counted[with_equal_numbers(pages[number].lines[line])] > 1 for number, line in found)
            if 2 * again > len(found):
                for number, line in found:
                    dropped[number].add(line)


def _counted(pages: Sequence[Page]) -> Counter[str]:
    return Counter(
        with_equal_numbers(line) for page in pages for line in page.lines if len(line) <= MAX_LENGTH
    )


def _keep_forms(pages: Sequence[Sequence[str]], dropped: list[set[int]]) -> None:
    """Keep lines that make up most of the pages' text, as on forms."""
    lost = [
        number
        for number, page in enumerate(pages)
        if 2 * sum(len(page[line]) for line in dropped[number]) > sum(map(len, page))
    ]
    if 2 * len(lost) >= len(pages):
        for number in lost:
            dropped[number].clear()


def _keep_inner_lines(pages: Sequence[Sequence[str]], dropped: list[set[int]]) -> None:
    """Keep an inner line unless all lines outside of it are dropped too, as in a letterhead."""
    for page, lines in zip(pages, dropped, strict=True):
        for line in sorted(lines):
            if EDGE <= line < len(page) - EDGE and not (
                lines.issuperset(range(line)) or lines.issuperset(range(line, len(page)))
            ):
                lines.discard(line)


def _keep_only_lines(pages: Sequence[Sequence[str]], dropped: list[set[int]]) -> None:
    """Keep the longest line of each page if most pages would become empty."""
    emptied = [number for number, page in enumerate(pages) if page and len(dropped[number]) == len(page)]
    if 2 * len(emptied) >= len(pages):
        for number in emptied:
            page = pages[number]
            dropped[number].discard(max(range(len(page)), key=lambda line: len(page[line])))


def _places(pages: Sequence[Page]) -> dict[Key, list[tuple[int, int]]]:
    """The occurrences of each candidate line. All numbers count as equal."""
    places: dict[Key, list[tuple[int, int]]] = defaultdict(list)
    for number, page in enumerate(pages):
        for zone, line in page.edges():
            if len(page.lines[line]) <= MAX_LENGTH and not page.is_title(line):
                places[zone, with_equal_numbers(page.lines[line])].append((number, line))
    return places


def _body(page: Sequence[str]) -> Sequence[str]:
    return page[EDGE:-EDGE] or page


def _repeats(found: Sequence[tuple[int, int]], pages: Sequence[Sequence[str]]) -> bool:
    if len(found) < 2:
        return False
    sample = pages[found[0][0]][found[0][1]]
    if len(LETTER.findall(sample)) < 2:
        return False  # bare numbers are left to the search for page numbers; tables have many
    body = _body(pages[found[0][0]])
    if all(_body(pages[page]) == body for page, _line in found):
        return False  # the whole page repeats, not only the line
    if not _numbers_are_steady(found, pages):
        return False
    count, total = len(found), len(pages)
    if total == 2:
        return count == 2 and all(line in (0, len(pages[page]) - 1) for page, line in found)
    if total >= 3 and count >= 2 and 2 * count >= total:
        return True
    return _is_chapter_header(found, pages)


def _numbers_are_steady(found: Sequence[tuple[int, int]], pages: Sequence[Sequence[str]]) -> bool:
    """Whether each number is constant, or grows with the page number. In rows of a table they do neither.

    A whole sentence with a growing number is text, not a header.
    """
    rows = [[int(n[:9]) for n in NUMBER.findall(pages[page][line])] for page, line in found]
    page_numbers = [page for page, _line in found]
    counting = 0
    for column in zip(*rows, strict=True):
        steps = list(pairwise(column))
        steady = sum(a == b for a, b in steps)
        grown = sum(
            b - a == second - first
            for (a, b), (first, second) in zip(steps, pairwise(page_numbers), strict=True)
        )
        if max(steady, grown) < 0.7 * len(steps):
            return False
        counting += grown > steady
    return counting == 0 or (counting == 1 and not is_sentence(pages[found[0][0]][found[0][1]]))


def _is_chapter_header(found: Sequence[tuple[int, int]], pages: Sequence[Sequence[str]]) -> bool:
    """Whether the line is outermost on its pages, and on about half of the pages from its first to its last."""
    if len(found) < 4 or any(line not in (0, len(pages[page]) - 1) for page, line in found):
        return False
    span = found[-1][0] - found[0][0] + 1
    return len(found) >= 0.45 * span


def _drop_page_numbers(pages: Sequence[Sequence[str]], dropped: list[set[int]]) -> None:
    """Drop numbers alone on an outermost line that grow with the pages, and "Page 2 of 5" in any case."""
    candidates: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for number, text in enumerate(pages):
        for line in _outermost(text, dropped[number]):
            match = PAGE_NUMBER.fullmatch(text[line][:MAX_LENGTH])
            value = page_number(match["number"]) if match else None
            if value is None or match is None:
                continue
            candidates[value - number].append((number, line))
            if match["word"] and match["total"] and 1 <= value <= int(match["total"]):
                dropped[number].add(line)
    for found in candidates.values():
        if len({page for page, _line in found}) >= min(3, max(2, len(pages))):
            for page, line in found:
                dropped[page].add(line)


def _drop_printers_marks(pages: Sequence[Sequence[str]], dropped: list[set[int]]) -> None:
    """Drop what layout programs print beside the page: a file name, often with page, date and time."""
    for number, page in enumerate(pages):
        for line in {*range(min(EDGE, len(page))), *range(max(0, len(page) - EDGE), len(page))}:
            text = page[line][:MAX_LENGTH]
            if "." in text and PRINTERS_MARK.search(text):
                dropped[number].add(line)


def _outermost(page: Sequence[str], dropped: set[int]) -> Iterator[int]:
    """The first and the last of the lines that are not dropped yet."""
    left = [line for line in range(min(len(page), 2 * EDGE)) if line not in dropped]
    yield from left[:1]
    right = [line for line in range(max(0, len(page) - 2 * EDGE), len(page)) if line not in dropped]
    yield from (line for line in right[-1:] if line not in left[:1])


def _drop_numbered_lines(pages: Sequence[Page], dropped: list[set[int]]) -> None:
    """Drop the first or last lines with the page number if most pages have one.

    Many name the section, so some occur once. But most must repeat, be a bare number, or be separated from a page of
    prose. Numbered titles of slides are none of these.
    """
    for place in (0, -1):
        found: dict[int, list[tuple[int, str]]] = defaultdict(list)
        for number, page in enumerate(pages):
            for value, text in numbered_ends(page.lines[place] if page.lines else ""):
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
                # If the other lines are bare numbers, this one is text that PDFium joined with the number.
                if not (are_bare and times[text] == 1):
                    dropped[number].add(place % len(pages[number].lines))
