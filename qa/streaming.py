"""Answers as they are written, for anyone who may see them: one task writes to a Redis Stream, readers only follow it.

A reload, a second tab, another web process and a lost connection are all harmless: whoever reads starts after the last
entry that arrived. With Redis away the answer is still written and saved, and readers get it from the database.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from time import monotonic
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.html import escape
from django.utils.translation import gettext as _
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from qa import answering
from qa.answering import DATABASE_AWAY, in_thread
from qa.models import AnswerState, Citation, Question
from ragsite import llm, logs

if TYPE_CHECKING:
    from ragsite.accounts.models import User

logger = logging.getLogger(__name__)

COALESCE_SECONDS = 0.05
SAVE_SECONDS = 1
BEAT_SECONDS = 4
SILENCE_SECONDS = 10  # without a word, after which the reader is told that this can take a while
LOST_SECONDS = 20  # without a heartbeat, after which whoever wrote the answer is taken for dead
KEPT_SECONDS = 600  # how long a finished answer can still be followed
LONGEST_SECONDS = 3600
BLOCK_MS = 2500  # below redis-py's own socket time-out
READER_LINE_SECONDS = 15
LOOK_SECONDS = 5  # how often a reader's right to read, and the answer's row, are looked at
REDIS_REST_SECONDS = 2
READERS = 5000
ENTRY_ID = re.compile(r"\d{1,20}-\d{1,20}")


@dataclass
class Running:
    """An answer that this process is writing."""

    task: asyncio.Task[None]
    stop: asyncio.Event


RUNNING: dict[int, Running] = {}  # also the strong reference without which a task may vanish


# Writing


async def begin_answer(question_id: int) -> None:
    """The same for a view's thread, which has the server's event loop do it by `async_to_sync`."""
    start_answer(question_id)


async def write_answer_now(question_id: int) -> None:
    """The same where the event loop ends with the request: returns when the answer is there."""
    try:
        await start_answer(question_id)
    finally:
        await close_clients()
        await llm.aclose()


def start_answer(question_id: int) -> asyncio.Task[None]:
    """Begins to answer a saved question in this event loop and returns at once."""
    stop = asyncio.Event()
    work = write_answer(
        question_id,
        stop,
        timezone.get_current_timezone(),
        translation.get_language() or settings.LANGUAGE_CODE,
    )
    # In a fresh context: the request's own would tie the task's database work to a thread that ends with the request.
    task = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
    RUNNING[question_id] = Running(task, stop)
    task.add_done_callback(lambda _: RUNNING.pop(question_id, None))
    return task


async def write_answer(question_id: int, stop: asyncio.Event, zone: tzinfo, language: str) -> None:
    """Answers, and tells all readers. Ends in a state that says how it ended, whatever happens."""
    feed = Feed(question_id, stop)
    with timezone.override(zone), translation.override(language), logs.bound(question=question_id):
        loops = [asyncio.create_task(feed.send_loop()), asyncio.create_task(feed.save_loop())]
        try:
            async with aclosing(answering.answer(question_id, stop=stop)) as pieces:
                async for piece in pieces:
                    await feed.take(piece)
        except asyncio.CancelledError:  # the server stops
            await _end_early(feed, AnswerState.INTERRUPTED, interrupted_notice())
            raise
        except Question.DoesNotExist:
            logger.info("question=%s was deleted", question_id)
        except llm.ProviderError as error:  # not even an index could be made
            await _end_early(feed, AnswerState.FAILED, f"{error.sentence} {error.remedy}")
        except Exception:
            logger.exception("question=%s could not be answered", question_id)
            await _end_early(
                feed, AnswerState.FAILED, _("Something went wrong on our side. Ask again in a moment.")
            )
        finally:
            for loop in loops:
                loop.cancel()


async def _end_early(feed: Feed, state: AnswerState, notice: str) -> None:
    try:
        question = await in_thread(end_early)(feed.question_id, state, notice, feed.text)
        if question:
            await feed.close(question, [])
    except DATABASE_AWAY:
        logger.warning("question=%s: its end could not be saved", feed.question_id)


def end_early(question_id: int, state: AnswerState, notice: str, text: str) -> Question | None:
    running = Question.objects.running().filter(pk=question_id)
    running.update(
        state=state, notice=notice, answer=text, kind="written" if text else "", finished_at=timezone.now()
    )
    return Question.objects.filter(pk=question_id).first()


def interrupted_notice() -> str:
    return _("This answer was interrupted. What had been written is kept.")


def interrupt_lost_answers() -> int:
    """Marks as interrupted what nobody writes any more, its text kept; returns how many. For the clock and at start-up."""
    lost = Question.objects.running().filter(
        heartbeat_at__lt=timezone.now() - timedelta(seconds=LOST_SECONDS)
    )
    return lost.update(state=AnswerState.INTERRUPTED, notice=interrupted_notice(), finished_at=timezone.now())


async def finish_running_answers(timeout: float) -> None:  # noqa: ASYNC109 (what is late is marked, not raised)
    """For the end of the web process: running answers get so long to end, the rest are marked interrupted."""
    tasks = {running.task for running in RUNNING.values()}
    if tasks:
        _done, late = await asyncio.wait(tasks, timeout=timeout)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=3)
    await close_clients()
    await llm.aclose()


async def request_stop(question_id: int) -> None:
    """Asks whichever process writes the answer to end it here."""
    if running := RUNNING.get(question_id):
        running.stop.set()
    with suppress(RedisError, OSError):
        await _clients().writer.set(_stop_key(question_id), 1, ex=KEPT_SECONDS)


@dataclass
class Feed:
    """What the readers of one answer are given, gathered for a moment so that a word costs no entry of its own."""

    question_id: int
    stop: asyncio.Event
    text: str = ""
    _waiting: list[tuple[str, str]] = field(default_factory=list)
    _has_news: asyncio.Event = field(default_factory=asyncio.Event)
    _resting_until: float = 0.0
    _is_closed: bool = False

    async def take(self, piece: answering.Piece) -> None:
        if piece.question:
            await self.close(piece.question, piece.citations)
        if piece.step:
            self._add("step", escape(piece.step))
        if piece.takes_back:
            self.text = ""
            self._add("back", "")
        if piece.text:
            self.text += piece.text
            self._add("token", escape(piece.text))

    async def close(self, question: Question, rows: Sequence[Citation]) -> None:
        """The finished answer in place of its pieces, and the word that nothing more comes."""
        if not self._is_closed:
            self._is_closed = True
            self._add("final", await in_thread(final_html)(question, rows))
            self._add("done", "")
            await self.send()
            await self._try(_clients().writer.expire(_stream_key(self.question_id), KEPT_SECONDS))

    async def send_loop(self) -> None:
        has_apologised = False
        while True:
            try:
                await asyncio.wait_for(self._has_news.wait(), SILENCE_SECONDS)
            except TimeoutError:
                if not (has_apologised or self.text):
                    has_apologised = True
                    self._add(
                        "step",
                        escape(_("The model is thinking. Some take a minute before their first word.")),
                    )
            await asyncio.sleep(COALESCE_SECONDS)
            await self.send()

    async def save_loop(self) -> None:
        """The text as far as it has come, the heartbeat, and the wish to stop."""
        saved, beat = "", monotonic()
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            if monotonic() >= self._resting_until and await self._try(
                _clients().writer.exists(_stop_key(self.question_id))
            ):
                self.stop.set()
            if self.text != saved or monotonic() - beat >= BEAT_SECONDS:
                saved, beat = self.text, monotonic()
                with suppress(*DATABASE_AWAY):
                    if not await in_thread(save_text)(self.question_id, saved):
                        self.stop.set()  # deleted: nobody waits for it

    async def send(self) -> None:
        """All that has gathered, in one trip. With Redis away it is dropped: the database will have the answer."""
        self._has_news.clear()
        waiting, self._waiting = _merged(self._waiting), []
        if not waiting or monotonic() < self._resting_until:
            return
        pipe = _clients().writer.pipeline(transaction=False)
        key = _stream_key(self.question_id)
        for kind, body in waiting:
            pipe.xadd(key, {"kind": kind, "body": body})
        pipe.expire(key, LONGEST_SECONDS)
        await self._try(pipe.execute())

    def _add(self, kind: str, body: str) -> None:
        self._waiting.append((kind, body))
        self._has_news.set()

    async def _try(self, call):  # type: ignore[no-untyped-def]
        """The call's result; None with Redis away, which is then left alone for a moment."""
        try:
            return await call
        except (RedisError, OSError) as error:
            logger.warning("question=%s: Redis is away, %s", self.question_id, type(error).__name__)
            self._resting_until = monotonic() + REDIS_REST_SECONDS
            return None


