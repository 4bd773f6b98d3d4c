"""The consumer of an answer: server-sent events after the last one that arrived, without side effects."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from redis.exceptions import RedisError

from qa.models import Question
from qa.streaming.clients import PAUSE_SECONDS, clients, stream_key
from qa.streaming.publisher import final_html
from ragsite.database import DATABASE_ERRORS, in_thread

if TYPE_CHECKING:
    from ragsite.accounts.models import User

BLOCK_MS = 2500  # below redis-py's own socket time-out
KEEPALIVE_SECONDS = 15
CHECK_SECONDS = 5  # between checks of the reader's access and of the answer's row
ENTRY_ID = re.compile(r"\d{1,20}-\d{1,20}")


async def answer_events(
    question: Question, after: str = "", *, reader: Callable[[], User | None] | None = None
) -> AsyncGenerator[str]:
    """Yield server-sent events after the entry `after`, without side effects.

    Every CHECK_SECONDS, `reader` returns the user who reads; the stream ends when it returns None or a user who may not
    read the answer. No database connection is held while waiting.
    """
    last = after if ENTRY_ID.fullmatch(after) else "0"
    row, sent_at, checked_at = Row(), monotonic(), float("-inf")
    yield "retry: 1000\n\n"
    wait: int | None = None  # the first read does not block: the stream may be complete
    while True:
        if monotonic() - checked_at >= CHECK_SECONDS:
            row, checked_at = await _check(question, reader) or row, monotonic()
        if row.is_closed:
            break
        entries = await _next_entries(question, last, wait)
        wait = BLOCK_MS
        for last, kind, body in entries:
            yield sse_event(kind, body, id=last)
            if kind == "done":
                return
        if row.html and not entries:
            break
        if entries:
            sent_at = monotonic()
        elif monotonic() - sent_at >= KEEPALIVE_SECONDS:
            sent_at = monotonic()
            yield ": keep-alive\n\n"
    yield sse_event("final", row.html) if row.html else sse_event("back", "")
    yield sse_event("done", "")


class Row(NamedTuple):
    """The state in the database: the `html` of a finished answer, and whether the stream is closed to its reader."""

    html: str = ""
    is_closed: bool = False


async def _check(question: Question, reader: Callable[[], User | None] | None) -> Row | None:
    """Return the row's state, or None while the database is down."""
    try:
        row: Row = await in_thread(check_row)(question, reader)
    except DATABASE_ERRORS:
        return None
    return row


def check_row(question: Question, reader: Callable[[], User | None] | None) -> Row:
    """Return the finished answer, and whether to close the stream: access has ended, or the answer is withheld."""
    questions = Question.objects.all()
    if reader is not None:
        user = reader()
        questions = Question.objects.visible_to(user) if user else questions.none()
    row = questions.same_as(question).first()
    if row is None:
        return Row(is_closed=True)
    return Row("" if row.is_running else final_html(row), is_closed=row.is_withheld)


async def _next_entries(question: Question, after: str, wait: int | None) -> list[tuple[str, str, str]]:
    """Return (id, kind, body) of the entries after `after`, blocking up to `wait` ms; nothing while Redis is down."""
    try:
        answers = await clients().consumer.xread({stream_key(question): after}, block=wait, count=500)
    except (RedisError, OSError):
        await asyncio.sleep(PAUSE_SECONDS)
        return []
    entries = answers[0][1] if isinstance(answers, list) and answers else []
    return [
        (entry_id.decode(), entry[b"kind"].decode(), entry[b"body"].decode()) for entry_id, entry in entries
    ]


def sse_event(kind: str, body: str, *, id: str = "") -> str:
    """Return one event. Each line of the body gets its own `data:` field, so that none can pose as another field."""
    lines = re.split(r"\r\n|\r|\n", body)
    head = f"event: {kind}\n" + (f"id: {id}\n" if id else "")
    return head + "".join(f"data: {line}\n" for line in lines) + "\n"
