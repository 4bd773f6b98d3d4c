"""Searches the sources of an answer, and records how they were found."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic

from django.conf import settings

from qa.answering import quoting
from qa.answering.draft import Draft, origins
from qa.answering.prompts import Turn
from qa.answering.quoting.follow_ups import depends
from qa.answering.routes.material import material_for
from qa.answering.routes.reading import RoutedAnswer
from qa.models import Question
from qa.models.scope import Scope
from qa.retrieval.chunk import RetrievedChunk
from qa.retrieval.retriever import embed_question, find_sources, readable_documents
from ragsite.database import release_connection

MAX_DOCUMENTS_BEFORE = 2  # searched once more for a follow-up
MAX_BEFORE = 6  # sources of each


def retrieve(draft: Draft) -> None:
    """Embed the question and search."""
    embed(draft)
    search(draft)


def embed(draft: Draft) -> None:
    """Embed the question. Holds no database connection meanwhile: the provider may be slow."""
    since = monotonic()
    release_connection()
    draft.vector = embed_question(draft.question.search_query, draft.index)
    draft.record_time("embed", since)


def search(draft: Draft) -> None:
    """Retrieve the sources and record how they were found."""
    question, since = draft.question, monotonic()
    draft.sources = find_sources(
        question.search_query,
        user=draft.user,
        scope=Scope.of(draft.focus.document) if draft.focus else draft.scope,
        vector=draft.vector,
    )
    if before := turn_before(draft).documents:
        draft.sources = _with_sources_of(before, draft)
    draft.record_time("search", since)
    record_sources(draft)


def _with_sources_of(documents: frozenset[int], draft: Draft) -> list[RetrievedChunk]:
    """Return the sources with the best ones of the documents that answered the question before."""
    found: list[RetrievedChunk] = []
    readable = readable_documents(draft.user, draft.scope)
    for document in readable.filter(pk__in=documents)[:MAX_DOCUMENTS_BEFORE]:
        query = draft.question.search_query
        scope = Scope.of(document)
        found += find_sources(query, user=draft.user, scope=scope, vector=draft.vector, limit=MAX_BEFORE)
    known = {chunk for source in found for chunk in source.chunk_ids}
    found += [source for source in draft.sources if not known.issuperset(source.chunk_ids)]
    return [replace(source, number=number) for number, source in enumerate(found, start=1)]


def read_for_model(draft: Draft, routed: RoutedAnswer) -> None:
    """Give the model the sections or documents that the question is about."""
    question = draft.question
    question.search_query = question.text
    draft.sources = material_for(routed, tokens=settings.SOURCE_TOKENS, model=draft.model)
    record_sources(draft)


def record_sources(draft: Draft) -> None:
    question = draft.question
    question.trace = [source.as_trace() for source in draft.sources]
    question.draws_on = origins(draft.sources, draft.history)
    # Saved before the first word, so that a partial answer can be withheld too.
    Question.objects.same_as(question).update(draws_on=question.draws_on)


def turn_before(draft: Draft) -> quoting.Before:
    """Return the turn that a follow-up depends on; nothing for a question of its own or one that a model rewrote."""
    question = draft.question
    is_replaced = not draft.context and bool(draft.history) and depends(question.text)
    if draft.model or not draft.history or not (draft.context or is_replaced):
        return quoting.NOTHING_BEFORE
    turn = draft.history[-1]
    return quoting.Before(draft.context, turn.answer, _documents_of(turn), is_replaced)


def _documents_of(turn: Turn) -> frozenset[int]:
    return frozenset(document for document, _collection in turn.draws_on if document is not None)
