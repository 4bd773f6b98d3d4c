"""A question becomes an answer, piece by piece: from the cache, written by a model, or quoted. Knows nothing of events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from qa.answering import cache, citations, extractive, save
from qa.answering.draft import Draft, Piece, begin, origins
from qa.answering.generate import write
from qa.answering.rewrite import make_standalone
from qa.models import AnswerState, Conversation, Question
from qa.models.question import AnswerKind
from qa.retrieval.retriever import Source, embed_question, find_sources
from ragsite import llm
from ragsite.database import DATABASE_ERRORS, in_thread
from ragsite.storable import storable_text

if TYPE_CHECKING:
    from ragsite.accounts.models import User

WAIT_FOR_TWIN_SECONDS = 30
LOOK_AGAIN_SECONDS = 0.2


async def answer(question_id: int, *, stop: asyncio.Event | None = None) -> AsyncGenerator[Piece]:
    """Answers a saved question and saves the answer; the last piece carries the question as saved. Setting `stop` ends
    it where it is. The database is left alone while the model talks."""
    stop = stop or asyncio.Event()
    draft = await in_thread(begin)(question_id)
    try:
        async for piece in _answer(draft, stop):
            yield piece
        if await save.try_to_save(draft):
            yield Piece(question=draft.question, citations=draft.citations)
        else:
            try:
                yield Piece(question=save.not_saved_yet(draft.question), citations=draft.citations)
                await save.save_later(draft)
            except (
                GeneratorExit,
                asyncio.CancelledError,
            ):  # the process is told to end, and this is the last moment
                with suppress(*DATABASE_ERRORS):
                    await in_thread(save.finish)(draft)
                raise
    finally:
        if draft.has_claim:
            await in_thread(cache.release)(draft.key)


async def _answer(draft: Draft, stop: asyncio.Event) -> AsyncGenerator[Piece]:
    if not draft.entry and not draft.has_claim and not draft.question.is_fresh:
        yield Piece(step=_("The same question is being answered already…"))
        await _wait_for_twin(draft, stop)
    if draft.entry:
        _take_from_cache(draft, draft.entry)
        yield Piece(text=draft.question.answer)
        return
    yield Piece(step=_("Looking through your documents…"))
    await make_standalone(draft)
    await in_thread(look)(draft)
    if not draft.sources:
        _say_nothing_found(draft)
        return
    yield Piece(step=_reading(draft.sources))
    if draft.model:
        async for piece in write(draft, stop):
            yield piece
    if not draft.question.answer and draft.question.state == AnswerState.RUNNING:
        await in_thread(quote)(draft)
        yield Piece(text=draft.question.answer)


async def _wait_for_twin(draft: Draft, stop: asyncio.Event) -> None:
    """Another process answers the same question: what it remembers serves here too. Given up after a while."""
    since = monotonic()
    while monotonic() - since < WAIT_FOR_TWIN_SECONDS and not stop.is_set():
        is_claimed = await asyncio.to_thread(cache.is_claimed, draft.key)
        draft.entry = await asyncio.to_thread(cache.recall, draft.key)
        if draft.entry:
            break
        if not is_claimed and (await asyncio.to_thread(cache.claim, draft.key)):
            draft.has_claim = True
            break
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
    draft.took("waited", since)


def _take_from_cache(draft: Draft, entry: cache.Entry) -> None:
    question = draft.question
    for name in ("search_query", "answer", "kind", "model", "host", "finish_reason", "trace", "draws_on"):
        setattr(question, name, entry[name])
    question.state = AnswerState.COMPLETE
    question.cached_from = datetime.fromisoformat(entry["at"])
    draft.citations = [citations.unpack(values) for values in entry["citations"]]


def look(draft: Draft) -> None:
    """Finds the sources, and notes how."""
    question, since = draft.question, monotonic()
    draft.vector = embed_question(question.search_query, draft.index)
    draft.took("embed", since)
    since = monotonic()
    draft.sources = find_sources(
        question.search_query,
        user=draft.user,
        collections=draft.collections,
        document=draft.document,
        vector=draft.vector,
    )
    draft.took("search", since)
    question.trace = [source.as_trace() for source in draft.sources]
    question.draws_on = origins(draft.sources, draft.history)
    # Before the first word: what is saved of an answer while it is written can then be withheld too.
    Question.objects.same_as(question).update(draws_on=question.draws_on)


def _reading(sources: Sequence[Source]) -> str:
    titles = list(dict.fromkeys(source.document_title for source in sources))
    if len(titles) == 1:
        return _("Reading in %(title)s…") % {"title": titles[0]}
    more = len(titles) - 1
    return ngettext(
        "Reading in %(title)s and %(count)s more document…",
        "Reading in %(title)s and %(count)s more documents…",
        more,
    ) % {"title": titles[0], "count": more}


def quote(draft: Draft) -> None:
    """The answer without a model."""
    question, since = draft.question, monotonic()
    question.model = question.host = ""
    extract = extractive.extract(question.search_query, draft.sources, draft.vector, draft.index)
    question.answer, question.state = extract.text, AnswerState.COMPLETE
    question.kind = AnswerKind.QUOTED if extract.is_found else AnswerKind.NOTHING
    if draft.fault:
        question.notice = _instead(draft.fault, found=extract.is_found)
    draft.citations = citations.cite_quotes(extract.quotes, draft.sources)
    quoted = {quote.number for quote in extract.quotes}
    told = draft.history if draft.model else ()  # a model may have put the question
    question.draws_on = origins([source for source in draft.sources if source.number in quoted], told)
    draft.took("quote", since)


def _instead(fault: str, *, found: bool) -> str:
    if found:
        return _("%(reason)s These are quotes from your documents instead.") % {"reason": fault}
    return _("%(reason)s Without it, no sentence was found that answers this.") % {"reason": fault}


def _say_nothing_found(draft: Draft) -> None:
    draft.question.answer = extractive.nothing_found(has_nearest=False)
    draft.question.kind, draft.question.state = AnswerKind.NOTHING, AnswerState.COMPLETE


def ask(text: str, *, user: User | None = None, on_text: Callable[[str], None] | None = None) -> Question:
    """Asks and waits for the whole answer: for the shell and for commands. Without a user, as the first operator."""
    from ragsite.accounts.models import User

    text = storable_text(text)  # a shell's bytes may be no text
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
