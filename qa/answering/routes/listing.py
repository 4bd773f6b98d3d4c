"""Which documents there are: all of them, those in a language, of a kind, by an author, of a year, or that mention words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from documents.models import Chunk, Document, Index
from qa.answering.next_questions import about_document
from qa.answering.parts import DocumentEntry, Documents, Text
from qa.answering.routes.library import Library, Named, editions
from qa.answering.routes.library.dates import YEAR
from qa.answering.routes.library.languages import CALLED
from qa.answering.routes.library.words import NOUNS
from qa.answering.routes.reading import Reading, RoutedAnswer
from qa.answering.routes.requests import content, plain
from qa.models.question import AnswerWay
from qa.retrieval.stop_words import content_words, stem

MAX_LISTED = 25
MAX_DATED = 5  # of the newest documents
ONE = re.compile(r"\b(?:document|file|paper|text|upload)\b", re.IGNORECASE)
MAX_MENTIONED = 8
MAX_LINE_WORDS = 24
THINGS = r"(?:documents?|files?|papers?|texts?|sources?|uploads?|dokumente?n?|dateien|unterlagen|documentos?|fichiers?|archivos?)"
KINDS = r"(?:e-?mails|mails|letters|presentations|spreadsheets|pdfs|web ?pages|reports|minutes|handbooks|manuals|policies|contracts|invoices|leaflets)"
# Any question that has such a noun after one of these beginnings; what else it says must be known to `_test`.
ASKS = re.compile(
    rf"(?:(?:in )?which|list|show|name|how many|is|are|do|does|have|has|any|was|welche[sr]?|wie viele|gibt es|habe|quels?|quelles?|combien|qué|cuáles|cuántos)\b"
    rf"(?: [^\s,]+){{0,6}}? (?:{THINGS}|{KINDS}|(?:any|some)thing in)\b.*"
    rf"|what(?: kinds? of| other| are the| is the)?(?: \w+)? (?:{THINGS}|{KINDS})\b.*|anything in .*"
    rf"|(?:what|which) (?:do|can) (?:you|i) (?:have|know|read|search).*|what (?:have i|did i) (?:uploaded?|added?).*",
    re.IGNORECASE,
)
MENTIONS = re.compile(
    r"\b(?:mentions?|mentioning|about|contain(?:s|ing)?|talks? (?:about|of)|talking about|deals? with|dealing with|cover(?:s|ing)?|discuss(?:es|ing)?|say something (?:about|on)|"
    r"(?:has|have) (?:something )?to do with|speaks? of|refers? to|concern(?:s|ing)?|names?|with the words?|erwähn\w*|handeln von|über|mentionne\w*|parlent de|mencionan|hablan de|where)\s+(?P<words>.+)$",
    re.IGNORECASE,
)
# "In which documents is the storm mentioned?"
MENTIONED = re.compile(
    r"\b(?:is|are|do|does|was|were)\s+(?P<words>.+?)\s+(?:mentioned|discussed|named|occur|appear|come up)$",
    re.IGNORECASE,
)
LEADER = re.compile(r"(?:\.\s?){4}")  # of a table of contents
_IDLE = """
    document documents file files paper papers text texts source sources upload uploads uploaded add added have got any list
    show name many see available exist here know read search stored loaded collection collections library written write wrote
    among these language languages any anything something most last first one ones recently contain belong different total ready sort kind kinds type types from made
    come date dated year by sent all
    dokument dokumente dateien unterlagen welche welches wie viele gibt es hast du habe ich sind auf meine meiner meinen alle
    fichiers quels quelles combien sont avez-vous en mes
    documentos archivos qué cuáles cuántos hay tienes están mis
