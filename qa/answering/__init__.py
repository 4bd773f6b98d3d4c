"""Answers a question piece by piece: from the cache, written by a model, or as quotes. Knows nothing of streaming."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from qa.answering import cache, checking, citations, quoting, routes, save
from qa.answering.draft import Draft, Piece, load_draft, origins
from qa.answering.generate import write
from qa.answering.next_questions import after_quotes
from qa.answering.parts import Ask
from qa.answering.prompts import Turn
from qa.answering.quoting.follow_ups import depends
from qa.answering.rewrite import make_standalone
from qa.answering.routes.material import material_for
from qa.answering.routes.reading import RoutedAnswer
from qa.models import AnswerState, Conversation, Question
from qa.models.question import AnswerKind
from qa.retrieval.chunk import RetrievedChunk
from qa.retrieval.frequencies import Frequencies, count_words, words_of
from qa.retrieval.retriever import embed_question, find_sources, readable_documents
from ragsite import llm
from ragsite.database import DATABASE_ERRORS, in_thread
from ragsite.storable import storable_text

if TYPE_CHECKING:
    from ragsite.accounts.models import User

MAX_NEXT = 2  # questions offered after quotes
MAX_WAIT_SECONDS = 30
POLL_SECONDS = 0.2
MAX_DOCUMENTS_BEFORE = 2  # searched once more for a follow-up
MAX_BEFORE = 6  # sources of each


async def answer(question_id: int, *, stop: asyncio.Event | None = None) -> AsyncGenerator[Piece]:
    """Answer a saved question and save the answer; the last piece carries the saved question.

    Setting `stop` ends the answer early. No database query runs while the model writes.
    """
    stop = stop or asyncio.Event()
    draft = await in_thread(load_draft)(question_id)
    try:
        async for piece in _answer(draft, stop):
            yield piece
        if await save.try_to_save(draft):
            yield Piece(question=draft.question, citations=draft.citations)
        else:
            try:
                yield Piece(question=save.not_saved_yet(draft.question), citations=draft.citations)
                await save.save_later(draft)
            except (GeneratorExit, asyncio.CancelledError):
                # The process shuts down: one last attempt to save.
                with suppress(*DATABASE_ERRORS):
                    await in_thread(save.finish)(draft)
                raise
    finally:
        if draft.has_lock:
            await in_thread(cache.unlock)(draft.key)


async def _answer(draft: Draft, stop: asyncio.Event) -> AsyncGenerator[Piece]:
    if not draft.entry and not draft.has_lock and not draft.question.is_fresh:
        yield Piece(step=_("Waiting for the same question to be answered…"))
        await _wait_for_identical_question(draft, stop)
    if draft.entry:
        _use_cached_answer(draft, draft.entry)
        yield Piece(text=draft.question.answer)
        return
    yield Piece(step=_("Searching your documents…"))
    routed = await in_thread(routes.route)(draft)
    if routed and not (draft.model and routed.ranges):
        await in_thread(routes.complete)(draft, routed)
        yield Piece(text=draft.question.answer)
        return
    if routed:
        await in_thread(_read_for_model)(draft, routed)
    else:
        await make_standalone(draft)
        if draft.focus and not draft.model:
            draft.question.search_query = draft.focus.query
        await in_thread(retrieve)(draft)
    if not draft.sources:
        _answer_nothing_found(draft)
        return
    yield Piece(step=_reading_step(draft.sources))
    if draft.model:
        async for piece in _write(draft, stop):
            yield piece
    if not draft.question.answer and draft.question.state == AnswerState.RUNNING:
        await in_thread(_answer_without_model)(draft, routed)
        yield Piece(text=draft.question.answer)


async def _write(draft: Draft, stop: asyncio.Event) -> AsyncGenerator[Piece]:
    async for piece in write(draft, stop):
        yield piece
    if checking.is_checkable(draft):
        yield Piece(step=_("Checking the sentences…"))
        await checking.check(draft)


def _answer_without_model(draft: Draft, routed: RoutedAnswer | None) -> None:
    """Answer by the route, or else with quotes: from the document that the question names, and if it has none, from all."""
    if routed:
        routes.complete(draft, routed)
        if draft.failure:
            draft.question.notice = _notice_of_quotes(draft.failure, found=True)
        return
    quote(draft)
    if draft.focus and draft.question.kind == AnswerKind.NOTHING:
        draft.focus, draft.question.search_query = None, draft.question.text
        retrieve(draft)
        quote(draft)


async def _wait_for_identical_question(draft: Draft, stop: asyncio.Event) -> None:
    """Wait, up to MAX_WAIT_SECONDS, for the cached answer of the process that answers the same question."""
    since = monotonic()
    while monotonic() - since < MAX_WAIT_SECONDS and not stop.is_set():
        is_locked = await asyncio.to_thread(cache.is_locked, draft.key)
        draft.entry = await asyncio.to_thread(cache.load, draft.key)
        if draft.entry:
            break
        if not is_locked and (await asyncio.to_thread(cache.lock, draft.key)):
            draft.has_lock = True
            break
        await asyncio.sleep(POLL_SECONDS)
    draft.record_time("waited", since)


def _use_cached_answer(draft: Draft, entry: cache.Entry) -> None:
    question = draft.question
    for name in cache.FIELDS:
        setattr(question, name, entry[name])
    question.state = AnswerState.COMPLETE
    question.cached_from = datetime.fromisoformat(entry["at"])
    draft.citations = [citations.from_cache(values) for values in entry["citations"]]


def _read_for_model(draft: Draft, routed: RoutedAnswer) -> None:
    """Give the model the sections or documents that the question is about."""
    question = draft.question
    question.search_query = question.text
    draft.sources = material_for(routed, tokens=settings.SOURCE_TOKENS, model=draft.model)
    _record_sources(draft)


def retrieve(draft: Draft) -> None:
    """Retrieve the sources and record how they were found."""
    question, since = draft.question, monotonic()
    draft.vector = embed_question(question.search_query, draft.index)
    draft.record_time("embed", since)
    since = monotonic()
    draft.sources = find_sources(
        question.search_query,
        user=draft.user,
        collections=draft.collections,
        document=draft.focus.document if draft.focus else draft.document,
        vector=draft.vector,
    )
    if before := _before(draft).documents:
        draft.sources = _with_sources_of(before, draft)
    draft.record_time("search", since)
    _record_sources(draft)


def _record_sources(draft: Draft) -> None:
    question = draft.question
    question.trace = [source.as_trace() for source in draft.sources]
    question.draws_on = origins(draft.sources, draft.history)
    # Saved before the first word, so that a partial answer can be withheld too.
    Question.objects.same_as(question).update(draws_on=question.draws_on)


def _with_sources_of(documents: frozenset[int], draft: Draft) -> list[RetrievedChunk]:
    """Return the sources with the best ones of the documents that answered the question before."""
    found: list[RetrievedChunk] = []
    scope = readable_documents(draft.user, draft.collections, draft.document)
    for document in scope.filter(pk__in=documents)[:MAX_DOCUMENTS_BEFORE]:
        query = draft.question.search_query
        found += find_sources(
            query, user=draft.user, document=document, vector=draft.vector, limit=MAX_BEFORE
        )
    known = {chunk for source in found for chunk in source.chunk_ids}
    found += [source for source in draft.sources if not known.issuperset(source.chunk_ids)]
    return [replace(source, number=number) for number, source in enumerate(found, start=1)]


def _reading_step(sources: Sequence[RetrievedChunk]) -> str:
    titles = list(dict.fromkeys(source.document_title for source in sources))
    if len(titles) == 1:
        return _("Reading %(title)s…") % {"title": titles[0]}
    more = len(titles) - 1
    return ngettext(
        "Reading %(title)s and %(count)s more document…",
        "Reading %(title)s and %(count)s more documents…",
        more,
    ) % {"title": titles[0], "count": more}


def quote(draft: Draft) -> None:
    """Answer with quotes, without a model."""
    question, since = draft.question, monotonic()
    question.model = question.host = ""
    frequencies = _frequencies(draft)
    spelled = quoting.corrected(question.search_query, draft.sources, frequencies)
    if spelled != question.search_query and not draft.context:
        question.search_query = spelled
        retrieve(draft)
        frequencies = _frequencies(draft)
    asked = question.text if draft.context else question.search_query
    extract = quoting.extract(asked, draft.sources, draft.vector, draft.index, frequencies, _before(draft))
    question.kind = AnswerKind.QUOTED if extract.is_found else AnswerKind.NOTHING
    further = after_quotes(draft.sources, {quote.number for quote in extract.quotes})[:MAX_NEXT]
    following = [Ask(tuple(further))] if further and extract.is_found else []
    draft.complete_with([*extract.parts, *following], extract.way if extract.is_found else "")
    if draft.failure:
        question.notice = _notice_of_quotes(draft.failure, found=extract.is_found)
    draft.citations = citations.cite_quotes(extract.quotes, draft.sources)
    quoted = {quote.number for quote in extract.quotes}
    # A model may have rewritten the question from the history.
    history = draft.history if draft.model else ()
    question.draws_on = origins([source for source in draft.sources if source.number in quoted], history)
    draft.record_time("quote", since)


def _frequencies(draft: Draft) -> Frequencies:
    scope = readable_documents(draft.user, draft.collections, draft.document)
    return count_words(words_of(draft.question.search_query), scope, draft.index)


def _before(draft: Draft) -> quoting.Before:
    """Return the turn that a follow-up depends on; nothing for a question of its own or one that a model rewrote."""
    question = draft.question
    is_replaced = not draft.context and bool(draft.history) and depends(question.text)
    if draft.model or not draft.history or not (draft.context or is_replaced):
        return quoting.NOTHING_BEFORE
    turn = draft.history[-1]
    return quoting.Before(draft.context, turn.answer, _documents_of(turn), is_replaced)


def _documents_of(turn: Turn) -> frozenset[int]:
    return frozenset(document for document, _collection in turn.draws_on if document is not None)


def _notice_of_quotes(failure: str, *, found: bool) -> str:
    if found:
        return _("%(reason)s These are quotes from your documents instead.") % {"reason": failure}
    return _("%(reason)s No sentence in your documents was found to answer this.") % {"reason": failure}


def _answer_nothing_found(draft: Draft) -> None:
    draft.complete_with(quoting.nothing_found().parts, "")
    draft.question.kind = AnswerKind.NOTHING


def ask(text: str, *, user: User | None = None, on_text: Callable[[str], None] | None = None) -> Question:
    """Ask a question and wait for the whole answer, for the shell and commands; by default as the first operator."""
    from ragsite.accounts.models import User

    text = storable_text(text)  # arguments from a shell may not be valid UTF-8
    asker = user or User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if asker is None:
        raise User.DoesNotExist(_("There is no operator yet: open the site to create the first account."))
    conversation = Conversation.objects.create(user=asker, title=text[:200])
    question = Question.objects.create(conversation=conversation, text=text)
    asyncio.run(_ask(question.pk, on_text))
    question.refresh_from_db()
    return question


async def _ask(question_id: int, on_text: Callable[[str], None] | None) -> None:
    try:
        async for piece in answer(question_id):
            if piece.text and on_text:
                on_text(piece.text)
    finally:
        await llm.aclose()
