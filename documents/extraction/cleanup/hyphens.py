"""Joins words broken at line ends. Learns from the document which hyphens belong to the word."""

import re
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from documents.extraction.cleanup.line import Line

HYPHENS = "-\u2010\u2011"  # within compounds
WORD = re.compile(r"[^\W\d_]+")
NO_WORD = {code: " " for code in range(128) if not chr(code).isalpha()}
COMPOUND = re.compile(r"[^\W\d_]+(?:[-\u2010\u2011][^\W\d_]+)+")
# Limits for searches at the end of a line, which would take quadratic time in long lines.
MAX_WORD_LENGTH = 60
MAX_TOKEN_LENGTH = 200  # between two spaces; longer tokens are not compounds
# Starts with the rare characters, so that the search is fast.
BREAK_IN_WORD = re.compile(
    r"[-\u2010\u00ad\ufffe](?:(?<=\ufffe)|(?<!\ufffe)[^\S\n]*\n\s*)(?P<rest>[^\W\d_]+)"
)
LONG_LINE = 25  # characters
UNUSUAL_AT_END = re.compile("(?<=[^\\W\\d_])\u2010[^\\S\n]*\n")
UNUSUAL_WITHIN = re.compile("\u2010(?=\\w)")
# A program that hyphenates does so at every tenth line end. Fewer hyphens are those of compounds.
# Some of the words that it breaks occur unbroken elsewhere.
MIN_HYPHENATED = 0.025
MIN_KNOWN = 0.15
MIN_LINES = 60
MOST_ARE_SOFT = 3  # of three hyphens at line ends, at least two are soft
BROKEN_END = re.compile(r"([^\W\d_]+)[-\u2010\u00ad]$")
WORD_AT_END = re.compile(r"[^\W\d_]+$")
REST_OF_WORD = re.compile(r"(?P<word>\S{1,40})(?:\s+|$)")
ADDRESS_AT_END = re.compile(r"(?:https?://|www\.)\S*$")
WORD_AT_START = re.compile(r"[^\W\d_]+")
# Halves of compounds that are hardly ever parts of a broken word.
NUMERALS = """two three five seven twenty thirty forty fifty sixty seventy eighty ninety third fourth fifth sixth seventh
    eighth ninth tenth"""
SECONDS = """and of level quality friendly related based lived shaped sized style term specific driven oriented year century scale minded haired eyed
    colored coloured looking"""
FIRST_HALVES = frozenset((*NUMERALS.split(), "higher", "lower"))
SECOND_HALVES = frozenset(SECONDS.split())
PREFIXES = frozenset(("un", "mis", "pre", "non", "over", "under", "out", "counter"))
LINKS = frozenset(("to", "of", "the", "and", "by", "in", "for", "on", "at", "or", "as", "up"))  # up-to-date
ENDINGS_OF_NUMERALS = ("teen", "ty", "ties", "tieth", "fold", "some", "score", "self", "ly")


class Known(NamedTuple):
    """What the texts of a document reveal about its words.

    `has_own_soft_hyphen` says that the program ends broken lines with U+2010 and uses plain hyphens elsewhere.
    """

    words: Counter[str]
    compounds: set[str]
    hyphenates: bool
    has_own_soft_hyphen: bool


