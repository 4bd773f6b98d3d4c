"""Puts lost work back on the queue. The task rows are the truth; what Redis holds is only a hint of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.db import close_old_connections, connections
from django.db.utils import Error as DatabaseError
from django.utils import timezone
from redis.exceptions import RedisError

from documents.models import Attempt, Notice, Task
from documents.work import locks
from documents.work.housekeeping import sweep_files
from documents.work.provider_probe import Lookout
from documents.work.queue import queue_connection, queued_ids, revive

logger = logging.getLogger("ragsite.reconcile")

EVERY_SECONDS = 2
GRACE = timedelta(seconds=1)  # what was asked for just now is on its way to the queue
AT_ONCE = 500
CLOCK_KEY = f"{settings.REDIS_PREFIX}:clock"
CLOCK_SECONDS = 60  # without a sign of life, after which the clock counts as gone


class Reconciler:
    """Looks again and again. What seems lost is put back at the second look only: at the first, its worker may just be taking it."""

    def __init__(self) -> None:
        self.suspects: set[str] = set()

    def look(self) -> int:
        """Enqueue what is due, locked by nobody and on no queue, twice in a row; returns how many. Raises when a server is away."""
        lost = lost_tasks()
        revived = revive_all([task for task in lost if task.job_id in self.suspects])
        self.suspects = {task.job_id for task in lost}
        return revived


def lost_tasks() -> list[Task]:
    due = list(Task.objects.due(timezone.now() - GRACE)[:AT_ONCE])
    if not due:
        return []
    queued, locked = queued_ids(), locks.locked()
    return [task for task in due if task.job_id not in queued and locks.lock_key(task.pk) not in locked]


def revive_all(lost: Sequence[Task]) -> int:
    revived = []
    for task in lost:
        if not revive(task):
            break  # Redis went away; the next round goes on
        revived.append(task.pk)
    if revived:
        logger.info("revived=%s tasks=%s", len(revived), ",".join(map(str, revived[:20])))
    return len(revived)


def look_quietly(reconciler: Reconciler) -> None:
    """From a worker's maintenance: one worker at a time, and never a reason for it to stop."""
    try:
        with locks.advisory_lock(locks.RECONCILER) as is_free:
            if is_free:
                reconciler.look()
    except Exception as error:  # the worker must live, whatever is away
        logger.warning("reconcile failed: %s", type(error).__name__)
    finally:
        connections.close_all()  # the worker forks: nothing may stay open


def prune() -> None:
    """Old entries of the ledger and notices that were seen, which are for looking back, not for ever; files that nothing names."""
    long_ago = timezone.now() - timedelta(days=settings.KEEP_ATTEMPTS_DAYS)
    Attempt.objects.filter(started_at__lt=long_ago).delete()
    Notice.objects.filter(created_at__lt=long_ago).delete()
    sweep_files(timezone.now())


def beat() -> None:
    """The clock's sign of life. Redis away costs it nothing: what else it does may not need Redis."""
    with suppress(RedisError):
        queue_connection().set(CLOCK_KEY, 1, ex=CLOCK_SECONDS)


def clock_alive() -> bool:
    """Whether a clock process has shown itself within the last minute. Raises RedisError."""
    return bool(queue_connection().exists(CLOCK_KEY))


def loop(sweep, every: float = EVERY_SECONDS) -> None:  # type: ignore[no-untyped-def]
    """The clock: reconciles every two seconds, for ever, through outages of Redis and PostgreSQL. `sweep` is called each round."""
    reconciler, lookout, pruned_at = Reconciler(), Lookout(), 0.0
    was_away = False
    while True:
        began = time.monotonic()  # not the wall clock, which may jump
        beat()
        try:
            close_old_connections()
            with locks.advisory_lock(locks.RECONCILER) as is_free:
                if is_free:
                    reconciler.look()
                    lookout.look()
            sweep()
            if began - pruned_at > 3600 or not pruned_at:
                prune()
                pruned_at = began
            if was_away:
                logger.info("back again")
            was_away = False
        except (DatabaseError, RedisError, OSError) as error:
            connections.close_all()
            if not was_away:  # once an outage, not every two seconds
                logger.warning("waiting: %s", type(error).__name__)
            was_away = True
        except Exception:
            logger.exception("the round failed")
        time.sleep(max(0.1, every - (time.monotonic() - began)))
