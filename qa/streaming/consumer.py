"""The consumer of an answer: server-sent events after the last one that arrived, without side effects."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from qa.models import Question
from qa.streaming.channel import Position
from qa.streaming.following import Events
from qa.streaming.publisher import final_html
from ragsite.database import DATABASE_ERRORS, in_thread
from ragsite.redis import name_of

if TYPE_CHECKING:
    from ragsite.accounts.models import User

KEEPALIVE_SECONDS = 15
CHECK_SECONDS = 5  # between checks of the reader's access and of the answer's row
EVENT_ID = re.compile(r"\d{1,15}-\d{1,15}")


async def answer_events(
    question: Question, after: str = "", *, reader: Callable[[], User | None] | None = None
) -> AsyncGenerator[str]:
    """Yield server-sent events after the event `after`, without side effects.

    Every CHECK_SECONDS, `reader` returns the user who reads; the stream ends when it returns None or a user who may not
    read the answer. No database connection is held while waiting.
    """
    events = Events(name_of(question), Position.parse(after) if EVENT_ID.fullmatch(after) else None)
    row, sent_at = Row(), monotonic()
    # The view has just looked at an answer that is written here. The streams are checked at different times.
    spread = CHECK_SECONDS * (question.pk % 10) / 20
    checked_at = monotonic() + spread if events.follower else float("-inf")
    yield "retry: 1000\n\n"
    while True:
        if monotonic() - checked_at >= CHECK_SECONDS or events.is_cut_off:
            events.is_cut_off = False
            row, checked_at = await _check(question, reader) or row, monotonic()
        if row.is_closed:
            break
        new = await events.next()
        for event in new:
            yield sse_event(event.kind, event.body, id=event.id)
            if event.kind == "done":
                return
        if row.html and not new:
            break
        if new:
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


def sse_event(kind: str, body: str, *, id: str = "") -> str:
    """Return one event. Each line of the body gets its own `data:` field, so that none can pose as another field."""
    lines = re.split(r"\r\n|\r|\n", body)
    head = f"event: {kind}\n" + (f"id: {id}\n" if id else "")
    return head + "".join(f"data: {line}\n" for line in lines) + "\n"
