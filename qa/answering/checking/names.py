"""Names in a sentence of an answer, found by their capitals, and whether its sources know them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from qa.answering.checking.number_words import MONTHS
from qa.retrieval.stop_words import STOP_WORDS

WORD = re.compile(r"[^\W\d_]+(?:['’.&-][^\W\d_]+)*")
PARTS = re.compile(r"['’.&-]")
_TITLES = "dr prof mr mrs ms mx sir dame lord lady herr frau dipl ing st saint president director minister professor doctor"
TITLES = frozenset(_TITLES.split())
_DAYS = """
    monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag sonnabend
    sonntag
"""
# Capitals that name nothing a source would have to say.
_COMMON = "i ai pdf ok faq english german french spanish italian internet web euro euros yes no note"
COMMON = frozenset((*_DAYS.split(), *_COMMON.split(), *(name for name in MONTHS if len(name) > 2)))
GERMAN_WORDS = frozenset(
    [
        "der",
        "die",
        "das",
        "und",
        "ist",
        "nicht",
        "ein",
        "eine",
        "einen",
        "zu",
        "den",
        "dem",
        "des",
        "von",
        "mit",
        "für",
        "auf",
        "im",
        "am",
        "werden",
        "wird",
        "sind",
        "kann",
        "nach",
        "bei",
        "oder",
        "pro",
        "wer",
        "muss",
        "hat",
        "haben",
        "er",
        "sie",
        "es",
        "vor",
        "bis",
        "zum",
        "zur",
        "aus",
    ]
)
# Nouns that stand before another noun without being a name.
_MEASURES = """
    prozent euro cent kilo kilogramm gramm liter meter kilometer quadratmeter grad stunde stunden minute minuten tag tage
    tagen woche wochen monat monate monaten jahr jahre jahren ende anfang mitte uhr million millionen milliarde milliarden
    tonne tonnen stück paar euros dollar seite
"""
MEASURES = frozenset(_MEASURES.split())
LINKS = {" ", " of ", " of the ", " & ", " von ", " de ", " van ", " du ", " la ", "-"}
STARTS = re.compile(r"(?:^|[.!?:;•|]|[\"“„«(\[*#>—–-])[\s*_\"“„«(\[]*$")
MIN_PREFIX = 5


@dataclass(frozen=True)
class Name:
    """A run of capitalised words, and where it stands in the sentence."""

    start: int
    end: int
    words: tuple[str, ...]


def is_german(text: str) -> bool:
    """Whether the text is German, where every noun has a capital."""
    words = [word.lower() for word in WORD.findall(text[:4_000])]
    german = sum(word in GERMAN_WORDS for word in words)
    return german > sum(word in STOP_WORDS for word in words)


def names(text: str, *, german: bool = False) -> list[Name]:
    """Return the names of a sentence; in German only those of several words, or after a title."""
    words = list(WORD.finditer(text))
    if sum(word[0][0].isupper() for word in words) > (0.9 if german else 0.7) * len(words) > 2:
        return []  # a title, or capitals throughout
    found = []
    for capitals in _runs(text, words):
        run = _without_start(text, capitals)
        spoken = tuple(word[0] for word in run)
        if not run or text[run[-1].end() :].lstrip("*_ ").startswith(":"):
            continue  # "Annual Fee: ..." is a label
        if not german or _is_german_name(text, run):
            found.append(Name(run[0].start(), run[-1].end(), spoken))
    return found


def _runs(text: str, words: Iterable[re.Match[str]]) -> Iterator[list[re.Match[str]]]:
    """Yield the capitalised words that follow each other, or are joined by a word such as "of"."""
    run: list[re.Match[str]] = []
    for word in words:
        if not word[0][0].isupper() or len(word[0]) == 1:
            continue
        if run and (text[run[-1].end() : word.start()] not in LINKS or word[0].lower() in TITLES):
            yield run
            run = []
        run.append(word)
    if run:
        yield run


def _without_start(text: str, run: list[re.Match[str]]) -> list[re.Match[str]]:
    """Leave out a first word whose capital is the sentence's; "Maria Gomez" at the start stays whole."""
    is_start = STARTS.search(text[max(0, run[0].start() - 8) : run[0].start()]) is not None
    first = run[0][0].lower()
    if is_start and (len(run) == 1 or first in STOP_WORDS or first in GERMAN_WORDS):
        return run[1:]
    return run


def _is_german_name(text: str, run: list[re.Match[str]]) -> bool:
    before = re.findall(r"[^\W\d_]+", text[max(0, run[0].start() - 12) : run[0].start()])
    if before and before[-1].lower() in TITLES:
        return True
    words = [word[0].lower() for word in run]
    if words[0] in TITLES:
        return len(words) > 1
    return len(words) > 1 and not MEASURES.intersection(words)


class KnownNames:
    """The words of the sources, to look up a name, its stem or its initials."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._words: set[str] = set()
        self._prefixes: set[str] = set()
        self._initials = ""
        self._acronyms: set[str] = set()
        for text in texts:
            found = WORD.findall(text)
            spoken = (word for word in found if word[0].isupper() or word.lower() not in STOP_WORDS)
            self._initials += "".join(word[0] for word in spoken).lower() + " "
            self._acronyms.update(word.lower() for word in found if word.isupper())
            parts = (part for word in found for part in (word, *PARTS.split(word)) if part)
            self._words.update(_plain(part) for part in parts)
        self._prefixes = {
            word[:length] for word in self._words for length in range(MIN_PREFIX, min(len(word), 20) + 1)
        }

    def has(self, name: Name, *, german: bool = False) -> bool:
        """Whether the sources know the name: each of its words, or in German half of them."""
        wanted = [word for word in name.words if _plain(word) not in TITLES and _plain(word) not in COMMON]
        known = [self._has_word(word) for word in wanted]
        if not wanted or all(known) or (german and sum(known) * 2 >= len(known)):
            return True
        initials = "".join(word[0] for word in name.words if word[0].isupper()).lower()
        return len(initials) > 1 and initials in self._acronyms

    def _has_word(self, word: str) -> bool:
        plain = _plain(word)
        if plain in self._words or all(_plain(part) in self._words for part in PARTS.split(word) if part):
            return True
        if word.isupper() and 2 <= len(word) <= 6:
            return plain in self._initials
        return len(plain) >= MIN_PREFIX and plain[: max(MIN_PREFIX, len(plain) - 2)] in self._prefixes


def _plain(word: str) -> str:
    """Return the word in lower case, without a genitive."""
    return re.sub(r"['’]s?$", "", word.lower()).strip(".'’")
