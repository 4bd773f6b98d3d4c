"""The one task that writes an answer, from its start to whichever end: done, stopped, interrupted or lost."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Collection
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import timedelta, tzinfo

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from qa import answering
from qa.models import AnswerState, Question
from qa.streaming.clients import clients, close_clients, stop_key
from qa.streaming.publisher import KEPT_SECONDS, Feed
from ragsite import llm, logs
from ragsite.database import DATABASE_ERRORS, in_thread
from ragsite.redis import name_of

logger = logging.getLogger(__name__)

LOST_SECONDS = 20  # without a heartbeat, after which whoever wrote the answer is taken for dead


@dataclass
class Running:
    """An answer that this process is writing."""

    task: asyncio.Task[None]
    stop: asyncio.Event


RUNNING: dict[str, Running] = {}  # also the strong reference without which a task may vanish


async def begin_answer(question: Question) -> None:
    """Has the server's event loop answer a saved question, for a view in a thread: call it by `async_to_sync`."""
    start_answer(question)


async def write_answer_now(question: Question) -> None:
    """For a server whose event loop ends with the request: returns when the answer is there."""
    try:
        await start_answer(question)
    finally:
        await close_clients()
        await llm.aclose()


def start_answer(question: Question) -> asyncio.Task[None]:
    """Begins to answer a saved question in this event loop and returns at once."""
    stop = asyncio.Event()
    work = write_answer(
        question,
        stop,
        timezone.get_current_timezone(),
        translation.get_language() or settings.LANGUAGE_CODE,
    )
    # In a fresh context: the request's own would tie the task's database work to a thread that ends with the request.
    task = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
    name = name_of(question)
    RUNNING[name] = Running(task, stop)
    task.add_done_callback(lambda _: RUNNING.pop(name, None))
    return task


async def write_answer(question: Question, stop: asyncio.Event, zone: tzinfo, language: str) -> None:
    """Answers, and tells all readers. Ends in a state that says how it ended, whatever happens."""
    feed = Feed(question, stop)
    with timezone.override(zone), translation.override(language), logs.bind_ids(question=question.pk):
        loops = [asyncio.create_task(feed.send_loop()), asyncio.create_task(feed.save_loop())]
        try:
            async with aclosing(answering.answer(question.pk, stop=stop)) as pieces:
                async for piece in pieces:
                    await feed.take(piece)
        except asyncio.CancelledError:  # the server stops
            await _end_early(feed, AnswerState.INTERRUPTED, interrupted_notice())
            raise
        except Question.DoesNotExist:
            logger.info("question=%s was deleted", question.pk)
        except llm.ProviderError as error:  # not even an index could be made
            await _end_early(feed, AnswerState.FAILED, f"{error.sentence} {error.advice}")
        except Exception:
            logger.exception("question=%s could not be answered", question.pk)
            await _end_early(
                feed, AnswerState.FAILED, _("Something went wrong on our side. Ask again in a moment.")
            )
        finally:
            feed.is_over = True
            await _end_all(loops)


async def _end_all(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancels until they have ended: a wait that is over at the same moment may swallow a cancellation."""
    while tasks:
        for task in tasks:
            task.cancel()
        _done, tasks = await asyncio.wait(tasks, timeout=0.5)


async def _end_early(feed: Feed, state: AnswerState, notice: str) -> None:
    try:
        question = await in_thread(end_early)(feed.question, state, notice, feed.text)
        if question:
            await feed.close(question, [])
    except DATABASE_ERRORS:
        logger.warning("question=%s: its end could not be saved", feed.question.pk)


def end_early(question: Question, state: AnswerState, notice: str, text: str) -> Question | None:
    """Save the end with what was written; without it where that is what cannot be saved."""
    running = Question.objects.running().same_as(question)
    end = {"state": state, "notice": notice, "finished_at": timezone.now()}
    try:
        running.update(**end, answer=text, kind="written" if text else "")
    except DATABASE_ERRORS:
        raise
    except Exception:
        logger.exception("question=%s: its text could not be saved", question.pk)
        running.update(**end)
    return Question.objects.same_as(question).first()


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


async def request_stop(question: Question) -> None:
    """Asks whichever process writes the answer to end it here."""
    if running := RUNNING.get(name_of(question)):
        running.stop.set()
    with suppress(RedisError, OSError):
        await clients().writer.set(stop_key(question), 1, ex=KEPT_SECONDS)
