"""Runs one task: takes its lock, checks that it is due, calls the handler of its kind, and records the outcome."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from functools import partial

from django.db import DatabaseError, InterfaceError, OperationalError, connections
from django.utils.module_loading import import_string
from redis.exceptions import RedisError
from rq import get_current_job
from rq.job import Job as RQJob

from documents import shutdown
from documents.extraction import UnreadableFile
from documents.models import Attempt, Task
from documents.models.attempt import Outcome
from documents.models.task import Kind, Superseded, TaskState
from documents.shutdown import Stopped
from documents.work import companions, fairness
from documents.work.locks import advisory_lock
from documents.work.queue import forget_failed_jobs, known_workers
from documents.work.retries import record_failure
from ragsite import llm, logs

logger = logging.getLogger("ragsite.jobs")

MAX_CRASHES = 3  # workers that one task may crash before it is set aside
# SQLSTATE classes of a database that is away (PostgreSQL's documentation, appendix A): connection failures, shutdowns,
# no connection left.
AWAY_CODES = ("08", "57P", "53300")
OUTAGE_PAUSE = 5  # seconds between two checks whether the database is back


def run_task(task_id: int) -> None:
    """The function that RQ calls. Raises after saving, so that RQ's failed list shows the traceback."""
    task = Task.objects.select_related("document", "index").filter(pk=task_id).first()
    job = get_current_job()
    if task is None or (job and not task.has_job(job.id)):  # deleted while the job was queued
        return
    if job and was_requeued(job, task):
        task = Task.objects.request(Kind(task.kind), task.document, task.index, enqueue=False)
    try:
        run_in_turn(task, job.id if job else "")
    except Exception:
        if job:
            mark_failed(job)
        raise
    forget_failed_jobs(task)


def was_requeued(job: RQJob, task: Task) -> bool:
    """Whether an operator pressed Requeue on RQ's page after this job failed."""
    is_unfinished = task.state in (TaskState.OPEN, TaskState.FAILED)
    return bool(job.meta.get("failed") and is_unfinished and not task.is_due)


def run_in_turn(task: Task, job_id: str) -> None:
    """Run the task, and others beside it, unless too much slow work is under way: it then stays due."""
    context, workers = {"job": job_id} if job_id else {}, known_workers()
    with logs.bind_ids(**context), fairness.turn(task, workers=workers) as is_its_turn:
        if is_its_turn:
            companions.run_beside(task, partial(run, task, job_id=job_id), run, workers=workers)


def mark_failed(job: RQJob) -> None:
    """Lets `was_requeued` find the job later. The task's row has the failure even if Redis is away."""
    job.meta["failed"] = True
    with suppress(RedisError):
        job.save_meta()


def run(
    task: Task,
    *,
    job_id: str = "",
    lock: Callable[[int], AbstractContextManager[bool]] = advisory_lock,
) -> None:
    """Run the task if it is due and no other process runs it. Raises its error after recording it."""
    with lock(task.pk) as is_free:
        if not is_free:
            return
        task.refresh_from_db()
        if task.is_due and not crashed_too_often(task):
            attempt(task, job_id)


def attempt(task: Task, job_id: str) -> None:
    task.job_under_way = job_id
    began, outcome = time.monotonic(), "done"
    try:
        with llm.collect_usage() as used:
            import_string(task.handler.path)(task)
        if used.input_tokens:
            Task.objects.retry_now()
    except Superseded:
        outcome = "superseded"
    except Stopped:
        outcome = "stopped"  # it stays due: the reconciler enqueues it for the next worker
    except Exception as error:
        if is_database_away(error):
            outcome = "database away"  # not the task's fault: it stays due
            wait_for_database(task)
            raise
        if not record_failure(task, error):
            outcome = "superseded"
            return
        outcome = type(error).__name__
        raise
    finally:
        log_outcome(task, outcome, time.monotonic() - began)


def log_outcome(task: Task, outcome: str, seconds: float) -> None:
    values = {
        "kind": task.kind,
        "task": task.pk,
        "document": task.document_id,
        "tries": task.tries,
        "ms": round(seconds * 1000),
        "outcome": outcome,
    }
    logger.info("%s", " ".join(f"{name}={value}" for name, value in values.items()), extra=values)


def is_database_away(error: Exception) -> bool:
    """A full disk, a deadlock and a statement time-out are OperationalErrors too, but no outage."""
    if isinstance(error, InterfaceError):
        return True
    code = getattr(error.__cause__ or error, "sqlstate", None) or ""
    return isinstance(error, OperationalError) and (not code or code.startswith(AWAY_CODES))


def wait_for_database(task: Task) -> None:
    """Wait for the database, then mark the run interrupted, so that it does not count as a crash.

    Without the database this worker could run nothing else. Raises Stopped if the worker shuts down.
    """
    while True:
        connections.close_all()
        try:
            Attempt.objects.mark_interrupted(task)
            return
        except (OperationalError, InterfaceError):
            time.sleep(OUTAGE_PAUSE)
        shutdown.check()


def mark_interrupted(job_id: str) -> None:
    """Call it when the job's worker shuts down: if the job is killed later, that does not count as a crash of its task."""
    with suppress(DatabaseError):
        Attempt.objects.filter(job_id=job_id, outcome=Outcome.RUNNING).update(outcome=Outcome.INTERRUPTED)
    connections.close_all()


def crashed_too_often(task: Task) -> bool:
    """Count a crash if the worker of the last run died. After the third crash the task fails for good.

    Not if it ran beside another job's task, which may have been the one. It runs alone from now on.
    """
    running = Attempt.objects.filter(task=task, outcome=Outcome.RUNNING)
    jobs = set(running.values_list("job_id", flat=True))
    if not Attempt.objects.mark_interrupted(task) or not any(task.has_job(job) or not job for job in jobs):
        return False
    task.crashes += 1
    Task.objects.filter(pk=task.pk).update(crashes=task.crashes)
    if task.crashes < MAX_CRASHES:
        return False
    record_failure(task, UnreadableFile("crashed"))
    return True
