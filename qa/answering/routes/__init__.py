"""Routes: questions that a search for sentences answers badly, and what answers them instead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from time import monotonic

from documents.models import Document
from qa.answering.citing import citations
from qa.answering.draft import Draft, Focus
from qa.answering.parts import Ask, Heading
from qa.answering.routes.anchored import anchored
from qa.answering.routes.comparison import compare
from qa.answering.routes.details import details
from qa.answering.routes.greeting import greet
from qa.answering.routes.library import Library, Named, with_heads
from qa.answering.routes.listing import list_documents
from qa.answering.routes.overview import asks_for_all, overview, overview_of_all
from qa.answering.routes.reading import Reading, RoutedAnswer
from qa.answering.routes.requests import Kind, Request, readings
from qa.answering.routes.section import section_answer, splits_of, statements_about
from qa.models.question import AnswerKind, AnswerWay
from qa.retrieval.retriever import readable_documents

MAX_SAME = 3  # documents that one name may fit
MAX_WORDS = 105
MAX_NEXT = 3  # questions offered after an answer
# Of "it": the document of the conversation, or of the answer before.
_PRONOUNS = "it|this|that|he|she|they|them|these|those|this document|that document|the document|this file|the file|this text|the text|this one|that one"
PRONOUNS = frozenset(_PRONOUNS.split("|"))


# Where a question says in which document to look.
NAMES_SOURCE = re.compile(
    r"\b(?:according to|as stated in|laut|selon|según)\s+(?P<subject>[^,?]+)|^(?:in|from) (?P<other>[^,?]+),",
    re.IGNORECASE,
)


def route(draft: Draft) -> RoutedAnswer | None:
    """Return the answer of the first route that fits the question; None if sentences must be searched for."""
    question = draft.question
    if greeting := greet(question.text, has_history=bool(draft.history)):
        return greeting
    library = Library(with_heads(readable_documents(draft.user, draft.scope)))
    requests = [*filter(None, [anchored(question.text, library)]), *readings(question.text)]
    for request in requests:
        if answer := _answer(draft, request, library):
            return answer
    if listing := list_documents(question.text, library):
        return listing
    draft.focus = _focus(draft, requests, library)
    return None


def _focus(draft: Draft, requests: Sequence[Request], library: Library) -> Focus | None:
    """Return the one document in which the question says to look."""
    text = draft.question.text
    named = [(request.subject, request.topic or text) for request in requests if request.subject]
    for found in NAMES_SOURCE.finditer(text):
        rest = f"{text[: found.start()]} {text[found.end() :]}".strip(" ,")
        named.append((found["subject"] or found["other"], rest))
    documents = ((library.only(subject), query) for subject, query in named)
    return next((Focus(found.document, query) for found, query in documents if found), None)


def _answer(draft: Draft, request: Request, library: Library) -> RoutedAnswer | None:
    if request.kind == Kind.COMPARISON:
        return compare(request, library)
    if request.kind == Kind.SECTION:
        return _section(draft, request, library)
    if request.kind == Kind.OVERVIEW and asks_for_all(request.subject) and draft.scope.only_document is None:
        return overview_of_all(library)
    found = _named(draft, request.subject, library)
    if not found:
        return None
    return overview(found) if request.kind == Kind.OVERVIEW else details(found, request)


def _named(draft: Draft, subject: str, library: Library) -> list[Named]:
    """Return the documents that the subject names, or the one that "it" stands for."""
    if subject.lower() in PRONOUNS:
        only = draft.scope.only_document
        wanted = {only} if only else _documents_before(draft)
        return [each for each in library.named if each.document.pk in wanted] if len(wanted) == 1 else []
    found = library.find(subject)
    return found if len(found) <= MAX_SAME else []


def _documents_before(draft: Draft) -> set[int]:
    return {document for document, _collection in draft.history[-1].draws_on} if draft.history else set()


def _section(draft: Draft, request: Request, library: Library) -> RoutedAnswer | None:
    if not request.subject:
        ways = [*splits_of(request.topic), (request.topic, "it")]
    else:
        ways = [(request.topic, request.subject)]
    for topic, subject in ways:
        found = _named(draft, subject, library)
        if len(found) == 1 and (answer := _section_of(found[0].document, topic)):
            return answer
        if len(found) > 1 and (answer := compare(Request(Kind.COMPARISON, subject, topic), library)):
            return answer
    return None


def _section_of(document: Document, topic: str) -> RoutedAnswer | None:
    reading = Reading(document)
    return section_answer(reading, topic) or _sentences_about(reading, topic)


def section_in(focus: Focus) -> RoutedAnswer | None:
    """Return the section of the document that is nearest to what is asked of it, for when no sentence answers."""
    return section_answer(Reading(focus.document), focus.query)


def _sentences_about(reading: Reading, topic: str) -> RoutedAnswer | None:
    if not (chosen := statements_about(reading, topic, max_words=MAX_WORDS)):
        return None
    answer = RoutedAnswer(AnswerWay.SECTION, [Heading(reading.document.title)])
    answer.parts += answer.quote(reading, chosen)
    return answer


def complete(draft: Draft, answer: RoutedAnswer) -> None:
    """Make a routed answer the draft's."""
    since, question = monotonic(), draft.question
    question.kind = AnswerKind.NOTHING if answer.is_nothing else AnswerKind.QUOTED
    question.search_query, question.trace, question.model, question.host = question.text, [], "", ""
    following = [Ask(tuple(answer.next_questions[:MAX_NEXT]))] if answer.next_questions else []
    draft.complete_with([*answer.parts, *following], answer.way)
    draft.sources = answer.sources
    draft.citations = citations.cite_quotes(answer.quotes, answer.sources)
    for row in draft.citations:
        row.is_cited = True
    question.draws_on = sorted({(each.pk, each.collection_id) for each in answer.documents})
    draft.record_time("quote", since)
