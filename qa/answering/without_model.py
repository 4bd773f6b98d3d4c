"""Answers without a model: by the kind of the question, or with quotes."""

from __future__ import annotations

from time import monotonic

from django.utils.translation import gettext as _

from qa.answering import quoting, routes
from qa.answering.citing.citations import cite_quotes
from qa.answering.draft import Draft, origins
from qa.answering.next_questions import after_quotes
from qa.answering.parts import Ask
from qa.answering.quoting.follow_ups import can_stand_alone
from qa.answering.routes.reading import RoutedAnswer
from qa.answering.searching import retrieve, turn_before
from qa.models.question import AnswerKind
from qa.retrieval.frequencies import Frequencies, count_words, words_of
from qa.retrieval.retriever import readable_documents

MAX_NEXT = 2  # questions offered after quotes
# A word may be corrected only by sources that are found once another one is.
MAX_SPELLINGS = 2


def answer_without_model(draft: Draft, routed: RoutedAnswer | None) -> None:
    """Answer by the route, or else with quotes.

    Where the question names a document, that one is asked first: its sentences, then its sections, then all documents.
    """
    if routed:
        _complete(draft, routed)
        return
    quote(draft)
    if draft.context and draft.question.kind == AnswerKind.NOTHING and can_stand_alone(draft.question.text):
        _quote_alone(draft)
    if not draft.focus or draft.question.kind != AnswerKind.NOTHING:
        return
    if section := routes.section_in(draft.focus):
        _complete(draft, section)
        return
    draft.focus, draft.question.search_query = None, draft.question.text
    retrieve(draft)
    quote(draft)


def _quote_alone(draft: Draft) -> None:
    """Ask a question that only seemed to be a follow-up as if nothing had been asked before."""
    draft.context, draft.history = "", []
    draft.question.search_query = draft.question.text
    retrieve(draft)
    quote(draft)


def _complete(draft: Draft, routed: RoutedAnswer) -> None:
    routes.complete(draft, routed)
    if draft.failure:
        draft.question.notice = _notice_of_quotes(draft.failure, found=True)


def quote(draft: Draft) -> None:
    """Answer with quotes, without a model."""
    question, since = draft.question, monotonic()
    question.model = question.host = ""
    for _round in range(MAX_SPELLINGS):
        frequencies = _frequencies(draft)
        spelled = quoting.corrected(question.search_query, draft.sources, frequencies, draft.index)
        if spelled == question.search_query or draft.context:
            break
        question.search_query = spelled
        retrieve(draft)
    extract = find_answer(draft)
    question.kind = AnswerKind.QUOTED if extract.is_found else AnswerKind.NOTHING
    further = after_quotes(draft.sources, {quote.number for quote in extract.quotes})[:MAX_NEXT]
    following = [Ask(tuple(further))] if further and extract.is_found else []
    draft.complete_with([*extract.parts, *following], extract.way if extract.is_found else "")
    if draft.failure:
        question.notice = _notice_of_quotes(draft.failure, found=extract.is_found)
    draft.citations = cite_quotes(extract.quotes, draft.sources)
    quoted = {quote.number for quote in extract.quotes}
    # A model may have rewritten the question from the history.
    history = draft.history if draft.model else ()
    question.draws_on = origins([source for source in draft.sources if source.number in quoted], history)
    draft.record_time("quote", since)


def find_answer(draft: Draft) -> quoting.Extract:
    """Return the answer that the sources give in their own words, or that they give none."""
    question = draft.question
    asked = question.text if draft.context else question.search_query
    frequencies = _frequencies(draft)
    return quoting.extract(asked, draft.sources, draft.vector, draft.index, frequencies, turn_before(draft))


def _frequencies(draft: Draft) -> Frequencies:
    scope = readable_documents(draft.user, draft.scope)
    return count_words(words_of(draft.question.search_query), scope, draft.index)


def _notice_of_quotes(failure: str, *, found: bool) -> str:
    if found:
        return _("%(reason)s These are quotes from your documents instead.") % {"reason": failure}
    return _("%(reason)s No sentence in your documents was found to answer this.") % {"reason": failure}


def answer_nothing_found(draft: Draft) -> None:
    draft.complete_with(quoting.nothing_found().parts, "")
    draft.question.kind = AnswerKind.NOTHING
