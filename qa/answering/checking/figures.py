"""Figures of a text: its numbers and dates, so that the same figure is found however it is written."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from qa.answering.checking.number_words import FOREIGN_WORDS, MONTHS, SCALES, SHARES, WORDS

MAX_DIGITS = 15  # a longer number is compared by its digits
MIN_WORD_VALUE = 4  # "one of", "two ways": smaller words are rarely a figure of the source
_NAMES = "|".join(sorted(map(re.escape, MONTHS), key=len, reverse=True))
_MONTH = rf"(?P<name>{_NAMES})\b\.?"
DATES = [
    re.compile(r"(?<![\w.-])(?P<y>\d{4})(?P<mark>[-/.])(?P<m>\d{1,2})(?P=mark)(?P<d>\d{1,2})(?![\d])"),
    re.compile(r"(?<![\w.-])(?P<d>\d{1,2})(?P<mark>[-/.])\s?(?P<m>\d{1,2})(?P=mark)\s?(?P<y>\d{4}|\d{2})(?![\w-])"),
    re.compile(rf"(?<!\w)(?P<d>\d{{1,2}})(?:\.|st|nd|rd|th|er)?\s+(?:of\s+|de\s+)?{_MONTH}(?:,?\s+(?:de\s+)?(?P<y>\d{{4}})(?!\d))?", re.I),
    re.compile(rf"(?<!\w){_MONTH}\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?!\d)(?:,?\s+(?P<y>\d{{4}})(?!\d))?", re.I),
    re.compile(r"(?<!\d)(?P<y>\d{4})\s?[年년]\s?(?P<m>\d{1,2})\s?[月월](?:\s?(?P<d>\d{1,2})\s?[日일])?"),
]  # fmt: skip
TIME = re.compile(r"(?<![\w.,:])(\d{1,2})(?:[:.h](\d\d))?(?:\s?([ap])\.?m\b\.?)?(?![\d:])", re.I)
CODE = re.compile(
    r"(?<![\w])[A-Za-zÀ-ɏ]+-?\d[\w-]*|(?<![\w.])\d+(?:[.-]\d+){2,}(?![\w])|(?<![\w.,])0\d{1,5}(?:[ /-]{1,3}\d{2,})+(?!\w)"
)
_SPACE = "\u00a0\u202f\u2009 "
_SCALE = "|".join(sorted((re.escape(word) for word in SCALES if word.isascii() or word[0] > "\u2fff"), key=len, reverse=True))  # fmt: skip
NUMBER = re.compile(
    rf"(?<![A-Za-zÀ-ɏ\d])(\d{{1,3}}(?:[{_SPACE}]\d{{3}})+(?![\d])(?:[.,]\d+)?|\d+(?:[.,'’]\d+)*)"
    rf"(?:[\s\u00a0\u202f-]?({_SCALE})(?![^\W\d_]))?",
    re.I,
)
WORD = re.compile(
    rf"(?<![\w])([^\W\d_]+(?:-[^\W\d_]+)?)(?:[\s-](?:and\s)?({_SCALE})(?![^\W\d_]))?(?![\w])", re.I
)
HEDGE = re.compile(
    r"\b(?:about|around|roughly|approximately|approx|nearly|almost|over|under|above|below|some|than|up to|close to|at least"
    r"|at most|circa|ca|etwa|rund|ungefähr|knapp|über|unter|fast|gut|als|environ|près de|casi|unos)\.?\s+[$€£¥]?\s*$",
    re.I,
)
YEARS = re.compile(r"(?<!\d)(\d\d)(\d\d)[/–-](\d\d)(?!\d)")
MIN_NUMBER_LENGTH = 6  # digits of a telephone or account number, which may be grouped in any way
Date = tuple[int, int, int]  # year, month, day; 0 where it is not said


@dataclass(frozen=True)
class Figure:
    """A number, a date or a code: where it stands, and every value it may have."""

    start: int
    end: int
    text: str
    values: frozenset[float | str] = frozenset()
    dates: frozenset[Date] = frozenset()
    bare: frozenset[float | str] = frozenset()  # before the scale, such as "million"
    scales: tuple[float, ...] = ()
    unit: float = 0.0  # of its last digit, for a rounded number
    is_word: bool = False

    @property
    def kind(self) -> str:
        return "date" if self.dates else "number"


def figures(text: str) -> list[Figure]:
    """Return the figures of a text in order, none within another."""
    rest = _with_plain_digits(text)
    found: list[Figure] = []
    for read in (_dates, _times, _codes, _numbers, _words):
        new = list(read(rest))
        found += new
        if new:
            rest = _without(rest, new)
    return sorted(found, key=lambda figure: figure.start)


def _with_plain_digits(text: str) -> str:
    """Return the text with the digits of every script as 0 to 9; its length stays the same."""
    if text.isascii():
        return text
    text = text.translate({0x66B: ".", 0x66C: ","})
    return re.sub(r"[^\x00-\x7f]", lambda sign: str(unicodedata.decimal(sign[0], sign[0])), text)


def _without(text: str, found: Iterable[Figure]) -> str:
    parts, at = [], 0
    for figure in sorted(found, key=lambda figure: figure.start):
        parts += [text[at : figure.start], "\0" * (figure.end - figure.start)]
        at = max(at, figure.end)
    return "".join([*parts, text[at:]])


def _dates(text: str) -> Iterator[Figure]:
    taken = 0
    matches = sorted((match for form in DATES for match in form.finditer(text)), key=lambda m: m.start())
    for match in matches:
        if match.start() >= taken and (dates := frozenset(_readings_of_date(match.groupdict()))):
            taken = match.end()
            yield Figure(match.start(), match.end(), match[0], dates=dates)


def _readings_of_date(groups: dict[str, str | None]) -> Iterator[Date]:
    year, day = int(groups.get("y") or 0), int(groups.get("d") or 0)
    year += (2000 if year < 70 else 1900) if groups.get("y") and year < 100 else 0
    named = groups.get("name")
    month = MONTHS[named.lower()] if named else int(groups.get("m") or 0)
    for first, second in {(month, day)} if named else {(month, day), (day, month)}:
        if 1 <= first <= 12 and second <= 31:
            yield year, first, second


def _times(text: str) -> Iterator[Figure]:
    """Times of a clock; "14.30" and "2" are numbers too, unless "pm" follows."""
    for match in TIME.finditer(text):
        hour, minute, half = int(match[1]), int(match[2] or 0), (match[3] or "").lower()
        if hour < 24 and minute < 60 and (half or ":" in match[0] or "h" in match[0]):
            if half:
                hour = hour % 12 + (12 if half == "p" else 0)
            # "22 Uhr" and "22h" leave the minutes out.
            values: set[float | str] = {f"{hour}:{minute:02}"}
            if not minute:
                values.add(float(hour))
            yield Figure(match.start(), match.end(), match[0], frozenset(values))


def _codes(text: str) -> Iterator[Figure]:
    for match in CODE.finditer(text):
        yield Figure(match.start(), match.end(), match[0], frozenset([squeezed(match[0])]))


def _numbers(text: str) -> Iterator[Figure]:
    for match in NUMBER.finditer(text):
        readings = _readings(match[1])
        scales = SCALES.get((match[2] or "").lower(), ())
        numbers = {
            round(value * scale, 6)
            for value in readings
            for scale in scales or (1,)
            if isinstance(value, float)
        }
        words = {value for value in readings if isinstance(value, str)}
        if time := re.fullmatch(r"(\d{1,2})\.(\d\d)", match[0]):
            words.add(f"{int(time[1])}:{time[2]}")
        yield Figure(
            match.start(),
            match.end(),
            match[0],
            frozenset(numbers | words),
            bare=frozenset(readings),
            scales=scales,
            unit=_unit(match[1], scales[0] if scales else 1),
        )


def _readings(digits: str) -> set[float | str]:
    """Return what "1.250" may mean: 1250, or one and a quarter."""
    plain = re.sub(rf"[{_SPACE}'’]", "", digits)
    marks = re.findall(r"[.,]", plain)
    bare = re.sub(r"[.,]", "", plain)
    if len(bare) > MAX_DIGITS:
        return {bare}
    if len(set(marks)) == 2 or (len(marks) == 1 and plain != digits):
        whole, _mark, part = plain.rpartition(marks[-1])
        return {float(f"{re.sub('[.,]', '', whole)}.{part}")}
    if len(marks) > 1:
        return {float(bare)}
    if marks:
        whole, part = re.split(r"[.,]", plain)
        is_grouped = len(part) == 3 and len(whole) <= 3 and not whole.startswith("0")
        return {float(f"{whole}.{part}"), *([float(bare)] if is_grouped else [])}
    return {float(bare)}


def _unit(digits: str, scale: float) -> float:
    """Return the value of the last digit that is not a filling zero: 10 for "1,250", a hundred thousand for "3.9 million"."""
    if parts := re.search(r"[.,](\d{1,2})$", digits):
        return float(scale) / 10 ** len(parts[1])
    bare = re.sub(r"\D", "", digits)
    return float(scale) * 10 ** min(len(bare) - len(bare.rstrip("0")), MAX_DIGITS)


def _words(text: str) -> Iterator[Figure]:
    for match in WORD.finditer(text):
        number = WORDS.get(match[1].lower())
        if number is None:
            continue
        scales = SCALES.get((match[2] or "").lower(), (1,))
        values = frozenset(round(float(number) * scale, 6) for scale in scales)
        yield Figure(match.start(), match.end(), match[0], values, is_word=True)


def squeezed(text: str) -> str:
    """Return letters and digits alone, in lower case."""
    return re.sub(r"[\W_]+", "", text.lower())


@dataclass
class KnownFigures:
    """Every figure of some text, to look one up."""

    values: set[float | str] = field(default_factory=set)
    dates: set[Date] = field(default_factory=set)
    scales: set[float] = field(default_factory=set)
    signs: str = ""

    @classmethod
    def of(cls, text: str) -> KnownFigures:
        known = cls(signs=squeezed(_with_plain_digits(text)))
        for figure in figures(text):
            known.values |= figure.values
            known.dates |= figure.dates
            known._add_parts(figure)
        known.values.update(float(century + last) for century, _first, last in YEARS.findall(text))
        for word in re.findall(r"[^\W\d_]+", text.lower()):
            known.scales.update(SCALES.get(word, ()))
            known.values.update(SHARES.get(word, ()))
            if word in FOREIGN_WORDS:
                known.values.add(float(FOREIGN_WORDS[word]))
        return known

    def _add_parts(self, figure: Figure) -> None:
        """A date is known by its year too, and "1 250" or "B-12" by each number."""
        for date in figure.dates:
            self.values.update(float(part) for part in date if part)
        if not figure.dates and re.search(r"[^\d.,]", figure.text) and not figure.scales:
            self.values.update(
                float(digits) for digits in re.findall(r"\d+", figure.text)[:10] if len(digits) <= MAX_DIGITS
            )

    def has(self, figure: Figure, before: str = "") -> bool:
        """Whether the figure stands here, however written; a number rounded if `before`, the words before it, say so."""
        if figure.dates:
            return any(self._has_date(date) for date in figure.dates)
        if figure.values & self.values:
            return True
        texts = [value for value in figure.values if isinstance(value, str)]
        if len(figure.text) >= MIN_NUMBER_LENGTH and figure.text.isdecimal():
            texts.append(figure.text)
        if any(text in self.signs for text in texts):
            return True
        # A table may say "in millions" once for all its numbers.
        if not self.scales.isdisjoint(figure.scales) and figure.bare & self.values:
            return True
        numbers = [value for value in figure.values if isinstance(value, float)]
        is_hedged = bool(figure.scales) or bool(HEDGE.search(before[-40:]))
        return is_hedged and bool(numbers) and self._is_near(max(numbers), figure.unit)

    def _has_date(self, date: Date) -> bool:
        year, month, day = date
        if date in self.dates:
            return True
        if not year:
            return any(known[1:] == (month, day) for known in self.dates)
        if not day:
            return any(known[:2] == (year, month) for known in self.dates)
        # The year may stand in a heading, and the day in the text.
        return (0, month, day) in self.dates and float(year) in self.values

    def _is_near(self, number: float, unit: float) -> bool:
        at = bisect_left(self._in_order, number - unit / 2)
        return unit > 0 and at < len(self._in_order) and self._in_order[at] <= number + unit / 2

    @cached_property
    def _in_order(self) -> list[float]:
        return sorted(value for value in self.values if isinstance(value, float))
