"""Puts lost work back on the queue. The task rows are the truth; Redis may lose or repeat jobs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.db import connections
from django.db.utils import Error as DatabaseError
from django.utils import timezone
from redis.exceptions import RedisError

from documents.ingestion.index import request_vector_index
from documents.ingestion.postings import purge_segments
from documents.models import Attempt, Index, Notice, Task
from documents.models.index import IndexState
from documents.models.task import TaskQuerySet
from documents.work import locks
from documents.work.housekeeping import sweep_files
from documents.work.provider_probe import ProviderProbe
from documents.work.queue import queue_connection, queued_ids, requeue

logger = logging.getLogger("ragsite.reconcile")

EVERY_SECONDS = 2
GRACE = timedelta(seconds=1)  # a task that became due just now is still being enqueued
BATCH = 500
CLOCK_KEY = f"{settings.REDIS_PREFIX}:clock"
CLOCK_EXPIRY_SECONDS = 60
PRUNE_EVERY_SECONDS = 3600


class Reconciler:
    """Requeues a task that seems lost in two rounds in a row: after one, a worker may just be dequeuing its job."""

    def __init__(self) -> None:
        self.suspects: set[str] = set()

    def reconcile(self) -> int:
        """Requeue the tasks that were lost in this round and the last; return how many. Raises if a server is away."""
        lost = lost_tasks()
        requeued = requeue_all([task for task in lost if task.job_id in self.suspects])
        self.suspects = {task.job_id for task in lost}
        return requeued


def overdue() -> TaskQuerySet:
    """Tasks that are due, and would be queued by now."""
    return Task.objects.due(timezone.now() - GRACE)


def lost_tasks() -> list[Task]:
    """Tasks that are due, not queued, and not locked by a worker."""
    due = list(overdue()[:BATCH])
    if not due:
        return []
    queued, locked = queued_ids(), locks.locked()
    return [task for task in due if task.job_id not in queued and locks.lock_key(task.pk) not in locked]


def requeue_all(lost: Sequence[Task]) -> int:
    requeued = []
    for task in lost:
        if not requeue(task):
            break  # Redis went away; the next round continues
        requeued.append(task.pk)
    if requeued:
        logger.info("requeued=%s tasks=%s", len(requeued), ",".join(map(str, requeued[:20])))
    return len(requeued)


def reconcile_in_worker(reconciler: Reconciler) -> None:
    """Reconcile from a worker's maintenance, one worker at a time, unless a clock does. Logs failures, never raises."""
    try:
        if clock_works():  # one command to Redis, instead of two connections to PostgreSQL
            return
        with locks.advisory_lock(locks.RECONCILER) as is_free:
            if is_free:
                reconciler.reconcile()
    except Exception as error:
        logger.warning("reconcile failed: %s", type(error).__name__)
    finally:
        connections.close_all()  # no connection may be shared over the worker's fork


def prune() -> None:
    """Delete old attempts, notices, postings and stored files; have a missing vector index built."""
    long_ago = timezone.now() - timedelta(days=settings.KEEP_ATTEMPTS_DAYS)
    Attempt.objects.filter(started_at__lt=long_ago).delete()
    Notice.objects.filter(created_at__lt=long_ago).delete()
    purge_segments()
    sweep_files(timezone.now())
    for index in Index.objects.filter(state=IndexState.LIVE):
        request_vector_index(index)  # dropped by hand, or its rows came by a restore


def beat() -> None:
    """The clock's heartbeat. Does nothing while Redis is away."""
    with suppress(RedisError):
        queue_connection().set(CLOCK_KEY, 1, ex=CLOCK_EXPIRY_SECONDS)


def clock_alive() -> bool:
    """Whether a clock process has sent a heartbeat within the last minute. Raises RedisError."""
    return bool(queue_connection().exists(CLOCK_KEY))


def clock_works() -> bool:
    """Whether a clock process has sent a heartbeat within the last seven rounds. Raises RedisError."""
    return int(queue_connection().ttl(CLOCK_KEY)) > CLOCK_EXPIRY_SECONDS - 7 * EVERY_SECONDS


class Clock:
    """The process that reconciles, probes the provider, prunes, and calls `sweep`, through outages of Redis and PostgreSQL."""

    def __init__(self, sweep: Callable[[], object]) -> None:
        self.sweep = sweep
        self.reconciler, self.provider_probe = Reconciler(), ProviderProbe()
        self.pruned_at: float | None = None
        self.is_outage = False

    def run(self, every: float = EVERY_SECONDS) -> None:
        """Tick every two seconds, for ever."""
        while True:
            began = time.monotonic()  # the wall clock may jump
            self.tick(began)
            time.sleep(max(0.1, every - (time.monotonic() - began)))

    def tick(self, now: float) -> None:
        """One round. Logs what fails, never raises."""
        beat()
        try:
            self.work(now)
            if self.is_outage:
                logger.info("back again")
            self.is_outage = False
        except (DatabaseError, RedisError, OSError) as error:
            connections.close_all()
            if not self.is_outage:  # log once an outage, not every two seconds
                logger.warning("waiting: %s", type(error).__name__)
            self.is_outage = True
        except Exception:
            connections.close_all()
            logger.exception("the round failed")

    def work(self, now: float) -> None:
        """Everything, over one connection that stays open. While nothing is due, that is three cheap queries."""
        self.reconcile_and_probe()
        self.sweep()
        if self.pruned_at is None or now - self.pruned_at > PRUNE_EVERY_SECONDS:
            prune()
            self.pruned_at = now

    def reconcile_and_probe(self) -> None:
        """Take the lock, which needs a connection of its own, only if there is something to do under it."""
        if not (overdue().exists() or self.provider_probe.is_needed):
            self.reconciler.suspects.clear()
            return
        with locks.advisory_lock(locks.RECONCILER) as is_free:
            if is_free:
                self.reconciler.reconcile()
                self.provider_probe.probe_if_needed()
