"""The documents that the asker may read, and which of them words such as "the letter from Wiesenau" name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import SequenceMatcher
from functools import cached_property
from math import log

from django.db.models import OuterRef, Subquery
from django.db.models.functions import Substr

from documents.extraction.registry import DOCX, MAIL, ODT
from documents.models import Document, Page
from documents.presentation.page_names import is_presentation, is_spreadsheet
from documents.structure.outline import SALUTATION
from qa.answering.routes import editions
from qa.answering.routes.languages import language_of
from qa.answering.routes.nearness import nearness
from qa.answering.routes.requests import content
from qa.retrieval.stop_words import stem

MAX_DOCUMENTS = 400
HEAD_LENGTH = 1500  # characters of a document's beginning
MIN_SCORE = 0.58
MARGIN = 0.08
ENOUGH_OF_TITLE = 0.6
FUZZY = 0.84
MIN_FUZZY_LENGTH = 5
NAMED, OF_KIND, BY_AUTHOR, SIMILAR, IN_HEAD = 1.0, 0.9, 0.95, 0.8, 0.5
IN_LETTER = 0.7  # letters and mails are called by what they begin with
# Phrases such as "the telephone directory" are at least so near the title they mean, and others at most 0.33, in the
# files of two made-up offices.
NEAR, NEAR_OF_KIND, NEAR_MARGIN = 0.42, 0.33, 0.08
# Dates that programs write into files without one.
PLACEHOLDER_DATES = frozenset([date(1970, 1, 1), date(1980, 1, 1), date(2000, 1, 1)])
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
MONTH = re.compile(
    r"(jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz|apr(?:il)?|may|mai|june?|juni|july?|juli|aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)"
)
NUMERIC_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d[-_.](0[1-9]|1[0-2])(?:[-_.]\d\d)?(?!\d)")
PEOPLE = re.compile(r"^(?:from|to|cc|von|an):\s*([^<\n]+)", re.IGNORECASE | re.MULTILINE)
YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
# Words that say nothing about which document is meant.
_GENERIC = """
    document documents file files text called named titled our edition copy one exchange correspondence thread conversation
    two both whole entire full short long
    mr mrs ms dr sir herr frau madame monsieur señor señora
