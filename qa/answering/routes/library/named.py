"""A document with the words by which a person may call it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

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


@dataclass
class Named:
    """A document with the words by which a person may call it."""

    document: Document
    head: str
    words: dict[str, float] = field(default_factory=dict)  # stem: weight
    years: set[str] = field(default_factory=set)
    months: set[str] = field(default_factory=set)
    called: set[str] = field(default_factory=set)  # the words of its names as they are written

    def __post_init__(self) -> None:
        document, version = self.document, self.document.serving
        names = " ".join([document.title, document.own_title, version.file_name if version else ""])
        spaced = re.sub(r"[_\-.]+", " ", names)
        self.years = set(YEAR.findall(spaced))
        self.months = months_in(names)
        for words, weight in (
            (self.head, IN_LETTER if self._kinds() & (MAIL_KIND | LETTER) else IN_HEAD),
            (self._similar(spaced), SIMILAR),
            (" ".join(self._kinds()), OF_KIND),
            (self.language, OF_KIND),
            (f"{document.author} {self._people()}", BY_AUTHOR),
            (spaced, NAMED),
        ):
            self.words.update(dict.fromkeys(map(stem, content(words)), weight))
            self.called |= set(content(words)) if weight > IN_LETTER else set()

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
        return word in self._kinds()

    def _kinds(self) -> frozenset[str]:
        version = self.document.serving
        media_type = version.media_type if version else ""
        found: frozenset[str] = frozenset()
        for kind, fits in (
            (PRESENTATION, is_presentation(media_type)),
            (SPREADSHEET, is_spreadsheet(media_type)),
            (MAIL_KIND, media_type == MAIL),
            (WEB, media_type == "text/html"),
            (CSV, media_type == "text/csv"),
            (PDF, media_type == "application/pdf"),
            (WORD_FILE, media_type in (DOCX, ODT)),
            (LETTER, media_type != MAIL and bool(SALUTATION.match(self.head))),
        ):
            found |= kind if fits else frozenset()
        return found

    def _people(self) -> str:
        """The lines that name who wrote a mail or a letter, and to whom."""
        kinds = self._kinds()
        if kinds >= MAIL_KIND:
            return " ".join(PEOPLE.findall(self.head))
        opening = SALUTATION.match(self.head) if kinds >= LETTER else None
        return opening[0] if opening else ""

    @staticmethod
    def _similar(names: str) -> str:
        called = set(content(names))
        return " ".join(word for group in (*SYNONYMS, *ADJECTIVES) if called & group for word in group)
