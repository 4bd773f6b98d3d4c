"""The publisher of an answer while it is written: pieces go to Redis, text and heartbeat to the database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import escape
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from qa import answering
from qa.models import Citation, Question
from qa.models.question import mark_withheld
from qa.streaming.clients import PAUSE_SECONDS, clients, stop_key, stream_key
from ragsite.database import DATABASE_ERRORS, in_thread

logger = logging.getLogger(__name__)

COALESCE_SECONDS = 0.05
SAVE_SECONDS = 1
HEARTBEAT_SECONDS = 4
SILENCE_SECONDS = 10  # without text, after which the page says that the model is still thinking
KEEP_SECONDS = 600  # for which the stream of a finished answer stays in Redis
MAX_SECONDS = 3600


@dataclass
class Publisher:
    """Publishes one answer, batching its pieces so that not every word is an entry of the stream."""

    question: Question
    stop: asyncio.Event
    is_over: bool = False  # ends the loops with the answer
    _text: list[str] = field(default_factory=list)
    _pending: list[tuple[str, str]] = field(default_factory=list)
    _has_pending: asyncio.Event = field(default_factory=asyncio.Event)
    _sending: asyncio.Lock = field(default_factory=asyncio.Lock)
    _paused_until: float = 0.0
    _is_closed: bool = False

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._text)

    async def add(self, piece: answering.Piece) -> None:
        """Publish one piece; the last one, with the question, closes the stream."""
        if piece.question:
            await self.close(piece.question, piece.citations)
        if piece.step:
            self._append("step", escape(piece.step))
        if piece.takes_back:
            self._text.clear()
            self._append("back", "")
        if piece.text:
            self._text.append(piece.text)
            self._append("token", escape(piece.text))

    async def close(self, question: Question, rows: Sequence[Citation]) -> None:
        """Publish the finished answer in place of its pieces, then the end of the stream; a second call does nothing."""
        if not self._is_closed:
            self._is_closed = True
            self._append("final", await in_thread(final_html)(question, rows))
            self._append("done", "")
            await self.send()
            await self._result_or_none(clients().producer.expire(stream_key(self.question), KEEP_SECONDS))

    async def send_loop(self) -> None:
        """Send the pending pieces in batches, and one notice if the model is silent for long."""
        has_notified = False
        while not self.is_over:
            try:
                # Not wait_for: before Python 3.12 it swallows a cancellation that arrives together with the event.
                async with asyncio.timeout(SILENCE_SECONDS):
                    await self._has_pending.wait()
            except TimeoutError:
                if not (has_notified or self._text):
                    has_notified = True
                    self._append(
                        "step",
                        escape(_("The model is thinking. Some models take a minute before the first word.")),
                    )
            await asyncio.sleep(COALESCE_SECONDS)
            await self.send()

    async def save_loop(self) -> None:
        """Save the text so far and the heartbeat, and watch for a request to stop."""
        saved, saved_at = "", monotonic()
        while not self.is_over:
            await asyncio.sleep(SAVE_SECONDS)
            if monotonic() >= self._paused_until and await self._result_or_none(
                clients().producer.exists(stop_key(self.question))
            ):
                self.stop.set()
            if (text := self.text) != saved or monotonic() - saved_at >= HEARTBEAT_SECONDS:
                saved, saved_at = text, monotonic()
                await self._save(saved)

    async def _save(self, text: str) -> None:
        try:
            if not await in_thread(save_text)(self.question, text):
                self.stop.set()  # the question was deleted
        except DATABASE_ERRORS:
            pass  # the next round retries
        except Exception:
            # The heartbeat, and the check for a request to stop, must go on even if the text cannot be saved.
            logger.exception("question=%s: the text of its answer could not be saved", self.question.pk)
            with suppress(*DATABASE_ERRORS):
                await in_thread(save_heartbeat)(self.question)

    async def send(self) -> None:
        """Send all pending pieces in one round trip, or drop them while Redis is down: the database gets the answer."""
        async with self._sending:  # on two connections, the end could overtake the last words
            await self._send()

    async def _send(self) -> None:
        self._has_pending.clear()
        entries, self._pending = _merged(self._pending), []
        if not entries or monotonic() < self._paused_until:
            return
        pipe = clients().producer.pipeline(transaction=False)
        key = stream_key(self.question)
        for kind, body in entries:
            pipe.xadd(key, {"kind": kind, "body": body})
        pipe.expire(key, MAX_SECONDS)
        await self._result_or_none(pipe.execute())

    def _append(self, kind: str, body: str) -> None:
        self._pending.append((kind, body))
        self._has_pending.set()

    async def _result_or_none(self, call):  # type: ignore[no-untyped-def]
        """Await a Redis command; on an error return None and pause Redis for PAUSE_SECONDS."""
        try:
            return await call
        except (RedisError, OSError) as error:
            logger.warning("question=%s: Redis is unavailable, %s", self.question.pk, type(error).__name__)
            self._paused_until = monotonic() + PAUSE_SECONDS
            return None


def _merged(pending: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Join consecutive pieces of text into one."""
    merged: list[tuple[str, str]] = []
    for kind, body in pending:
        if kind == "token" and merged and merged[-1][0] == "token":
            merged[-1] = (kind, merged[-1][1] + body)
        else:
            merged.append((kind, body))
    return merged


def save_text(question: Question, text: str) -> int:
    """Save the text and return 0 only if the question was deleted."""
    running = Question.objects.running().same_as(question)
    return (
        running.update(answer=text, heartbeat_at=timezone.now()) or Question.objects.same_as(question).count()
    )


def save_heartbeat(question: Question) -> None:
    Question.objects.running().same_as(question).update(heartbeat_at=timezone.now())


def shown_sources(question: Question) -> list[Citation]:
    """Return the citations of an answer as its asker may see them, by number."""
    rows = Citation.objects.with_serving().with_rights(question.conversation.user)
    return list(rows.filter(question=question).order_by("number"))


def final_html(question: Question, rows: Sequence[Citation] | None = None) -> str:
    """Render the finished answer as a reloaded page shows it; `rows` are its citations if the database is down."""
    try:
        mark_withheld([question], question.conversation.user)
        rows = shown_sources(question) or rows or []
    except DATABASE_ERRORS:
        if rows is None:
            raise
        question.is_withheld = False  # its chunks were readable when the answer began
        for row in rows:
            row.may_read = True
    return render_to_string("qa/_answer.html", {"question": question, "citations": rows})