"""
GENERIC = frozenset(_GENERIC.split())
PRESENTATION, SPREADSHEET, MAIL_KIND, LETTER, WEB, CSV, WORD_FILE, PDF = KINDS = [
    frozenset(words.split())
    for words in (
        "presentation slides slide deck powerpoint slideshow präsentation folien présentation presentación",
        "spreadsheet sheet excel workbook tabelle tableur",
        "mail email mails emails message courriel correo",
        "letter brief lettre carta",
        "page web website webpage webseite site",
        "csv spreadsheet list",
        "word",
        "pdf",
    )
]
SYNONYMS = [
    frozenset(words.split())
    for words in (
        "handbook manual guide handbuch manuel guía leitfaden",
        "minutes protocol protokoll meeting acta sitzung",
        "leaflet flyer brochure faltblatt prospekt pamphlet",
        "report bericht rapport informe",
        "policy guideline guidelines rules regulations code statutes bylaws richtlinie politique",
        "faq questions answers",
        "contacts directory addresses phonebook",
        "offer quote quotation estimate angebot",
        "prices price fees rates tariff tariffs costs preise list",
        "contract agreement vertrag contrat contrato",
        "budget haushalt presupuesto",
        "invoice bill rechnung facture factura",
        "letter brief lettre carta invitation",
        "newsletter bulletin rundbrief",
        "plan schedule timetable",
    )
]
NOUNS: frozenset[str] = frozenset().union(*KINDS, *SYNONYMS)
ADJECTIVES = [
    frozenset(words.split())
    for words in ("annual yearly jährlich annuel anual", "monthly monatlich mensuel mensual")
]


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
        return frozenset(stem(word) for word in words if not word.isdecimal() and not MONTH.fullmatch(word))

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


class Library:
    """The askable documents of one question's scope. At most MAX_DOCUMENTS, the newest, are known by name."""

    def __init__(self, scope: Iterable[Document]) -> None:
        self.named = [Named(document, document.head or "") for document in scope]  # type: ignore[attr-defined]
        self._matches: dict[str, dict[int, float]] = {}

    def __len__(self) -> int:
        return len(self.named)

    def find(self, phrase: str) -> list[Named]:
        """Return the documents that the phrase names: one, or those that it fits equally well; none if it names none."""
        found = self.called(phrase)[1] or self._near(phrase)
        return editions.chosen(found, phrase, lambda named: named.age)

    def only(self, phrase: str) -> Named | None:
        """Return the one document that the phrase names; None if it names none or several."""
        found = self.find(phrase)
        return found[0] if len(found) == 1 else None

    def called(self, phrase: str) -> tuple[float, list[Named]]:
        """Return how well the phrase's words name documents, and those that they name."""
        words = [self._spelled(word) for word in content(phrase) if word not in GENERIC]
        wanted = [word for word in words if word not in editions.WORDS]
        known = {place for word in wanted for place in self._known_by(word)}
        scores = {place: self._score(wanted, place) for place in known}
        best = max(scores.values(), default=0.0)
        if best < MIN_SCORE:
            return 0.0, []
        return best, [self.named[place] for place in sorted(scores) if scores[place] >= best - MARGIN]

    def knows(self, word: str) -> bool:
        """Whether a document is called by this word, however it is spelled here."""
        return bool(self._fitting(self._spelled(word.lower())))

    def is_thing(self, word: str, found: Sequence[Named]) -> bool:
        """Whether a word is a noun such as "report" or of the title of one of these, and no name of a person."""
        spelled = self._spelled(word)
        return spelled in NOUNS or any(stem(spelled) in named.title_words for named in found)

    def _near(self, phrase: str) -> list[Named]:
        """The document whose title is near the phrase in meaning, with its editions, if no other is about as near.

        A noun such as "leaflet" leaves only those of that kind; the only one of them is meant if its language is foreign
        to the model.
        """
        words = [self._spelled(word) for word in content(phrase) if word not in GENERIC]
        of_kind = [self._fitting(word) for word in words if word in NOUNS]
        among = next(filter(None, of_kind), None) or self.named
        if not set(words) - editions.WORDS:
            return []
        if any(of_kind) and len(among) == 1 and among[0].language not in ("", "english"):
            return among
        floor = NEAR_OF_KIND if any(of_kind) else NEAR
        titles = [f"{named.document.title}. {named.document.own_title}" for named in among]
        cosines = nearness(phrase, titles)
        best = among[int(cosines.argmax())]
        rivals = [cosine for cosine, each in zip(cosines, among, strict=True) if not best.is_edition_of(each)]
        if cosines.max() < floor or cosines.max() - max(rivals, default=0) < NEAR_MARGIN:
            return []
        return [each for each in among if best.is_edition_of(each)]

    def _fitting(self, word: str) -> list[Named]:
        return [self.named[place] for place, fit in self._known_by(word).items() if fit >= SIMILAR]

    def _score(self, wanted: Sequence[str], place: int) -> float:
        named = self.named[place]
        found = {word: self._known_by(word).get(place, 0.0) for word in wanted}
        strong = [word for word in wanted if found[word] >= SIMILAR and not word.isdecimal()]
        if not strong or not _is_reference(wanted, strong, named):
            return 0.0
        weights = {word: self._weight(word) for word in wanted}
        score = sum(weights[word] * found[word] for word in wanted) / sum(weights[word] for word in wanted)
        years = {word for word in wanted if YEAR.fullmatch(word)}
        if years and named.years and not years & named.years:
            score *= 0.5
        covered = len({stem(word) for word in strong} & named.title_words) / max(len(named.title_words), 1)
        return score + 0.1 * covered

    def _weight(self, word: str) -> float:
        having = sum(weight > IN_LETTER for weight in self._known_by(word).values())
        return log(1 + (len(self.named) + 1) / (having + 0.5))

    def _known_by(self, word: str) -> dict[int, float]:
        """The places of the documents that know a word, and how well it fits each."""
        if word not in self._matches:
            fits = ((place, _match(word, named)) for place, named in enumerate(self.named))
            self._matches[word] = {place: fit for place, fit in fits if fit}
        return self._matches[word]

    def _spelled(self, word: str) -> str:
        """The word that documents are called by and that this one, which none knows, is a misspelling of."""
        is_known = word in NOUNS or word in editions.WORDS or self._known_by(word)
        if is_known or len(word) < MIN_FUZZY_LENGTH or word.isdecimal():
            return word
        return self._spellings.get(word) or self._spell(word)

    def _spell(self, word: str) -> str:
        close = (other for other in self._vocabulary if is_close(word, other))
        self._spellings[word] = max(
            close, key=lambda other: SequenceMatcher(None, word, other).ratio(), default=word
        )
        return self._spellings[word]

    @cached_property
    def _spellings(self) -> dict[str, str]:
        return {}

    @cached_property
    def _vocabulary(self) -> frozenset[str]:
        names = NOUNS.union(*(named.called for named in self.named))
        return frozenset(name for name in names if len(name) >= MIN_FUZZY_LENGTH)


def _match(word: str, named: Named) -> float:
    """How well one word fits the document's names, from 0 to 1."""
    if YEAR.fullmatch(word):
        dated = named.document.dated
        return NAMED if word in named.years else IN_HEAD if dated and str(dated.year) == word else 0.0
    if MONTH.fullmatch(word) and months_in(word) & named.months:
        return NAMED
    return named.words.get(stem(word), 0.0)


def is_close(one: str, other: str) -> bool:
    """Whether one word may be a misspelling of the other."""
    if abs(len(one) - len(other)) > 2 or one[:1] != other[:1]:
        return False
    return sorted(one) == sorted(other) or SequenceMatcher(None, one, other).ratio() >= FUZZY


def _is_reference(wanted: Sequence[str], strong: Sequence[str], named: Named) -> bool:
    """Whether the words call a document: its title for the most part, or a noun such as "report"."""
    author = set(content(named.document.author))
    if NOUNS & set(wanted) or author & set(strong):
        return True
    matched = {stem(word) for word in strong}
    return len(matched & named.title_words) >= ENOUGH_OF_TITLE * len(named.title_words)


def months_in(text: str) -> set[str]:
    """Return the months that a text names, as "jan" to "dec"."""
    lowered = text.lower()
    words = re.findall(r"[^\W\d_]+", lowered)
    found = {MONTH.fullmatch(word)[0] for word in words if MONTH.fullmatch(word)}  # type: ignore[index]
    found |= {MONTHS[int(match[1]) - 1] for match in NUMERIC_DATE.finditer(lowered)}
    same = {"mär": "mar", "mai": "may", "okt": "oct", "dez": "dec"}
    return {same.get(month[:3], month[:3]) for month in found}


def with_heads(documents):  # type: ignore[no-untyped-def]
    """Annotate documents with `head`, the beginning of their text, in one query; the newest MAX_DOCUMENTS."""
    first = Page.objects.filter(version=OuterRef("serving")).order_by("number")
    head = Subquery(first.annotate(head=Substr("text", 1, HEAD_LENGTH)).values("head")[:1])
    return documents.select_related("serving").defer("embedding").annotate(head=head)[:MAX_DOCUMENTS]
