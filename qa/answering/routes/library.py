"""The documents that the asker may read, and which of them words such as "the letter from Wiesenau" name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property
from math import log

from django.db.models import OuterRef, Subquery
from django.db.models.functions import Substr

from documents.extraction.registry import DOCX, MAIL, ODT
from documents.models import Document, Page
from documents.presentation.page_names import is_presentation, is_spreadsheet
from documents.structure.outline import SALUTATION
from qa.answering.routes.languages import language_of
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
IN_LETTER = 0.7  # letters and mails are called by those who wrote and got them
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
MONTH = re.compile(
    r"(jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz|apr(?:il)?|may|mai|june?|juni|july?|juli|aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)"
)
NUMERIC_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d[-_.](0[1-9]|1[0-2])(?:[-_.]\d\d)?(?!\d)")
YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
# Words that say nothing about which document is meant.
_GENERIC = """
    document documents file files text called named titled our edition copy one exchange correspondence thread conversation
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
        "policy guideline guidelines rules richtlinie politique",
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


@dataclass
class Named:
    """A document with the words by which a person may call it."""

    document: Document
    head: str
    words: dict[str, float] = field(default_factory=dict)  # stem: weight
    years: set[str] = field(default_factory=set)
    months: set[str] = field(default_factory=set)

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
            (document.author, BY_AUTHOR),
            (spaced, NAMED),
        ):
            self.words.update(dict.fromkeys(map(stem, content(words)), weight))

    @cached_property
    def language(self) -> str:
        """The English name of the language of its beginning; "" if unknown."""
        return language_of(self.head)

    @cached_property
    def title_words(self) -> frozenset[str]:
        words = content(re.sub(r"[_\-.]+", " ", self.document.title))
        return frozenset(stem(word) for word in words if not word.isdecimal() and not MONTH.fullmatch(word))

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

    @staticmethod
    def _similar(names: str) -> str:
        called = set(content(names))
        return " ".join(word for group in SYNONYMS if called & group for word in group)


class Library:
    """The askable documents of one question's scope. At most MAX_DOCUMENTS, the newest, are known by name."""

    def __init__(self, scope: Iterable[Document]) -> None:
        self.named = [Named(document, document.head or "") for document in scope]  # type: ignore[attr-defined]

    def __len__(self) -> int:
        return len(self.named)

    def find(self, phrase: str) -> list[Named]:
        """Return the documents that the phrase names: one, or those that it fits equally well; none if it names none."""
        wanted = [word for word in content(phrase) if word not in GENERIC]
        if not wanted:
            return []
        scored = sorted(((self._score(wanted, each), each) for each in self.named), key=lambda pair: -pair[0])
        if not scored or scored[0][0] < MIN_SCORE:
            return []
        return [each for score, each in scored if score >= scored[0][0] - MARGIN]

    def only(self, phrase: str) -> Named | None:
        """Return the one document that the phrase names; None if it names none or several."""
        found = self.find(phrase)
        return found[0] if len(found) == 1 else None

    def _score(self, wanted: Sequence[str], named: Named) -> float:
        weights = {word: self._weight(word) for word in wanted}
        found = {word: _match(word, named) for word in wanted}
        strong = [word for word in wanted if found[word] >= SIMILAR and not word.isdecimal()]
        if not strong or not _is_reference(wanted, strong, named):
            return 0.0
        score = sum(weights[word] * found[word] for word in wanted) / sum(weights.values())
        years = {word for word in wanted if YEAR.fullmatch(word)}
        if years and named.years and not years & named.years:
            score *= 0.5
        covered = len({stem(word) for word in strong} & named.title_words) / max(len(named.title_words), 1)
        return score + 0.1 * covered

    def _weight(self, word: str) -> float:
        having = sum(_match(word, each) > IN_LETTER for each in self.named)
        return log(1 + (len(self.named) + 1) / (having + 0.5))


def _match(word: str, named: Named) -> float:
    """How well one word fits the document's names, from 0 to 1."""
    if YEAR.fullmatch(word):
        dated = named.document.dated
        return NAMED if word in named.years else IN_HEAD if dated and str(dated.year) == word else 0.0
    if MONTH.fullmatch(word) and months_in(word) & named.months:
        return NAMED
    stemmed = stem(word)
    if stemmed in named.words:
        return named.words[stemmed]
    if len(word) < MIN_FUZZY_LENGTH:
        return 0.0
    close = (
        weight for other, weight in named.words.items() if weight > IN_LETTER and _is_close(stemmed, other)
    )
    return max(close, default=0.0) * 0.95


def _is_close(one: str, other: str) -> bool:
    if abs(len(one) - len(other)) > 2 or one[:1] != other[:1]:
        return False
    return SequenceMatcher(None, one, other).ratio() >= FUZZY


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
