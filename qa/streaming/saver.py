"""Saves the text of all running answers of this process, and notices who asked to stop, once a second."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from contextvars import Context
from time import monotonic
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from django.db import connection
from django.utils import timezone
from redis.exceptions import RedisError

from qa.models import Question
from qa.streaming.clients import PAUSE_SECONDS, clients, stop_key
from ragsite.database import DATABASE_ERRORS, in_thread

if TYPE_CHECKING:
    from qa.streaming.publisher import Publisher

logger = logging.getLogger(__name__)

SAVE_SECONDS = 1
HEARTBEAT_SECONDS = 4


class Saver:
    """Runs while there are answers to save: one statement and one command to Redis a second, however many they are."""

    def __init__(self) -> None:
        self._publishers: dict[Publisher, tuple[str, float]] = {}  # the saved text, and when
        self._task: asyncio.Task[None] | None = None
        self._paused_until = 0.0

    def add(self, publisher: Publisher) -> None:
        self._publishers[publisher] = "", monotonic()
        if self._task is None or self._task.done():
            # Without the context of this answer, whose number stands in its log lines.
            self._task = asyncio.get_running_loop().create_task(self.save_loop(), context=Context())

    def remove(self, publisher: Publisher) -> None:
        """Save the answer no more. The last one ends the loop."""
        self._publishers.pop(publisher, None)
        if not self._publishers and self._task:
            self._task.cancel()
            self._task = None

    async def save_loop(self) -> None:
        while self._publishers:
            await asyncio.sleep(SAVE_SECONDS)
            await self._notice_stops()
            await self._save([publisher for publisher in self._publishers if self._is_due(publisher)])

    def _is_due(self, publisher: Publisher) -> bool:
        text, at = self._publishers[publisher]
        return publisher.text != text or monotonic() - at >= HEARTBEAT_SECONDS

    async def _notice_stops(self) -> None:
        """Stop the answers that another process was asked to stop."""
        publishers = list(self._publishers)
        if not publishers or monotonic() < self._paused_until:
            return
        try:
            found = await clients().producer.mget([stop_key(each.question) for each in publishers])
        except (RedisError, OSError):
            self._paused_until = monotonic() + PAUSE_SECONDS
            return
        for publisher, value in zip(publishers, found, strict=True):
            if value:
                publisher.stop.set()

    async def _save(self, publishers: Sequence[Publisher]) -> None:
        texts = {publisher: publisher.text for publisher in publishers}
        try:
            deleted = await in_thread(save_texts)([(each.question, text) for each, text in texts.items()])
        except DATABASE_ERRORS:
            return  # the next round retries
        for publisher, text in texts.items():
            if publisher in self._publishers:
                self._publishers[publisher] = text, monotonic()
            if publisher.question.pk in deleted:
                publisher.stop.set()


def save_texts(answers: Sequence[tuple[Question, str]]) -> Collection[int]:
    """Save the texts of running answers with a heartbeat, and return the keys of deleted questions.

    A text that cannot be saved keeps none of the others from it; its answer gets the heartbeat.
    """
    if not answers:
        return ()
    try:
        saved = _save_together(answers)
    except DATABASE_ERRORS:
        raise
    except Exception:
        logger.exception("the texts of %s answers could not be saved together", len(answers))
        saved = _save_each(answers)
    return _deleted(question for question, _text in answers if question.pk not in saved)


def _save_together(answers: Sequence[tuple[Question, str]]) -> set[int]:
    rows = [(question.pk, question.created_at, text) for question, text in answers]
    with connection.cursor() as cursor:
        cursor.execute(SAVE, [list(column) for column in zip(*rows, strict=True)])
        return {pk for (pk,) in cursor.fetchall()}


SAVE = """
update qa_question question set answer = given.answer, heartbeat_at = statement_timestamp()
from unnest(%s::bigint[], %s::timestamptz[], %s::text[]) as given (id, created_at, answer)
where question.id = given.id and question.created_at = given.created_at and question.state = 'running'
returning question.id"""


def _save_each(answers: Sequence[tuple[Question, str]]) -> set[int]:
    saved: set[int] = set()
    for question, text in answers:
        try:
            saved |= _save_together([(question, text)])
        except DATABASE_ERRORS:
            raise
        except Exception:
            logger.exception("question=%s: the text of its answer could not be saved", question.pk)
            with suppress(*DATABASE_ERRORS):
                save_heartbeat(question)
            saved.add(question.pk)
    return saved


def save_heartbeat(question: Question) -> None:
    Question.objects.running().same_as(question).update(heartbeat_at=timezone.now())


def _deleted(questions: Iterable[Question]) -> set[int]:
    """Return the keys of those that are no more; the others have ended."""
    missing = {question.pk: question.created_at for question in questions}
    if not missing:
        return set()
    found = dict(Question.objects.filter(pk__in=missing).values_list("pk", "created_at"))
    return {pk for pk, created_at in missing.items() if found.get(pk) != created_at}


_savers: WeakKeyDictionary[asyncio.AbstractEventLoop, Saver] = WeakKeyDictionary()


def saver() -> Saver:
    """Return the saver of the running event loop."""
    return _savers.setdefault(asyncio.get_running_loop(), Saver())
