"""RQ's worker and queue as this site runs them: fair order, early detection of dead workers, heavy modules loaded before the fork."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count
from typing import Any

import django_rq
import rq
from django.db import DatabaseError, connections
from django.utils.module_loading import import_string
from django_rq.queues import DjangoRQ
from redis import Redis
from redis.exceptions import RedisError
from rq.exceptions import DequeueTimeout
from rq.job import Job as RQJob
from rq.worker import WorkerStatus

from documents import extraction, shutdown
from documents.models import Index, Task
from documents.models.task import HANDLERS, TaskState
from documents.work import companions, fairness
from documents.work.job import JSON_SERIALIZER, Job
from documents.work.queue import workers_alive
from documents.work.reconciler import Reconciler, reconcile_in_worker
from documents.work.runner import mark_interrupted
from ragsite import llm, logs

logger = logging.getLogger("ragsite.queue")

FIRST_PAUSE, MAX_PAUSE = 0.5, 5.0
POLL_SECONDS = 2  # while no queue may be taken from

# Moves the jobs that are still queued to the front, in this order. One atomic script: a worker killed between two commands
# would lose a job.
MOVE_TO_FRONT = """
for place = #ARGV, 1, -1 do
    if redis.call('lrem', KEYS[1], 1, ARGV[place]) == 1 then redis.call('lpush', KEYS[1], ARGV[place]) end
end
"""


class Queue(DjangoRQ):
    """A queue whose order `fairness.arrange` decides each time a worker takes a job."""

    @classmethod
    def dequeue_any(  # type: ignore[override]  # the other arguments pass through
        cls, queues: Iterable[rq.Queue], timeout: int | None, connection: Redis, **kwargs: Any
    ) -> Any:
        """As RQ's, from the queues that a worker may take from now."""
        requested = list(queues)
        allowed = arranged(requested, connection)
        if allowed:
            return super().dequeue_any(allowed, timeout, connection=connection, **kwargs)
        if timeout is None:  # a worker in burst mode
            return None
        time.sleep(min(timeout, POLL_SECONDS))
        raise DequeueTimeout(timeout, [queue.name for queue in requested])


def arranged(queues: list[rq.Queue], connection: Redis) -> list[rq.Queue]:
    """The queues that a worker may take from, next turn first, each reordered. All unchanged while PostgreSQL is away."""
    if not any(map(len, queues)):
        return queues
    try:
        by_name = {queue.name: queue for queue in queues}
        names, front = fairness.arrange(list(by_name), workers=workers_alive(connection))
    except DatabaseError as error:
        logger.warning("queues not arranged: %s", type(error).__name__)
        return queues
    finally:
        connections.close_all()  # no connection may be shared over the fork
    for name, job_ids in front.items():
        if job_ids:
            connection.eval(MOVE_TO_FRONT, 1, by_name[name].key, *job_ids)
    return [by_name[name] for name in names]