"""
# Words of such a question that say nothing about which documents are wanted.
IDLE = frozenset(_IDLE.split())


def list_documents(question: str, library: Library) -> RoutedAnswer | None:
    """Return the documents that the question asks for; None if it asks for something else."""
    text = plain(question)
    asked = ASKS.match(text)
    if not asked or not len(library):
        return None
    if mention := MENTIONS.search(text) or MENTIONED.search(text):
        return _mentioning(mention["words"], library)
    wanted = [word for word in content(text) if word not in IDLE | editions.WORDS]
    fits = _filter(wanted, library)
    if fits is None:
        return None
    chosen = [each for each in library.named if fits(each)]
    if set(content(text)) & editions.WORDS:
        chosen = _by_date(chosen, text)[: 1 if ONE.search(text) else MAX_DATED]
        return _listed(chosen, is_part=True)
    return _listed(chosen, is_part=bool(wanted)) if chosen else _none()


def _by_date(chosen: Sequence[Named], text: str) -> list[Named]:
    """The documents whose files say when they were written, the newest first, or the oldest."""
    dated = [each for each in chosen if each.dated]
    is_newest = not set(content(text)) & editions.OLDEST
    return sorted(dated, key=lambda each: str(each.dated), reverse=is_newest)


def _filter(wanted: Sequence[str], library: Library) -> Callable[[Named], bool] | None:
    """Return what a document must be, told by each of the words; None if one of them is none of it."""
    tests = [_test(word, library) for word in wanted]
    if any(test is None for test in tests):
        return None
    return lambda named: all(test(named) for test in tests if test)


def _test(word: str, library: Library) -> Callable[[Named], bool] | None:
    if language := CALLED.get(word):
        return lambda named: named.language == language
    if YEAR.fullmatch(word):
        return lambda named: word in named.years or _year_of(named.document) == word
    singular = word.removesuffix("s")
    if singular in NOUNS or word in NOUNS:
        return lambda named: named.is_a(singular) or named.is_a(word) or stem(word) in named.title_words
    if any(stem(word) in content_words(named.document.author) for named in library.named):
        return lambda named: stem(word) in content_words(named.document.author)
    return None


def _year_of(document: Document) -> str:
    return str(document.dated.year) if document.dated else ""


def _listed(chosen: Sequence[Named], *, is_part: bool) -> RoutedAnswer:
    answer = RoutedAnswer(AnswerWay.DOCUMENTS)
    count = len(chosen)
    if is_part:
        said = ngettext("One of your documents:", "%(count)s of your documents:", count)
    else:
        said = ngettext("There is one document:", "There are %(count)s documents:", count)
    answer.parts.append(Text(said % {"count": count}))
    # Below a few, a line tells what each says; a long list is easier to read without.
    is_short = count <= 4
    shown = chosen[:MAX_LISTED]
    answer.parts.append(Documents(tuple(_entry(each, with_line=is_short) for each in shown)))
    if count > len(shown):
        answer.parts.append(Text(_("And %(count)s more.") % {"count": count - len(shown)}))
    for each in shown:
        answer.note(each.document)
    answer.next_questions = [about_document(each.document.title) for each in shown]
    return answer


def _entry(named: Named, *, with_line: bool) -> DocumentEntry:
    document = named.document
    line = first_sentence(document.summary) if with_line else ""
    about = own_title(document)
    return DocumentEntry(document.pk, document.title, line or about)


def own_title(document: Document) -> str:
    """The title inside the file where the document is called otherwise."""
    plain_title, own = (
        re.sub(r"[\W_]+", " ", t).strip().casefold() for t in (document.title, document.own_title)
    )
    return document.own_title if own and own != plain_title else ""


def first_sentence(summary: str) -> str:
    """The first sentence of a summary, cut where it is long."""
    sentence = re.split(r"(?<=[.!?])\s", summary, maxsplit=1)[0]
    words = sentence.split()
    return sentence if len(words) <= MAX_LINE_WORDS else " ".join(words[:MAX_LINE_WORDS]).rstrip(",;:") + " …"


def _none() -> RoutedAnswer:
    return RoutedAnswer(AnswerWay.DOCUMENTS, [Text(_("None of your documents."))])


def _mentioning(words: str, library: Library) -> RoutedAnswer:
    """List the documents of which one passage has all the words, each with the sentence that has most of them."""
    stems = content_words(words)
    answer = RoutedAnswer(AnswerWay.DOCUMENTS)
    entries: list[DocumentEntry] = []
    for named in _with_words(stems, library):
        if len(entries) == MAX_MENTIONED:
            break
        if entry := _mention(answer, named, stems):
            entries.append(entry)
    if not entries:
        answer.parts.append(Text(_("None of your documents mentions this.")))
        answer.is_nothing = True
        return answer
    said = ngettext("One document mentions this:", "%(count)s documents mention this:", len(entries))
    answer.parts += [Text(said % {"count": len(entries)}), Documents(tuple(entries))]
    return answer


def _with_words(stems: Sequence[str], library: Library) -> list[Named]:
    """The documents with a passage that contains the beginnings of all these words, in the library's order."""
    chunks = Chunk.objects.filter(
        index=Index.objects.live(), version__in=[named.document.serving_id for named in library.named]
    )
    for word in stems:
        chunks = chunks.filter(text__icontains=word)
    found = set(chunks.values_list("document_id", flat=True)) if stems else set()
    return [named for named in library.named if named.document.pk in found]


def _mention(answer: RoutedAnswer, named: Named, stems: Sequence[str]) -> DocumentEntry | None:
    reading = Reading(named.document)

    def hits(words: str) -> int:
        return len(set(stems) & set(content_words(words)))

    best = max(reading.statements, key=lambda each: hits(each.words), default=None)
    if best and hits(best.words) == len(set(stems)):
        number = answer.cite(reading, best.start, best.end)
        return DocumentEntry(named.document.pk, named.document.title, f"“{best.words}”", number)
    line = max((each for each in reading.text.split("\n") if not LEADER.search(each)), key=hits, default="")
    place = reading.place_of(line) if hits(line) else None
    if place is None:
        return None
    number = answer.cite(reading, *place)
    return DocumentEntry(named.document.pk, named.document.title, "; ".join(line.split(" | ")), number)
