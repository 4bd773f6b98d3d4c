"""The producer of an answer: the task that writes it, until it is complete, stopped, interrupted or failed."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from contextlib import aclosing, suppress
from datetime import timedelta, tzinfo

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from qa import answering
from qa.models import AnswerState, Question
from qa.streaming.clients import clients, close_clients, stop_key
from qa.streaming.following import follow_text
from qa.streaming.publisher import Publisher
from qa.streaming.running import RUNNING, Running
from qa.streaming.writer import KEEP_SECONDS, writer
from ragsite import llm, logs
from ragsite.database import DATABASE_ERRORS, in_thread
from ragsite.redis import name_of

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 2  # at the end of the process, for what Redis did not take yet
LOST_SECONDS = 20  # without a heartbeat, after which the process that wrote the answer counts as dead


async def begin_answer(question: Question) -> None:
    """Start to answer a saved question in the server's event loop; for sync views, through `async_to_sync`."""
    start_answer(question)


async def write_answer_now(question: Question) -> None:
    """Answer a saved question and wait for the end, for a server whose event loop ends with the request."""
    try:
        await start_answer(question)
    finally:
        await _close()


def start_answer(question: Question) -> asyncio.Task[None]:
    """Start to answer a saved question in this event loop and return at once."""
    publisher = Publisher(question, asyncio.Event())
    work = write_answer(
        publisher,
        timezone.get_current_timezone(),
        translation.get_language() or settings.LANGUAGE_CODE,
    )
    # A fresh context: the request's context would tie the task's database work to a thread that ends with the request.
    task = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
    name = name_of(question)
    RUNNING[name] = Running(task, publisher.stop, publisher.channel)
    task.add_done_callback(lambda _: RUNNING.pop(name, None))
    return task


async def write_answer(publisher: Publisher, zone: tzinfo, language: str) -> None:
    """Answer a question, publish each piece, and save how it ended, even after an unexpected error."""
    question, stop = publisher.question, publisher.stop
    with timezone.override(zone), translation.override(language), logs.bind_ids(question=question.pk):
        publisher.begin()
        try:
            async with aclosing(answering.answer(question.pk, stop=stop, follow=follow_text)) as pieces:
                async for piece in pieces:
                    await publisher.add(piece)
        except asyncio.CancelledError:  # the server shuts down
            await _end_early(publisher, AnswerState.INTERRUPTED, interrupted_notice())
            raise
        except Question.DoesNotExist:
            logger.info("question=%s was deleted", question.pk)
        except llm.ProviderError as error:  # the index could not be created
            await _end_early(publisher, AnswerState.FAILED, f"{error.sentence} {error.advice}")
        except Exception:
            logger.exception("question=%s could not be answered", question.pk)
            await _end_early(
                publisher, AnswerState.FAILED, _("Something went wrong on our side. Ask again in a moment.")
            )
        finally:
            publisher.end()


async def _end_early(publisher: Publisher, state: AnswerState, notice: str) -> None:
    try:
        question = await in_thread(end_early)(publisher.question, state, notice, publisher.text)
        if question:
            await publisher.close(question, [])
    except DATABASE_ERRORS:
        logger.warning("question=%s: the end of its answer could not be saved", publisher.question.pk)


def end_early(question: Question, state: AnswerState, notice: str, text: str) -> Question | None:
    """Save how the answer ended and its text; if the text itself cannot be saved, only how it ended."""
    running = Question.objects.running().same_as(question)
    end = {"state": state, "notice": notice, "finished_at": timezone.now()}
    try:
        running.update(**end, answer=text, kind="written" if text else "")
    except DATABASE_ERRORS:
        raise
    except Exception:
        logger.exception("question=%s: the text of its answer could not be saved", question.pk)
        running.update(**end)
    return Question.objects.same_as(question).first()


def interrupted_notice() -> str:
    return _("This answer was interrupted. The text so far is kept.")


def interrupt_lost_answers() -> int:
    """Mark running answers without a heartbeat as interrupted, keeping their text, and return how many there were."""
    lost = Question.objects.running().filter(
        heartbeat_at__lt=timezone.now() - timedelta(seconds=LOST_SECONDS)
    )
    return lost.update(state=AnswerState.INTERRUPTED, notice=interrupted_notice(), finished_at=timezone.now())


async def finish_running_answers(timeout: float) -> None:  # noqa: ASYNC109 (late answers are marked, not raised)
    """Wait up to `timeout` seconds for running answers, then mark the rest interrupted; for server shutdown."""
    tasks = {running.task for running in RUNNING.values()}
    if tasks:
        _done, late = await asyncio.wait(tasks, timeout=timeout)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=3)
    await _close()


async def _close() -> None:
    await writer().flush(FLUSH_SECONDS)
    await close_clients()
    await llm.aclose()


async def request_stop(question: Question) -> None:
    """Ask the process that writes the answer to stop."""
    if running := RUNNING.get(name_of(question)):
        running.stop.set()
    with suppress(RedisError, OSError):
        await clients().producer.set(stop_key(question), 1, ex=KEEP_SECONDS)
