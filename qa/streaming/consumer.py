"""Following an answer: server-sent events after the last one that arrived. Starts nothing and pays for nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from redis.exceptions import RedisError

from qa.models import Question
from qa.streaming.clients import REST_SECONDS, clients, stream_key
from qa.streaming.publisher import final_html
from ragsite.database import DATABASE_ERRORS, in_thread

if TYPE_CHECKING:
    from ragsite.accounts.models import User

BLOCK_MS = 2500  # below redis-py's own socket time-out
READER_LINE_SECONDS = 15
LOOK_SECONDS = 5  # how often a reader's right to read, and the answer's row, are looked at
ENTRY_ID = re.compile(r"\d{1,20}-\d{1,20}")


async def answer_events(
    question: Question, after: str = "", *, reader: Callable[[], User | None] | None = None
) -> AsyncGenerator[str]:
    """Server-sent events after the entry `after`; safe to call any number of times, starts nothing and pays for nothing.
    `reader` is asked now and then who reads: the stream ends within LOOK_SECONDS once that is nobody, or somebody who may
    not read the answer. Holds no database connection while it waits."""
    last = after if ENTRY_ID.fullmatch(after) else "0"
    row, said, looked = Row(), monotonic(), float("-inf")
    yield "retry: 1000\n\n"
    wait: int | None = None  # the first look does not wait: what is there may be all there is
    while True:
        if monotonic() - looked >= LOOK_SECONDS:
            row, looked = await _look(question, reader) or row, monotonic()
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
            said = monotonic()
        elif monotonic() - said >= READER_LINE_SECONDS:
            said = monotonic()
            yield ": still here\n\n"
    yield sse_event("final", row.html) if row.html else sse_event("back", "")
    yield sse_event("done", "")


class Row(NamedTuple):
    """What the database knows and the stream does not say: that it is over (its `html`), or not for this reader."""

    html: str = ""
    is_closed: bool = False


async def _look(question: Question, reader: Callable[[], User | None] | None) -> Row | None:
    """None with the database away."""
    try:
        row: Row = await in_thread(look_up)(question, reader)
    except DATABASE_ERRORS:
        return None
    return row


def look_up(question: Question, reader: Callable[[], User | None] | None) -> Row:
    """Whether this reader may go on, and the finished answer. What was streamed of one that is withheld is closed."""
    questions = Question.objects.all()
    if reader is not None:
        user = reader()
        questions = Question.objects.visible_to(user) if user else questions.none()
    row = questions.same_as(question).first()
    if row is None:
        return Row(is_closed=True)
    return Row("" if row.is_running else final_html(row), is_closed=row.is_withheld)


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