class Worker(rq.Worker):
    """Survives outages of Redis, detects dead workers within seconds, and forks from a process with the heavy modules loaded."""

    job_class = Job
    queue_class = Queue
    max_connection_wait_time = MAX_PAUSE

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # rqworker has no flags for the last two and always passes the first; RQ's defaults are 420, 600 and 30 s.
        kwargs.update(
            worker_ttl=30, maintenance_interval=15, job_monitoring_interval=10, serializer=JSON_SERIALIZER
        )
        super().__init__(*args, **kwargs)
        names = self.queue_names()
        # A command line from before the "fetch" queue existed.
        if "documents" in names and "fetch" not in names:
            self.queues.insert(names.index("documents") + 1, django_rq.get_queue("fetch"))
            self._ordered_queues = self.queues[:]

    def work(self, *args: Any, **kwargs: Any) -> bool:
        preload()
        # Each run logs a line itself: RQ would repeat it, and log its cleaning of registries four times a minute.
        return super().work(*args, **{**kwargs, "logging_level": "WARNING"})

    # While Redis is away, calls whose answer the worker needs are repeated; status updates are dropped.

    def retry_while_redis_is_away(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Repeat the call, with growing pauses, until Redis answers; return its result."""
        pause = FIRST_PAUSE
        while True:
            try:
                return call(*args, **kwargs)
            except RedisError as error:
                logger.warning("Redis is away (%s): next try in %.1f s", type(error).__name__, pause)
                time.sleep(pause)
                pause = min(pause * 2, MAX_PAUSE)

    def _set_ip_address(self, connection: Redis) -> None:
        self.retry_while_redis_is_away(super()._set_ip_address, connection)

    def register_birth(self) -> None:
        tries = count()

        def register() -> None:
            # A failed try may have written the key, and RQ refuses to register a key that exists.
            if next(tries):
                self.connection.delete(self.key)
            super(Worker, self).register_birth()

        self.retry_while_redis_is_away(register)

    def subscribe(self) -> None:
        self.retry_while_redis_is_away(super().subscribe)

    def check_for_suspension(self, burst: bool) -> None:
        self.retry_while_redis_is_away(super().check_for_suspension, burst)

    def dequeue_job_and_maintain_ttl(self, *args: Any, **kwargs: Any) -> Any:
        return self.retry_while_redis_is_away(super().dequeue_job_and_maintain_ttl, *args, **kwargs)

    def execute_job(self, job: RQJob, queue: rq.Queue) -> None:
        """Survive a Redis outage at the end of a job: the task's row has its outcome."""
        try:
            super().execute_job(job, queue)
        except RedisError as error:
            logger.warning("job=%s ended while Redis was away: %s", job.id, type(error).__name__)
            if self.horse_pid:
                self.wait_for_horse()
                self._horse_pid = 0
            self.set_state(WorkerStatus.IDLE)

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Register again if Redis has lost its data: the worker would otherwise never count as alive."""
        with suppress(RedisError):
            if not self.connection.hexists(self.key, "birth"):
                self.connection.delete(self.key)
                self.register_birth()
            super().heartbeat(timeout, pipeline)

    def maintain_heartbeats(self, job: RQJob) -> None:
        with suppress(RedisError):
            super().maintain_heartbeats(job)

    def set_state(self, *args: Any, **kwargs: Any) -> None:
        with suppress(RedisError):
            super().set_state(*args, **kwargs)

    def set_current_job_working_time(self, *args: Any, **kwargs: Any) -> None:
        with suppress(RedisError):
            super().set_current_job_working_time(*args, **kwargs)

    def set_shutdown_requested_date(self) -> None:
        with suppress(RedisError):
            super().set_shutdown_requested_date()

    def teardown(self) -> None:
        with suppress(RedisError):
            super().teardown()

    def _pubsub_exception_handler(self, exc: Exception, *args: Any) -> None:
        if isinstance(exc, RedisError):
            time.sleep(MAX_PAUSE)
        else:
            super()._pubsub_exception_handler(exc, *args)

    def run_maintenance_tasks(self) -> None:
        """Reconcile too, so that a site without a clock process recovers lost work, only later."""
        with suppress(RedisError):  # Redis may go away between the wait for a job and this
            super().run_maintenance_tasks()
        self.reconciler = getattr(self, "reconciler", None) or Reconciler()
        reconcile_in_worker(self.reconciler)

    def handle_job_failure(self, job: RQJob, *args: Any, **kwargs: Any) -> None:
        """Keep only types and places of the traceback in Redis: a database's message may quote the row, and so the document."""
        # Only the message that the job had ended was lost, during a Redis outage.
        if not self.is_horse and is_done(job):
            self.set_current_job_id(None)
            job.delete()
            return
        error = sys.exc_info()[1]
        if error is not None and "exc_string" in kwargs:
            kwargs["exc_string"] = logs.traceback_without_messages(error)
        super().handle_job_failure(job, *args, **kwargs)

    def handle_warm_shutdown_request(self) -> None:
        """Ask the running job to stop too: it then ends after its current batch instead of being killed at the time-out."""
        super().handle_warm_shutdown_request()
        if self.horse_pid:
            with suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGTERM)
            with suppress(RedisError):
                if job_id := self.get_current_job_id():
                    mark_interrupted(job_id)

    def setup_work_horse_signals(self) -> None:
        super().setup_work_horse_signals()
        signal.signal(signal.SIGTERM, shutdown.request)
        if self._stop_requested:  # between dequeuing the job and this fork
            shutdown.request()

    def main_work_horse(self, *args: Any, **kwargs: Any) -> None:
        die_with_parent()
        companions.is_enabled = True
        super().main_work_horse(*args, **kwargs)


def is_done(job: RQJob) -> bool:
    """Whether the job's task is done. False while the database is away."""
    try:
        return Task.objects.filter(pk=job.args[0], state=TaskState.DONE).exists()
    except (DatabaseError, IndexError, ValueError, TypeError):
        return False
    finally:
        connections.close_all()  # no connection may be shared over the fork


def preload() -> None:
    """Import once what each job would otherwise import in its own fork: half the time of a short job."""
    for handler in HANDLERS.values():
        import_string(handler.path)
    llm.preload(Index.objects.live_model())
    extraction.start_fork_server()
    connections.close_all()  # a connection must not be shared over a fork


def die_with_parent() -> None:
    """Kill this job when its worker dies, so that it cannot run beside its next try (Linux only)."""
    if sys.platform == "linux":
        PR_SET_PDEATHSIG = 1  # linux/prctl.h
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
