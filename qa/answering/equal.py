"""Equal questions: a cached answer, or the one that is being written to an equal question in whatever process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import datetime
from time import monotonic

from django.utils.translation import gettext as _

from qa.answering import cache
from qa.answering.citing.citations import from_cache
from qa.answering.draft import Draft, Piece
from qa.answering.generate import stopped_notice
from qa.models import AnswerState, Question
from qa.models.question import AnswerKind
from ragsite.database import in_thread
from ragsite.redis import name_of

RELEASE_SECONDS = 2  # after which an answer that has ended holds the lock no more, unless its process died
MAX_LEADERS = 2  # answers that are followed in vain, before the question is answered beside the others
MAX_WAIT_SECONDS = 30  # for an answer that cannot be followed
POLL_SECONDS = 0.1

# Yields the text of the answer with this name while it is written, and ends with it.
Follow = Callable[[str], AsyncGenerator[Piece]]


async def wait(draft: Draft, stop: asyncio.Event, follow: Follow | None) -> AsyncGenerator[Piece]:
    """Yield the answer to an equal question, cached or as it is written, and complete the draft with it.

    Without `draft.entry` at the end, there is none: the answer must be written here.
    """
    since, text = monotonic(), ""
    leaders: dict[str, float] = {}  # with the time until which each should have made way
    while not (draft.entry or draft.has_lock or stop.is_set()) and _may_wait(leaders):
        leader = await asyncio.to_thread(cache.locked_by, draft.key)
        if leader in leaders:
            await asyncio.sleep(POLL_SECONDS)
        elif leader:
            yield Piece(step=_("Waiting for the same question to be answered…"))
            async with aclosing(_followed(leader, draft, stop, follow)) as pieces:
                async for piece in pieces:
                    text = "" if piece.takes_back else text + piece.text
                    yield piece
            leaders[leader] = monotonic() + RELEASE_SECONDS
        await in_thread(_load_or_lock)(draft)
    if leaders:
        draft.record_time("waited", since)
    if draft.entry:
        use_cached_answer(draft, draft.entry)
        if not text:
            yield Piece(text=draft.question.answer)
    elif text and stop.is_set():
        _keep_stopped(draft, text)
    elif text:
        yield Piece(takes_back=True)


def _may_wait(leaders: dict[str, float]) -> bool:
    """Whether to go on: not after two answers in vain, and not for one that does not make way after its end."""
    return len(leaders) < MAX_LEADERS and all(monotonic() < until for until in leaders.values())


async def _followed(
    leader: str, draft: Draft, stop: asyncio.Event, follow: Follow | None
) -> AsyncGenerator[Piece]:
    """Yield the leader's text, if the asker may read all that it draws on; without it, wait for the leader's end."""
    is_readable = None
    if follow:
        async with aclosing(follow(leader)) as pieces:
            async for piece in pieces:
                if stop.is_set():
                    return
                if is_readable is None:
                    is_readable = await in_thread(_share_origins)(leader, draft)
                if is_readable:
                    yield piece
        return
    until = monotonic() + MAX_WAIT_SECONDS
    while monotonic() < until and not stop.is_set():
        if await asyncio.to_thread(cache.locked_by, draft.key) != leader:
            return
        await asyncio.sleep(POLL_SECONDS)


def _share_origins(leader: str, draft: Draft) -> bool:
    """Give the answer the leader's origins, before its first word, and return whether the asker may read them all.

    An answer without a model comes at once, before its origins are saved: it is taken from the cache at its end.
    """
    question = draft.question
    led = Question.objects.filter(pk=int(leader.partition("-")[0])).first()
    if led is None or not (led.draws_on and cache.may_share(led.draws_on, draft.keyed)):
        return False
    question.draws_on = led.draws_on
    Question.objects.same_as(question).update(draws_on=question.draws_on)
    return cache.may_read_all(question.draws_on, draft.user)


def _load_or_lock(draft: Draft) -> None:
    """Load the answer that was cached meanwhile, or take the place of one that ended without."""
    draft.entry = cache.load(draft.key, draft.user)
    draft.has_lock = not draft.entry and cache.lock(draft.key, name_of(draft.question))


def _keep_stopped(draft: Draft, text: str) -> None:
    question = draft.question
    question.answer, question.kind = text.strip(), AnswerKind.WRITTEN
    question.state, question.notice = AnswerState.STOPPED, stopped_notice()


def use_cached_answer(draft: Draft, entry: cache.Entry) -> None:
    """Complete the draft with a cached answer."""
    question = draft.question
    for name in cache.FIELDS:
        setattr(question, name, entry[name])
    question.state = AnswerState.COMPLETE
    question.cached_from = datetime.fromisoformat(entry["at"])
    draft.citations = [from_cache(values) for values in entry["citations"]]
