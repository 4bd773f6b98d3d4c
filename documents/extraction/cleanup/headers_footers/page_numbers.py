"""Finds page numbers, alone or at either end of a line."""

import re
from collections.abc import Iterator
from itertools import pairwise

MAX_LENGTH = 250  # characters; longer lines are prose
NUMBER = re.compile(r"\d+")
# Alone on a line: 12, - 12 -, [12], Page 12, p. 12, 12/40, Seite 12 von 40, page xii
PAGE_NUMBER = re.compile(
    r"[\W_]*(?:(?P<word>page|p|pp|pg|seite|página|pagina|стр|sida|side|strana|strona|oldal|第)\b\.?[\W_]*)?"
    r"(?P<number>\d{1,5}|[ivxlcdm]{1,8})\s*(?:页|頁|ページ|쪽)?"
    r"(?:[\W_]*(?:of|von|de|di|van|av|из|sur|/|\|)[\W_]*(?P<total>\d{1,5}))?[\W_]*",
    re.IGNORECASE,
)
# A header or footer with a page number: 12 Chapter 3. Duties, 3.2. Duties 13
LEADING = re.compile(r"(?P<number>\d{1,5})\s+(?P<rest>\S.*)")
TRAILING = re.compile(r"(?P<rest>.*\S)\s+(?P<number>\d{1,5})")
SENTENCE = re.compile(r"(?:\S+\s+){3}.*[.!?][\"'”’»)]*$")
SENTENCE_ENDS = frozenset(".!?\"'”’»)")


def is_sentence(line: str) -> bool:
    """Whether the line ends a sentence and has some words."""
    return line[-1:] in SENTENCE_ENDS and SENTENCE.search(line) is not None


def with_equal_numbers(line: str) -> str:
    return " ".join(NUMBER.sub("#", line).casefold().split())


def numbered_ends(line: str) -> Iterator[tuple[int, str]]:
    """Yield the number at either end of a line, and the rest of the line with all numbers made equal."""
    if len(line) > MAX_LENGTH or is_sentence(line):
        return
    if alone := PAGE_NUMBER.fullmatch(line):
        value = page_number(alone["number"])
        if value is not None:
            yield value, ""
        return
    for pattern in (LEADING, TRAILING):
        if match := pattern.fullmatch(line):
            yield int(match["number"]), with_equal_numbers(match["rest"])


ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}


def page_number(numeral: str) -> int | None:
    if numeral.isdecimal():
        return int(numeral)
    digits = [ROMAN[letter] for letter in numeral.casefold()]
    if any(a * 10 < b for a, b in pairwise(digits)):
        return None
    return sum(-a if a < b else a for a, b in zip(digits, [*digits[1:], 0], strict=True))