class Vocabulary:
    """The words of the document, collected when a broken word first needs them."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = texts
        self.soft_have_actual_text: bool | None = None

    def learn_hyphens(self, with_actual_text: int, total: int) -> None:
        """Learn whether ActualText marks soft hyphens or real ones, which look alike. Programs differ in this.

        Most hyphens at line ends are soft.
        """
        if MOST_ARE_SOFT * with_actual_text < total and with_actual_text:
            self.soft_have_actual_text = False
        elif with_actual_text < total < with_actual_text * MOST_ARE_SOFT / (MOST_ARE_SOFT - 1):
            self.soft_have_actual_text = True

    @cached_property
    def known(self) -> Known:
        words: Counter[str] = Counter()
        compounds: set[str] = set()
        long_lines = at_ends = within = 0
        joined: list[str] = []
        for text in self._texts:
            lines = text.replace("\ufffe", "\n").replace("\r", "\n").split("\n")
            long_lines += sum([len(line) >= LONG_LINE for line in lines])
            if "\u2010" in text:
                at_ends += len(UNUSUAL_AT_END.findall(text))
                within += len(UNUSUAL_WITHIN.findall(text))
            lowered = _without_broken_words(text.lower(), joined)
            words.update(_words(lowered))
            # Searching the whole text for compounds would take quadratic time in the length of words.
            for hyphen in HYPHENS:
                if hyphen in lowered:
                    for token in [token for token in lowered.split() if hyphen in token]:
                        compounds.update(COMPOUND.findall(token[:MAX_TOKEN_LENGTH]))
        unbroken = sum(word in words for word in joined)
        is_frequent = long_lines < MIN_LINES or len(joined) > MIN_HYPHENATED * long_lines
        hyphenates = is_frequent or unbroken > MIN_KNOWN * len(joined)
        return Known(words, compounds, hyphenates, at_ends > max(2, within))

    def __contains__(self, word: str) -> bool:
        return word.lower() in self.known.words

    def has_elsewhere(self, word: str) -> bool:
        """Whether a word that occurs at a line end occurs elsewhere too."""
        return self.known.words[word.lower()] > 1

    def knows_hyphen(self, left: str, right: str) -> bool | None:
        """Whether the word broken between these lines occurs elsewhere with a hyphen, or None if it does not occur."""
        ended, begun = word_at_end(left[-MAX_WORD_LENGTH:]), WORD_AT_START.match(right)
        return self._knows(ended.lower(), begun.group().lower()) if ended and begun else None

    def _knows(self, first: str, second: str) -> bool | None:
        if first + second in self:
            return False
        return True if f"{first}-{second}" in self.known.compounds else None

    def keeps_hyphen(self, left: str, right: str) -> bool:
        """Whether the word broken between these lines is written with a hyphen."""
        begun = WORD_AT_START.match(right)
        assert begun is not None
        first, second = word_at_end(left[-MAX_WORD_LENGTH:]).lower(), begun.group().lower()
        if (keeps := self._knows(first, second)) is not None:
            return keeps
        if not self.known.hyphenates:
            return True
        goes_before, goes_after = left[: -len(first)].endswith("-"), right[len(second) :].startswith("-")
        if (goes_before and first in LINKS) or (goes_after and second in LINKS):
            return True
        if first in PREFIXES or len(first) < 3 or len(second) < 3:
            return False
        if second in SECOND_HALVES or (first in FIRST_HALVES and not second.startswith(ENDINGS_OF_NUMERALS)):
            return True
        return (goes_before or goes_after or _may_be_compound(first, second)) and second in self


def _words(text: str) -> list[str]:
    """All words of a text. For ASCII, translate() is three times as fast as the pattern."""
    return text.translate(NO_WORD).split() if text.isascii() else WORD.findall(text)


def word_at_end(text: str) -> str:
    """The letters at the end of the text."""
    token = text.rpartition(" ")[2]
    if token.isalpha():
        return token
    match = WORD_AT_END.search(token)
    return match.group() if match else ""


def ends_in_address(text: str) -> bool:
    """Whether the text ends inside a web address."""
    return ("://" in text or "www." in text) and ADDRESS_AT_END.search(text[-MAX_TOKEN_LENGTH:]) is not None


def _without_broken_words(text: str, joined: list[str]) -> str:
    """Remove the parts of words broken at line ends, and append the joined words to `joined`."""
    kept, at = [], 0
    for match in BREAK_IN_WORD.finditer(text):
        end = match.start() - 2 if text.endswith("\r\n", 0, match.start()) else match.start()
        if piece := word_at_end(text[max(at, end - MAX_WORD_LENGTH) : end]):
            kept.append(text[at : end - len(piece)])
            joined.append(piece + match["rest"])
            at = match.end()
    return " ".join([*kept, text[at:]])


def _may_be_compound(first: str, second: str) -> bool:
    """Whether two known words usually keep the hyphen, as in self-made, newly-born and armour-piercing."""
    if first in ("self", "well", "half", "cross") or second == "like":
        return True
    return len(second) > 4 and ((first.endswith("ly") and len(first) > 5) or second.endswith(("ed", "ing")))


def join_hyphenated(line: Line, after: str, vocabulary: Vocabulary) -> tuple[str, int]:
    """What joins a line that ends in a hyphen to the next, and how many characters to cut from its end."""
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
        and not ends_in_address(stem)
    )
    keeps = not is_word or vocabulary.keeps_hyphen(stem, after)
    if line.is_hyphenated:
        return "-" if keeps else "", 0
    return "", 0 if keeps else 1


def _is_soft(line: Line, vocabulary: Vocabulary) -> bool | None:
    """Whether the program inserted the hyphen at the line's end, or None if the document does not reveal it."""
    if vocabulary.soft_have_actual_text is not None and line.is_hyphenated:
        return line.has_actual_text == vocabulary.soft_have_actual_text
    if vocabulary.known.has_own_soft_hyphen:
        return not line.is_hyphenated and line.text[-1] == "\u2010"
    return None


def join_over_pages(pages: list[list[Line]], vocabulary: Vocabulary) -> list[tuple[str, int]]:
    """Move the rest of a word broken at the end of a page from the next page. Return what to append to each page."""
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
            or not (line.is_hyphenated or BROKEN_END.search(line.text[-MAX_WORD_LENGTH:]))
        ):
            continue
        hyphen, cut = join_hyphenated(line, first.text, vocabulary)
        tails[number] = hyphen + rest["word"], cut
        if remainder := first.text[rest.end() :]:
            following[0] = first._replace(start=first.start + rest.end(), text=remainder)
        else:
            del following[0]
    return tails