def _merged(waiting: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Neighbouring pieces of text as one."""
    merged: list[tuple[str, str]] = []
    for kind, body in waiting:
        if kind == "token" and merged and merged[-1][0] == "token":
            merged[-1] = (kind, merged[-1][1] + body)
        else:
            merged.append((kind, body))
    return merged


def save_text(question_id: int, text: str) -> int:
    running = Question.objects.running().filter(pk=question_id)
    return (
        running.update(answer=text, heartbeat_at=timezone.now())
        or Question.objects.filter(pk=question_id).count()
    )


def final_html(question: Question, rows: Sequence[Citation] | None = None) -> str:
    """The finished answer, the same as a reloaded page shows it."""
    rows = list(question.citations.all()) if rows is None else list(rows)
    return render_to_string("qa/_answer.html", {"question": question, "citations": rows})


# Reading


async def answer_events(
    question_id: int, after: str = "", *, user: User | None = None
) -> AsyncGenerator[str]:
    """Server-sent events after the entry `after`; safe to call any number of times, starts nothing and pays for nothing.
    Ends within LOOK_SECONDS once the user may not read it any more. Holds no database connection while it waits."""
    last = after if ENTRY_ID.fullmatch(after) else "0"
    said, looked = monotonic(), 0.0
    yield "retry: 1000\n\n"
    wait: int | None = None  # the first look does not wait: what is there may be all there is
    while True:
        entries = await _next_entries(question_id, last, wait)
        wait = BLOCK_MS
        for last, kind, body in entries:
            yield sse_event(kind, body, id=last)
            if kind == "done":
                return
        now = monotonic()
        if now - looked >= LOOK_SECONDS:
            looked = now
            async for event in _events_of_row(question_id, user, may_end=not entries):
                yield event
                if event.startswith("event: done"):
                    return
        if entries:
            said = now
        elif now - said >= READER_LINE_SECONDS:
            said = now
            yield ": still here\n\n"


async def _events_of_row(question_id: int, user: User | None, *, may_end: bool) -> AsyncIterator[str]:
    """What the database knows and the stream does not say: that it is over, or no business of this reader."""
    try:
        is_readable, html = await in_thread(look_up)(question_id, user)
    except DATABASE_AWAY:
        return
    if is_readable and html and may_end:
        yield sse_event("final", html)
    if not is_readable or (html and may_end):
        yield sse_event("done", "")


def look_up(question_id: int, user: User | None) -> tuple[bool, str]:
    """Whether the user may read it, and the finished answer, empty while it is being written."""
    questions = Question.objects.all()
    if user is not None:
        user.refresh_from_db(fields=["is_active"])
        questions = Question.objects.visible_to(user)
    question = questions.filter(pk=question_id).first()
    if question is None:
        return False, ""
    return True, "" if question.is_running else final_html(question)


async def _next_entries(question_id: int, after: str, wait: int | None) -> list[tuple[str, str, str]]:
    """(id, kind, body) of what has come since; waits a moment for it. With Redis away: nothing, after a rest."""
    try:
        answers = await _clients().reader.xread({_stream_key(question_id): after}, block=wait, count=500)
    except (RedisError, OSError):
        await asyncio.sleep(REDIS_REST_SECONDS)
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


# Redis, a client for each event loop


@dataclass(frozen=True)
class Clients:
    writer: Redis
    reader: Redis


_clients_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Clients] = WeakKeyDictionary()


def _clients() -> Clients:
    loop = asyncio.get_running_loop()
    if loop not in _clients_of_loops:
        # A reader keeps its connection for as long as it waits, and so has a pool of its own.
        _clients_of_loops[loop] = Clients(
            _client(connections=50, wait=1), _client(connections=READERS, wait=10)
        )
    return _clients_of_loops[loop]


def _client(*, connections: int, wait: float) -> Redis:
    pool = BlockingConnectionPool.from_url(
        settings.STREAM_URL,
        max_connections=connections,
        timeout=1,
        socket_timeout=wait,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)


async def close_clients() -> None:
    """For the end of the running event loop."""
    if clients := _clients_of_loops.pop(asyncio.get_running_loop(), None):
        await clients.writer.aclose()
        await clients.reader.aclose()


def _stream_key(question_id: int) -> str:
    return f"answer:{question_id}"


def _stop_key(question_id: int) -> str:
    return f"stop:{question_id}"
