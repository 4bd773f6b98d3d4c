"""A document with the words by which a person may call it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from typing import NamedTuple

from documents.extraction.registry import DOCX, MAIL, ODT
from documents.models import Document
from documents.presentation.page_names import is_presentation, is_spreadsheet
from documents.structure.outline import SALUTATION
from qa.answering.routes.library.dates import MONTH, MONTHS, PLACEHOLDER_DATES, YEAR, months_in
from qa.answering.routes.library.languages import language_of
from qa.answering.routes.library.words import (
    ADJECTIVES,
    CSV,
    GENERIC,
    LETTER,
    MAIL_KIND,
    PDF,
    PRESENTATION,
    SPREADSHEET,
    SYNONYMS,
    WEB,
    WORD_FILE,
)
from qa.answering.routes.requests import content
from qa.retrieval.stop_words import stem

EDITION = frozenset(["edition", "version", "ausgabe", "fassung", "édition", "edición"])
NAMED, OF_KIND, BY_AUTHOR, SIMILAR, IN_HEAD = 1.0, 0.9, 0.95, 0.8, 0.5
IN_LETTER = 0.7  # letters and mails are called by what they begin with
PEOPLE = re.compile(r"^(?:from|to|cc|von|an):\s*([^<\n]+)", re.IGNORECASE | re.MULTILINE)


class Names(NamedTuple):
    """How well each stem calls a document, the words of its names as they are written, and the dates in them."""

    words: Mapping[str, float]
    called: frozenset[str]
    years: frozenset[str]
    months: frozenset[str]


@dataclass
class Named:
    """A document with the words by which a person may call it."""

    document: Document
    head: str

    @cached_property
    def names(self) -> Names:
        document, version = self.document, self.document.serving
        file_name, media_type = (version.file_name, version.media_type) if version else ("", "")
        return names_of(document.title, document.own_title, document.author, file_name, media_type, self.head)

    @property
    def words(self) -> Mapping[str, float]:
        return self.names.words

    @property
    def called(self) -> frozenset[str]:
        return self.names.called

    @property
    def years(self) -> frozenset[str]:
        return self.names.years

    @property
    def months(self) -> frozenset[str]:
        return self.names.months

    @cached_property
    def language(self) -> str:
        """The English name of the language of its beginning; "" if unknown."""
        return language_of(self.head)

    @cached_property
    def title_words(self) -> frozenset[str]:
        words = content(re.sub(r"[_\-.]+", " ", self.document.title))
        names = (word for word in words if not word.isdecimal() and not MONTH.fullmatch(word))
        return frozenset(stem(word) for word in names if word not in EDITION)

    @cached_property
    def noun(self) -> str:
        """The stem of the last word of its title that is no year, month or word such as "edition": what it is."""
        words = content(re.sub(r"[_\-.]+", " ", self.document.title))
        nouns = [
            word for word in words if word.isalpha() and word not in GENERIC and not MONTH.fullmatch(word)
        ]
        return stem(nouns[-1]) if nouns else ""

    @property
    def dated(self) -> date | None:
        """When it was written or sent, if its file says so."""
        dated = self.document.dated
        return None if dated in PLACEHOLDER_DATES else dated

    @cached_property
    def age(self) -> tuple[str, ...]:
        """What sorts editions from old to new: the year and month in its names, or else its date."""
        if not self.years and self.dated:
            return (str(self.dated),)
        months = sorted(f"{MONTHS.index(month) + 1:02}" for month in self.months)
        return (max(self.years, default=""), *months)

    def is_edition_of(self, other: Named) -> bool:
        """Whether both have one title but for years and months, or are one document."""
        return self is other or self.title_words == other.title_words != frozenset()

    def is_a(self, word: str) -> bool:
        """Whether the word names its kind of file, such as "spreadsheet"."""
        version = self.document.serving
        return word in _kinds(version.media_type if version else "", self.head)


# Asked for by every question, and the same until the document changes.
@lru_cache(maxsize=1_000)
def names_of(title: str, own_title: str, author: str, file_name: str, media_type: str, head: str) -> Names:
    """Return the names of a document: the more a word says which one is meant, the more it weighs."""
    names = f"{title} {own_title} {file_name}"
    spaced, kinds = re.sub(r"[_\-.]+", " ", names), _kinds(media_type, head)
    words: dict[str, float] = {}
    called: set[str] = set()
    for text, weight in (
        (head, IN_LETTER if kinds & (MAIL_KIND | LETTER) else IN_HEAD),
        (_similar(spaced), SIMILAR),
        (" ".join(kinds), OF_KIND),
        (language_of(head), OF_KIND),
        (f"{author} {_people(kinds, head)}", BY_AUTHOR),
        (spaced, NAMED),
    ):
        found = content(text)
        words.update(dict.fromkeys(map(stem, found), weight))
        called.update(found if weight > IN_LETTER else ())
    years, months = frozenset(YEAR.findall(spaced)), frozenset(months_in(names))
    return Names(words, frozenset(called), years, months)


def _kinds(media_type: str, head: str) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for kind, fits in (
        (PRESENTATION, is_presentation(media_type)),
        (SPREADSHEET, is_spreadsheet(media_type)),
        (MAIL_KIND, media_type == MAIL),
        (WEB, media_type == "text/html"),
        (CSV, media_type == "text/csv"),
        (PDF, media_type == "application/pdf"),
        (WORD_FILE, media_type in (DOCX, ODT)),
        (LETTER, media_type != MAIL and bool(SALUTATION.match(head))),
    ):
        found |= kind if fits else frozenset()
    return found


def _people(kinds: frozenset[str], head: str) -> str:
    """The lines that name who wrote a mail or a letter, and to whom."""
    if kinds >= MAIL_KIND:
        return " ".join(PEOPLE.findall(head))
    opening = SALUTATION.match(head) if kinds >= LETTER else None
    return opening[0] if opening else ""


def _similar(names: str) -> str:
    called = set(content(names))
    return " ".join(word for group in (*SYNONYMS, *ADJECTIVES) if called & group for word in group)
