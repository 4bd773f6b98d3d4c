"""Answers a question piece by piece: from the cache, written by a model, or as quotes. Knows nothing of streaming."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from qa.answering import cache, checking, equal, routes, save
from qa.answering.draft import Draft, Piece, load_draft
from qa.answering.equal import Follow
from qa.answering.generate import prepare, write
from qa.answering.rewrite import make_standalone
from qa.answering.routes.reading import RoutedAnswer
from qa.answering.searching import embed, read_for_model, search
from qa.answering.second_search import search_again
from qa.answering.without_model import answer_nothing_found, answer_without_model
from qa.models import AnswerState, Conversation, Question
from qa.retrieval.chunk import RetrievedChunk
from ragsite import llm
from ragsite.database import DATABASE_ERRORS, in_thread
from ragsite.storable import storable_text

if TYPE_CHECKING:
    from ragsite.accounts.models import User


async def answer(
    question_id: int, *, stop: asyncio.Event | None = None, follow: Follow | None = None
) -> AsyncGenerator[Piece]:
    """Answer a saved question and save the answer; the last piece carries the saved question.

    Setting `stop` ends the answer early. No database query runs while the model writes. While an equal question is being
    answered, `follow` yields that answer's text by its name; without it, the answer comes as a whole.
    """
    stop = stop or asyncio.Event()
    draft, routed = await in_thread(_begin)(question_id)
    try:
        async for piece in _answer(draft, routed, stop, follow):
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
            await asyncio.to_thread(cache.unlock, draft.key)


def _begin(question_id: int) -> tuple[Draft, RoutedAnswer | None]:
    """Load the draft and, if it is to be written here, the answer of a route that fits."""
    draft = load_draft(question_id)
    try:
        return draft, routes.route(draft) if draft.is_own else None
    except BaseException:
        if draft.has_lock:
            cache.unlock(draft.key)
        raise


async def _answer(
    draft: Draft, routed: RoutedAnswer | None, stop: asyncio.Event, follow: Follow | None
) -> AsyncGenerator[Piece]:
    if not draft.is_own:
        async with aclosing(equal.wait(draft, stop, follow)) as pieces:
            async for piece in pieces:
                yield piece
        if draft.question.state != AnswerState.RUNNING:
            return
        routed = await in_thread(routes.route)(draft)
    async for piece in _answer_here(draft, routed, stop):
        yield piece


async def _answer_here(
    draft: Draft, routed: RoutedAnswer | None, stop: asyncio.Event
) -> AsyncGenerator[Piece]:
    yield Piece(step=_("Searching your documents…"))
    if routed and not (draft.model and routed.ranges):
        await in_thread(routes.complete)(draft, routed)
        yield Piece(text=draft.question.answer)
        return
    if routed:
        await in_thread(read_for_model)(draft, routed)
    else:
        await make_standalone(draft)
        if draft.focus and not draft.model:
            draft.question.search_query = draft.focus.query
        await asyncio.to_thread(embed, draft)
        await in_thread(_search)(draft)
        await search_again(draft)
    if not draft.sources:
        answer_nothing_found(draft)
        return
    yield Piece(step=_reading_step(draft.sources))
    if draft.model:
        async for piece in _write(draft, stop):
            yield piece
    if not draft.question.answer and draft.question.state == AnswerState.RUNNING:
        await in_thread(answer_without_model)(draft, routed)
        yield Piece(text=draft.question.answer)


def _search(draft: Draft) -> None:
    search(draft)
    if draft.model and draft.sources and not settings.SECOND_SEARCH:
        prepare(draft)


async def _write(draft: Draft, stop: asyncio.Event) -> AsyncGenerator[Piece]:
    async for piece in write(draft, stop):
        yield piece
    if checking.is_checkable(draft):
        yield Piece(step=_("Checking the sentences…"))
        await checking.check(draft)


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
