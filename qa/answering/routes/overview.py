"""What a document is about: its stored summary and its main headings; of all documents, a line each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from django.utils.translation import gettext as _

from documents.ingestion.summarize import own_summary
from documents.models import Document
from qa.answering.next_questions import about_sections, headings_with_text
from qa.answering.parts import DocumentEntry, Documents, Text
from qa.answering.routes.library import Library, Named
from qa.answering.routes.listing import first_sentence, own_title
from qa.answering.routes.reading import Reading, RoutedAnswer
from qa.models.question import AnswerWay

MAX_DOCUMENTS = 12
MAX_HEADINGS = 8
MAX_HEADING_LENGTH = 60
GENERIC = re.compile(
    r"(?:table of )?contents?$|index$|thanks$|acknowledge?ments?$|references$|notes?$|inhalt|sommaire|índice",
    re.IGNORECASE,
)
ALL = re.compile(
    r"(?:(?:all|everything|each|every|both|them|these|they|the|my|our|your|of|alle|tous|todos|meine|mes|mis|les|los)\s*)*"
    r"(?:documents?|files?|dokumente|fichiers|documentos|everything|all|them)?(?: (?:you have|i have|here|that i uploaded|i uploaded))?",
    re.IGNORECASE,
)


def asks_for_all(subject: str) -> bool:
    """Whether the words mean all documents."""
    return bool(subject) and ALL.fullmatch(subject) is not None


def overview(found: Sequence[Named]) -> RoutedAnswer | None:
    """Return what the document says in its main points; of a few, each. None if one of them has no sentences."""
    for named in found:
        # Asked before its summary was made.
        named.document.summary = named.document.summary or own_summary(named.document)
    if not found or not all(named.document.summary for named in found):
        return None
    answer = RoutedAnswer(AnswerWay.OVERVIEW)
    for named in found[:MAX_DOCUMENTS]:
        reading = Reading(named.document)
        answer.ranges.append((reading, 0, len(reading.text)))
        number = _cite_summary(answer, reading)
        entry = DocumentEntry(named.document.pk, named.document.title, _text(named.document), number)
        answer.parts.append(Documents((entry,)))
        headings = main_headings(reading)
        answer.next_questions += about_sections(named.document.title, headings_with_text(reading.outline))
        if len(headings) > 2:
            answer.parts.append(
                Text(_("Its main headings: %(headings)s.") % {"headings": "; ".join(headings)})
            )
    return answer


def overview_of_all(library: Library) -> RoutedAnswer | None:
    """Return one line for each document."""
    answer = RoutedAnswer(AnswerWay.OVERVIEW)
    entries = []
    for named in library.named[:MAX_DOCUMENTS]:
        document = named.document
        line = first_sentence(document.summary) or own_title(document)
        answer.note(document)
        entries.append(DocumentEntry(document.pk, document.title, line))
    answer.parts.append(Documents(tuple(entries)))
    if len(library) > len(entries):
        more = len(library) - len(entries)
        answer.parts.append(Text(_("And %(count)s more.") % {"count": more}))
    return answer if entries else None


def _text(document: Document) -> str:
    """The summary, after the title inside the file where that tells more."""
    own = own_title(document)
    return document.summary if not own or document.summary.startswith(own) else f"{own}. {document.summary}"


def _cite_summary(answer: RoutedAnswer, reading: Reading) -> int:
    """Cite the sentence of the document that its summary begins with; if a model wrote the summary, the beginning."""
    for sentence in re.split(r"(?<=[.!?;])\s", reading.document.summary):
        if len(sentence.split()) > 2 and (place := reading.place_of(sentence.rstrip(";."))):
            return answer.cite(reading, *place)
    end = min(len(reading.text), 200)
    return answer.cite(reading, 0, end, has_quote=False)


def main_headings(reading: Reading) -> list[str]:
    """The headings of the highest level that has several, without numbers and generic ones."""
    counts = Counter(section.level for section in reading.sections)
    level = min((level for level, count in counts.items() if count > 1), default=0)
    titles = [section.title for section in reading.sections if section.level == level]
    plain = [re.sub(r"^[\d.\s]+(?=\S)", "", title).strip(" .:") for title in titles]
    called = {reading.document.title.casefold(), reading.document.own_title.casefold()}
    good = [
        title
        for title in dict.fromkeys(plain)
        if 2 < len(title) <= MAX_HEADING_LENGTH
        and title.casefold() not in called
        and not GENERIC.match(title)
    ]
    return good[:MAX_HEADINGS]
