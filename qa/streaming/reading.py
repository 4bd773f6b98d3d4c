"""Following an answer: server-sent events after the last one that arrived. Starts nothing and pays for nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from time import monotonic
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from qa.models import Question
from qa.streaming.clients import REST_SECONDS, clients, stream_key
from qa.streaming.feed import final_html
from ragsite.database import DATABASE_AWAY, in_thread

if TYPE_CHECKING:
    from ragsite.accounts.models import User

BLOCK_MS = 2500  # below redis-py's own socket time-out
READER_LINE_SECONDS = 15
LOOK_SECONDS = 5  # how often a reader's right to read, and the answer's row, are looked at
ENTRY_ID = re.compile(r"\d{1,20}-\d{1,20}")


async def answer_events(
    question: Question, after: str = "", *, user: User | None = None
) -> AsyncGenerator[str]:
    """Server-sent events after the entry `after`; safe to call any number of times, starts nothing and pays for nothing.
    Ends within LOOK_SECONDS once the user may not read it any more. Holds no database connection while it waits."""
    last = after if ENTRY_ID.fullmatch(after) else "0"
    said, looked = monotonic(), 0.0
    yield "retry: 1000\n\n"
    wait: int | None = None  # the first look does not wait: what is there may be all there is
    while True:
        entries = await _next_entries(question, last, wait)
        wait = BLOCK_MS
        for last, kind, body in entries:
            yield sse_event(kind, body, id=last)
            if kind == "done":
                return
        now = monotonic()
        if now - looked >= LOOK_SECONDS:
            looked = now
            async for event in _events_of_row(question, user, may_end=not entries):
                yield event
                if event.startswith("event: done"):
                    return
        if entries:
            said = now
        elif now - said >= READER_LINE_SECONDS:
            said = now
            yield ": still here\n\n"


async def _events_of_row(question: Question, user: User | None, *, may_end: bool) -> AsyncIterator[str]:
    """What the database knows and the stream does not say: that it is over, or no business of this reader."""
    try:
        is_readable, html = await in_thread(look_up)(question, user)
    except DATABASE_AWAY:
        return
    if is_readable and html and may_end:
        yield sse_event("final", html)
    if not is_readable or (html and may_end):
        yield sse_event("done", "")


def look_up(question: Question, user: User | None) -> tuple[bool, str]:
    """Whether the user may read it, and the finished answer, empty while it is being written."""
    questions = Question.objects.all()
    if user is not None:
        user.refresh_from_db(fields=["is_active"])
        questions = Question.objects.visible_to(user)
    row = questions.same_as(question).first()
    if row is None:
        return False, ""
    return True, "" if row.is_running else final_html(row)


async def _next_entries(question: Question, after: str, wait: int | None) -> list[tuple[str, str, str]]:
    """(id, kind, body) of what has come since; waits a moment for it. With Redis away: nothing, after a rest."""
    try:
        answers = await clients().reader.xread({stream_key(question): after}, block=wait, count=500)
    except (RedisError, OSError):
        await asyncio.sleep(REST_SECONDS)
        return []
    entries = answers[0][1] if isinstance(answers, list) and answers else []
    return [
        (entry_id.decode(), entry[b"kind"].decode(), entry[b"body"].decode()) for entry_id, entry in entries
    ]


def sse_event(kind: str, body: str, *, id: str = "") -> str:
    """One event, whatever the text holds: each of its lines has a `data:` of its own, so that none can pose as a field."""
    lines = re.split(r"\r\n|\r|\n", body)
    head = f"event: {kind}\n" + (f"id: {id}\n" if id else "")
    return head + "".join(f"data: {line}\n" for line in lines) + "\n"
