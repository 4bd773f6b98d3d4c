"""Who wrote a document or answers for it, and since when it is: the line in which it says so, or else its metadata."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from documents.extraction.registry import MAIL
from documents.models import Document
from qa.answering.next_questions import about_document
from qa.answering.parts import DocumentEntry, Documents, Quote
from qa.answering.routes.library import Named
from qa.answering.routes.library.dates import MONTH, PLACEHOLDER_DATES
from qa.answering.routes.reading import Reading, RoutedAnswer
from qa.answering.routes.requests import Kind, Request
from qa.models.question import AnswerWay

HEAD, TAIL = 2500, 1200  # characters at the ends of a document, where such lines stand
MAX_LINE_WORDS = 45
WROTE = re.compile(
    r"\b(?:written|prepared|compiled|drafted|authored|edited|issued|taken|sent) by\b|\bauthors?\b ?:|^by [A-Z]|\bminutes(?: taken)?(?: by)? ?:|\btaken by\b|"
    r"\b(?:verfasst|geschrieben|erstellt) von\b|\bverfasser(?:in)?\b|\bautor(?:in|a)?\b ?:|\brédigé par\b|\bauteure?\b ?:|\bescrito por\b|\bfrom: ",
    re.IGNORECASE,
)
RESPONSIBLE = re.compile(
    r"\bresponsib(?:le|ility)\b|\bin charge\b|\bowner\b ?:|\banswers for\b|\bcontact\b ?:|\bmaintained by\b|\bverantwortlich\b|\bresponsable\b",
    re.IGNORECASE,
)
# The end of a letter, with the name below it.
SIGNED = re.compile(
    r"^(?:(?:kind|best|warm|with kind) )?(?:regards|yours (?:sincerely|faithfully|truly)|mit freundlichen grüßen|viele grüße|cordialement|saludos)\b[^\n]{0,30}\n+[^\n]{3,60}",
    re.IGNORECASE | re.MULTILINE,
)
DATE = re.compile(
    rf"\b\d{{1,2}}\.? {MONTH.pattern}[\w.]* \d{{4}}|\b{MONTH.pattern}[\w.]* (?:\d{{1,2}}, )?\d{{4}}|\b\d{{4}}-\d\d-\d\d\b|\b\d{{1,2}}[./]\d{{1,2}}[./]\d{{4}}\b|\b(?:19|20)\d\d\b",
    re.IGNORECASE,
)
# What people ask, and the words by which documents say it.
SAID_AS = [
    ("adopt approv pass agree accept decid authori genehmig verabschied beschlossen adopt aprob", "adopt approv pass agreed accepted decided decision verabschied beschlossen aprob adopt"),
    ("issu publish releas print appear come veröffentlich erschien publi", "issu publish releas edition version print stand veröffentlich erschien publi"),
    ("writ prepar draw dated creat made sent finish complet geschrieben verfasst geschickt erstellt écrit", "writ prepar dated date: date creat sent drawn minutes meeting edition version"),
    ("chang updat revis edit amend modif geändert", "chang updat revis edit amend modif stand geändert"),
    ("valid appl force effect hold gilt gültig", "valid appl force effect since from gilt gültig"),
    ("version edition number", "version edition"),
    ("sign", "sign"),
]  # fmt: skip
ANY_DATE = (
    "version edition dated adopt approv publish issu valid updat chang prepar date: stand written effect"
)


def details(found: Sequence[Named], request: Request) -> RoutedAnswer | None:
    """Return who or when, for each of the documents; None if none of them tells."""
    answer = RoutedAnswer(AnswerWay.DETAILS)
    for named in found:
        reading = Reading(named.document)
        if request.kind == Kind.DATE:
            _add_date(answer, reading, request.verb)
        elif request.kind == Kind.AUTHOR:
            _add_author(answer, reading, request.verb)
        else:
            _add_line(answer, reading, _best_line(reading, lambda line: bool(RESPONSIBLE.search(line))))
    answer.next_questions = [about_document(named.document.title) for named in found]
    return answer if answer.parts else None


def _add_author(answer: RoutedAnswer, reading: Reading, verb: str) -> None:
    if verb:
        _add_line(answer, reading, _best_line(reading, partial(_says_by_whom, signs=_signs(verb))))
        return
    document = reading.document
    line = _best_line(reading, lambda line: bool(WROTE.search(line) and not line.lower().startswith("from:")))
    if line and not (document.author and reading.version.media_type == MAIL):
        _add_line(answer, reading, line)
    elif document.author:
        _add_entry(answer, reading, _("Author: %(name)s") % {"name": document.author}, document.author)
    elif signed := SIGNED.search(reading.text, max(0, len(reading.text) - TAIL)):
        _add_line(answer, reading, signed[0])


def _add_date(answer: RoutedAnswer, reading: Reading, verb: str) -> None:
    document = reading.document
    if reading.version.media_type != MAIL or not document.dated:
        for wanted in filter(None, (_signs(verb), ANY_DATE.split())):
            fits = partial(_says_date, signs=wanted)
            line = _best_line(reading, fits)
            if line:
                _add_line(answer, reading, line)
                return
    if document.dated and document.dated not in PLACEHOLDER_DATES:
        day = date_format(document.dated, "j F Y")
        _add_entry(answer, reading, _("Dated %(day)s, as its file says") % {"day": day}, "")


def _signs(verb: str) -> list[str]:
    lowered = verb.lower()
    return [
        sign for asked, signs in SAID_AS if any(a in lowered for a in asked.split()) for sign in signs.split()
    ]


def _says_date(line: str, signs: Sequence[str]) -> bool:
    lowered = line.lower()
    return bool(DATE.search(line)) and any(re.search(rf"(?<!\w){re.escape(sign)}", lowered) for sign in signs)


def _says_by_whom(line: str, signs: Sequence[str]) -> bool:
    """Whether a line says by whom the document was approved, or who approved it."""
    signed = "|".join(map(re.escape, signs))
    return (
        re.search(
            rf"(?<!\w)(?:{signed})\w*\b.{{0,40}}(?<!\w)(?:by|von|vom|par|por)\b|(?<!\w)(?:{signed})\w* (?:it|this|these|the)\b",
            line,
            re.IGNORECASE,
        )
        is not None
    )


def _add_line(answer: RoutedAnswer, reading: Reading, line: str) -> None:
    if place := reading.place_of(line):
        answer.parts.append(Quote(answer.cite(reading, *place), reading.outline.words(*place)))


def _add_entry(answer: RoutedAnswer, reading: Reading, text: str, words: str) -> None:
    """Tell it from the metadata, with a link to where the document has these words, or to its beginning."""
    document: Document = reading.document
    place = reading.place_of(words) if words else None
    number = answer.cite(reading, *(place or (0, min(200, len(reading.text)))), has_quote=place is not None)
    answer.parts.append(Documents((DocumentEntry(document.pk, document.title, text, number),)))


def _best_line(reading: Reading, fits: Callable[[str], bool]) -> str:
    return next((line for line in _lines(reading) if fits(line)), "")


def _lines(reading: Reading) -> Iterator[str]:
    """The lines and sentences at the beginning and the end of a document."""
    text = reading.text
    for part in (text[:HEAD], text[max(HEAD, len(text) - TAIL) :]):
        for line in part.split("\n"):
            for sentence in re.split(r"(?<=[.!?])\s+(?=[^\W\d_])", line.strip()):
                clean = re.sub(r"^[#>*\-•\s]+", "", sentence)
                if (
                    clean
                    and len(clean.split()) <= MAX_LINE_WORDS
                    and " | " not in clean
                    and ". . ." not in clean
                ):
                    yield clean
