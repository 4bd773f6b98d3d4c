"""What RQ carries and calls: "look at task 42". The task's row decides whether anything is to be done, and when again."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

import django_rq
from django.conf import settings
from django.db import DatabaseError, connections
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout
from redis.retry import Retry
from rq import Queue, get_current_job
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job as RQJob
from rq.registry import FailedJobRegistry
from rq.worker_registration import REDIS_WORKER_KEYS

from documents.models import Task
from documents.models.task import Kind, TaskState
from documents.work import fairness, runner
from documents.work.worker import JSON_SERIALIZER, Job
from ragsite import logs
from ragsite.redis import renaming_client

logger = logging.getLogger("ragsite.jobs")

SPARED_SECONDS = 2
_hung_until = 0.0

RENEWED_MS = 45_000  # what a living worker's key still has to live, at the least


def run_task(task_id: int) -> None:
    """What RQ calls. Raises after saving, so that RQ's failed list shows the traceback."""
    task = Task.objects.select_related("document", "index").filter(pk=task_id).first()
    job = get_current_job()
    if task is None or (job and not task.has_job(job.id)):  # deleted while the job waited
        return
    if (
        job
        and job.meta.get("failed")
        and task.state in (TaskState.OPEN, TaskState.FAILED)
        and not task.is_due
    ):
        task = Task.objects.ask_for(
            Kind(task.kind), task.document, task.index, enqueue=False
        )  # Requeue was pressed
    try:
        with (
            logs.bound(**({"job": job.id} if job else {})),
            fairness.turn(task, workers=workers_at_least()) as is_its_turn,
        ):
            if not is_its_turn:
                return  # it stays due
            runner.run(task, job_id=job.id if job else "")
    except Exception:
        if job:
            note_failure(job)
        raise
    forget_failed_jobs(task)


def note_failure(job: RQJob) -> None:
    """Whether Requeue was pressed is told by it later. Redis away: the row says all the same what went wrong."""
    job.meta["failed"] = True
    with suppress(RedisError):
        job.save_meta()


def is_done(job: RQJob) -> bool:
    """Whether the work of a job whose end nobody heard of was done. False while the database is away."""
    try:
        return Task.objects.filter(pk=job.args[0], state=TaskState.DONE).exists()
    except (DatabaseError, IndexError, ValueError, TypeError):
        return False
    finally:
        connections.close_all()  # for the worker, which forks


def workers_at_least() -> int:
    """How many workers live as far as is known; one while Redis is away."""
    try:
        with spared_while_hung():
            return workers_alive(queue_connection())
    except RedisError:
        return 1


def enqueue(task: Task) -> bool:
    """Put the task's coming try on the queue, once. False when Redis is away: the reconciler does it later."""
    try:
        with spared_while_hung():
            get_queue(task.queue_name).enqueue(
                run_task,
                task.pk,
                job_id=task.job_id,
                unique=True,
                description=f"{task.kind} {task.document_id or ''}".strip(),
            )
        if (
            task.tries or task.generation > 1
        ):  # the failed list shows what is broken now, not earlier tries of the same
            forget_failed_jobs(task)
    except DuplicateJobError:
        pass  # waiting or running already
    except RedisError as error:
        logger.warning("task=%s not enqueued: %s", task.pk, type(error).__name__)
        return False
    return True


def revive(task: Task) -> bool:
    """Enqueue anew what was due, is on no queue and is locked by nobody: its job was lost with its worker or with Redis.

    False when Redis is away.
    """
    try:
        with spared_while_hung():
            forget_job(task.job_id)
    except RedisError:
        return False
    return enqueue(task)


def forget_job(job_id: str) -> None:
    """Whatever Redis holds of it, be it half a job: RQ would refuse another of that name. Raises RedisError."""
    try:
        Job.fetch(job_id, connection=queue_connection(), serializer=JSON_SERIALIZER).delete()
    except (NoSuchJobError, ValueError, KeyError):  # none, or one that cannot be read
        queue_connection().delete(Job.key_for(job_id))


def queued_ids() -> set[str]:
    """The ids of all jobs that wait on a queue. Raises RedisError."""
    return {job_id for name in settings.RQ_QUEUES for job_id in get_queue(name).get_job_ids()}


def workers_alive(redis: Redis) -> int:
    """How many workers have shown themselves within the last 45 seconds. Raises RedisError.

    RQ's own count holds the killed as well, until another worker cleans up, which the last one's death puts off for
    ever. A worker that lives renews the expiry of its key, to 70 seconds or more, every 15.
    """
    keys = redis.smembers(REDIS_WORKER_KEYS)
    with redis.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.pttl(key)
        return sum(left > RENEWED_MS for left in pipeline.execute())


def forget_failed_jobs(task: Task) -> None:
    """Take the task's earlier tries off RQ's failed list."""
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


def get_queue(name: str) -> Queue:
    return django_rq.get_queue(name, connection=queue_connection(), commit_mode="auto")


@contextmanager
def spared_while_hung() -> Iterator[None]:
    """For calls that a person waits for. A Redis that hangs costs a second once, then nothing for a while: RedisError at once."""
    global _hung_until
    if time.monotonic() < _hung_until:
        raise RedisTimeout("left alone")
    try:
        yield
    except RedisTimeout:
        _hung_until = time.monotonic() + SPARED_SECONDS
        raise


@cache
def queue_connection() -> Redis:
    """Redis with short time-outs and no retries: nobody's request waits for a queue that is away."""
    return renaming_client(settings.QUEUE_URL, settings.REDIS_PREFIX, retry=Retry(NoBackoff(), 0))
