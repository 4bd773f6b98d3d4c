"""Puts tasks on RQ's queues. A job only says "run task 42": the task's row decides whether it is due, and when again."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, cast

import django_rq
from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout
from redis.retry import Retry
from rq import Queue
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.registry import FailedJobRegistry
from rq.timeouts import BaseTimeoutException
from rq.worker_registration import REDIS_WORKER_KEYS

from documents.models import Task
from documents.work.job import JSON_SERIALIZER, RUN_TASK, Job
from ragsite import logs
from ragsite.redis import prefixing_client

if TYPE_CHECKING:
    from documents.work.fairness import DueTask

logger = logging.getLogger("ragsite.jobs")

FAIL_FAST_SECONDS = 2
_hung_until = 0.0

MIN_EXPIRY_MS = 45_000  # of a living worker's key


def enqueue(task: Task) -> bool:
    """Put the task's next run on the queue, once. False while Redis is away: the reconciler enqueues it later."""
    try:
        with fail_fast_while_redis_hangs():
            get_queue(task.queue_name).enqueue(
                RUN_TASK,
                task.pk,
                job_id=task.job_id,
                unique=True,
                description=f"{task.kind} {task.document_id or ''}".strip(),
            )
        # The failed list shows what is broken now, not earlier runs of the same task.
        if task.tries or task.generation > 1:
            forget_failed_jobs(task)
    except DuplicateJobError:
        pass  # already queued or running
    except RedisError as error:
        logger.warning("task=%s not enqueued: %s", task.pk, type(error).__name__)
        return False
    return True


def requeue(task: Task) -> bool:
    """Enqueue a due task whose job was lost with its worker or with Redis. False while Redis is away."""
    try:
        with fail_fast_while_redis_hangs():
            delete_job(task.job_id)
    except RedisError:
        return False
    return enqueue(task)


def length(queue_name: str) -> int:
    """How many jobs are queued there. Raises RedisError."""
    return len(get_queue(queue_name))


def claim(due: DueTask) -> bool:
    """Take the job off its queue, to run it in this process. False if another one took it. Raises RedisError."""
    return bool(queue_connection().lrem(get_queue(due.queue).key, 1, due.job_id))


def forget(due: DueTask, task: Task | None) -> None:
    """Delete the job of a task that was claimed and has run, and what RQ lists of its earlier failures."""
    with suppress(RedisError):  # the task's row has its outcome
        delete_job(due.job_id)
        if task:
            forget_failed_jobs(task)


def keep_failed(due: DueTask, error: Exception) -> None:
    """List the job as failed, with its traceback, as the worker does with jobs that it started itself."""
    logger.error("job=%s failed", due.job_id, exc_info=error)
    with suppress(RedisError, NoSuchJobError):
        job = cast(Job, Job.fetch(due.job_id, connection=queue_connection(), serializer=JSON_SERIALIZER))
        job.list_as_failed(logs.traceback_without_messages(error))


def is_out_of_time(error: Exception) -> bool:
    """Whether RQ ends the job because it took too long."""
    return isinstance(error, BaseTimeoutException)


def delete_job(job_id: str) -> None:
    """Delete the job, even half of one: RQ would refuse another with its id. Raises RedisError."""
    try:
        Job.fetch(job_id, connection=queue_connection(), serializer=JSON_SERIALIZER).delete()
    except (NoSuchJobError, ValueError, KeyError):  # missing or unreadable
        queue_connection().delete(Job.key_for(job_id))


def queued_ids() -> set[str]:
    """The ids of all queued jobs. Raises RedisError."""
    return {job_id for name in settings.RQ_QUEUES for job_id in get_queue(name).get_job_ids()}


def forget_failed_jobs(task: Task) -> None:
    """Remove the task's earlier runs from RQ's failed list."""
    connection = queue_connection()
    registry = FailedJobRegistry(
        task.queue_name, connection=connection, serializer=JSON_SERIALIZER, job_class=Job
    )
    try:
        for job_id in registry.get_job_ids(cleanup=False):
            if task.has_job(job_id) and job_id != task.job_id:
                registry.remove(job_id, delete_job=True)
    except (RedisError, NoSuchJobError):
        logger.warning("task=%s: its earlier failures are still listed", task.pk)


def workers_alive(redis: Redis) -> int:
    """How many workers have renewed their key within the last 45 seconds. Raises RedisError.

    RQ's own count includes killed workers until another worker cleans up, which never happens after the last one died.
    A living worker renews the expiry of its key, to 70 seconds or more, every 15 seconds.
    """
    keys = redis.smembers(REDIS_WORKER_KEYS)
    with redis.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.pttl(key)
        return sum(left > MIN_EXPIRY_MS for left in pipeline.execute())


def known_workers() -> int:
    """As `workers_alive`; 1 while Redis is away."""
    try:
        with fail_fast_while_redis_hangs():
            return workers_alive(queue_connection())
    except RedisError:
        return 1


def get_queue(name: str) -> Queue:
    return django_rq.get_queue(name, connection=queue_connection(), commit_mode="auto")


@contextmanager
def fail_fast_while_redis_hangs() -> Iterator[None]:
    """For calls that a person waits for: after one time-out, RedisError at once for two seconds instead of another wait."""
    global _hung_until
    if time.monotonic() < _hung_until:
        raise RedisTimeout("Redis timed out a moment ago")
    try:
        yield
    except RedisTimeout:
        _hung_until = time.monotonic() + FAIL_FAST_SECONDS
        raise


@cache
def queue_connection() -> Redis:
    """Redis with short time-outs and no retries, so that no request waits long for a queue that is away."""
    return prefixing_client(settings.QUEUE_URL, settings.REDIS_PREFIX, retry=Retry(NoBackoff(), 0))
