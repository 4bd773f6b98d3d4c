"""What the readers of one answer are given while it is written: its pieces to Redis, its text and heartbeat to the row."""

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
from qa.streaming.clients import REST_SECONDS, clients, stop_key, stream_key
from ragsite.database import DATABASE_ERRORS, in_thread

logger = logging.getLogger(__name__)

COALESCE_SECONDS = 0.05
SAVE_SECONDS = 1
BEAT_SECONDS = 4
SILENCE_SECONDS = 10  # without a word, after which the reader is told that this can take a while
KEPT_SECONDS = 600  # how long a finished answer can still be followed
MAX_SECONDS = 3600


@dataclass
class Feed:
    """What the readers of one answer are given, gathered for a moment so that a word costs no entry of its own."""

    question: Question
    stop: asyncio.Event
    is_over: bool = False  # nothing that this answer started outlives it
    _text: list[str] = field(default_factory=list)
    _waiting: list[tuple[str, str]] = field(default_factory=list)
    _has_news: asyncio.Event = field(default_factory=asyncio.Event)
    _resting_until: float = 0.0
    _is_closed: bool = False

    @property
    def text(self) -> str:
        """All that was written so far."""
        return "".join(self._text)

    async def take(self, piece: answering.Piece) -> None:
        if piece.question:
            await self.close(piece.question, piece.citations)
        if piece.step:
            self._add("step", escape(piece.step))
        if piece.takes_back:
            self._text.clear()
            self._add("back", "")
        if piece.text:
            self._text.append(piece.text)
            self._add("token", escape(piece.text))

    async def close(self, question: Question, rows: Sequence[Citation]) -> None:
        """The finished answer in place of its pieces, and the word that nothing more comes."""
        if not self._is_closed:
            self._is_closed = True
            self._add("final", await in_thread(final_html)(question, rows))
            self._add("done", "")
            await self.send()
            await self._try(clients().writer.expire(stream_key(self.question), KEPT_SECONDS))

    async def send_loop(self) -> None:
        has_apologised = False
        while not self.is_over:
            try:
                # Not wait_for: until Python 3.12 it swallows a cancellation that comes together with news.
                async with asyncio.timeout(SILENCE_SECONDS):
                    await self._has_news.wait()
            except TimeoutError:
                if not (has_apologised or self._text):
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
        while not self.is_over:
            await asyncio.sleep(SAVE_SECONDS)
            if monotonic() >= self._resting_until and await self._try(
                clients().writer.exists(stop_key(self.question))
            ):
                self.stop.set()
            if (text := self.text) != saved or monotonic() - beat >= BEAT_SECONDS:
                saved, beat = text, monotonic()
                await self._save(saved)

    async def _save(self, text: str) -> None:
        try:
            if not await in_thread(save_text)(self.question, text):
                self.stop.set()  # deleted: nobody waits for it
        except DATABASE_ERRORS:
            pass  # the next round tries again
        except Exception:
            # A text that cannot be saved must not end the heartbeat, nor keep the wish to stop from being seen.
            logger.exception("question=%s: its text could not be saved", self.question.pk)
            with suppress(*DATABASE_ERRORS):
                await in_thread(save_heartbeat)(self.question)

    async def send(self) -> None:
        """All that has gathered, in one trip. With Redis away it is dropped: the database will have the answer."""
        self._has_news.clear()
        waiting, self._waiting = _merged(self._waiting), []
        if not waiting or monotonic() < self._resting_until:
            return
        pipe = clients().writer.pipeline(transaction=False)
        key = stream_key(self.question)
        for kind, body in waiting:
            pipe.xadd(key, {"kind": kind, "body": body})
        pipe.expire(key, MAX_SECONDS)
        await self._try(pipe.execute())

    def _add(self, kind: str, body: str) -> None:
        self._waiting.append((kind, body))
        self._has_news.set()

    async def _try(self, call):  # type: ignore[no-untyped-def]
        """The call's result; None with Redis away, which is then left alone for a moment."""
        try:
            return await call
        except (RedisError, OSError) as error:
            logger.warning("question=%s: Redis is away, %s", self.question.pk, type(error).__name__)
            self._resting_until = monotonic() + REST_SECONDS
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


def save_text(question: Question, text: str) -> int:
    """How many rows it still has: none where it was deleted."""
    running = Question.objects.running().same_as(question)
    return (
        running.update(answer=text, heartbeat_at=timezone.now()) or Question.objects.same_as(question).count()
    )


def save_heartbeat(question: Question) -> None:
    Question.objects.running().same_as(question).update(heartbeat_at=timezone.now())


def shown_sources(question: Question) -> list[Citation]:
    rows = Citation.objects.with_serving().with_rights(question.conversation.user)
    return list(rows.filter(question=question).order_by("number"))


def final_html(question: Question, rows: Sequence[Citation] | None = None) -> str:
    """The finished answer, the same as a reloaded page shows it."""
    try:
        mark_withheld([question], question.conversation.user)
        rows = shown_sources(question) or rows or []
    except DATABASE_ERRORS:
        if rows is None:
            raise
        question.is_withheld = False  # its passages were open to its reader when it was begun
        for row in rows:
            row.may_read = True
    return render_to_string("qa/_answer.html", {"question": question, "citations": rows})
