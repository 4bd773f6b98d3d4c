"""Our RQ: what may run, how quickly a dead worker is noticed, and what is loaded before the fork."""

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
from django_rq.queues import DjangoRQ
from redis import Redis
from redis.exceptions import RedisError
from rq.exceptions import DequeueTimeout
from rq.job import Job as RQJob
from rq.worker import WorkerStatus

from ragsite import logs

logger = logging.getLogger("documents.work.worker")

# The functions a job may name. Whoever can write to Redis could otherwise name any function of any module.
ALLOWED_FUNCTIONS = frozenset({"documents.work.queue.run_task"})
JSON_SERIALIZER = "rq.serializers.JSONSerializer"

FIRST_PAUSE, MAX_PAUSE = 0.5, 5.0
LOOK_AGAIN_SECONDS = 2

# Those of the jobs that are on the list, in this order. In one step: a worker that is killed in between would lose one.
TO_THE_FRONT = """
for place = #ARGV, 1, -1 do
    if redis.call('lrem', KEYS[1], 1, ARGV[place]) == 1 then redis.call('lpush', KEYS[1], ARGV[place]) end
end
"""


class ForbiddenJob(Exception):
    """A job names something other than our own functions."""


class Job(RQJob):
    """Runs only the functions of the allow-list; never a callback, never a webhook, since those name functions and hosts too."""

    success_callback = failure_callback = stopped_callback = None

    @property
    def func(self) -> Any:
        if self.func_name not in ALLOWED_FUNCTIONS or self.instance is not None:
            raise ForbiddenJob(f"{self.func_name!r} is not a job of this site.")
        if (
            self._success_callback_name
            or self._failure_callback_name
            or self._stopped_callback_name
            or self.webhooks
        ):
            raise ForbiddenJob("Jobs of this site have no callbacks.")
        return super().func

    def execute_success_callback(self, *args: Any, **kwargs: Any) -> None: ...

    def execute_failure_callback(self, *args: Any, **kwargs: Any) -> None: ...

    def execute_stopped_callback(self, *args: Any, **kwargs: Any) -> None: ...

    def send_webhooks(self, *args: Any, **kwargs: Any) -> None: ...


class Queue(DjangoRQ):
    """A list in Redis on which the work whose turn it is comes to the front before a worker takes the first."""

    @classmethod
    def dequeue_any(  # type: ignore[override]  # the rest is RQ's own business
        cls, queues: Iterable[rq.Queue], timeout: int | None, connection: Redis, **kwargs: Any
    ) -> Any:
        """As RQ's, of those queues that a worker may take from now."""
        asked = list(queues)
        allowed = arranged(asked, connection)
        if allowed:
            return super().dequeue_any(allowed, timeout, connection=connection, **kwargs)
        if timeout is None:  # a worker in burst mode
            return None
        time.sleep(min(timeout, LOOK_AGAIN_SECONDS))
        raise DequeueTimeout(timeout, [queue.name for queue in asked])


def arranged(queues: list[rq.Queue], connection: Redis) -> list[rq.Queue]:
    """Those that a worker may take from, the one first whose front has waited for its turn; all as they are while PostgreSQL is away."""
    from django.db import DatabaseError, connections

    from documents.work import fairness
    from documents.work import queue as jobs

    if not any(map(len, queues)):
        return queues
    try:
        by_name = {queue.name: queue for queue in queues}
        names, front = fairness.arrange(list(by_name), workers=jobs.workers_alive(connection))
    except DatabaseError as error:
        logger.warning("queues not arranged: %s", type(error).__name__)
        return queues
    finally:
        connections.close_all()  # the worker forks: nothing may stay open
    for name, job_ids in front.items():
        if job_ids:
            connection.eval(TO_THE_FRONT, 1, by_name[name].key, *job_ids)
    return [by_name[name] for name in names]


class Worker(rq.Worker):
    """Notices the dead within seconds, lives on while Redis is away, and forks from a process in which the heavy modules are loaded."""

    job_class = Job
    queue_class = Queue
    max_connection_wait_time = MAX_PAUSE

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # rqworker has no flags for the last two, and always passes the first: overwritten here (rq's defaults are 420, 600 and 30 s).
        kwargs.update(
            worker_ttl=30, maintenance_interval=15, job_monitoring_interval=10, serializer=JSON_SERIALIZER
        )
        super().__init__(*args, **kwargs)
        names = self.queue_names()
        if (
            "documents" in names and "fetch" not in names
        ):  # a line from before there was a queue for web pages
            self.queues.insert(names.index("documents") + 1, django_rq.get_queue("fetch"))
            self._ordered_queues = self.queues[:]

    def work(self, *args: Any, **kwargs: Any) -> bool:
        preload()
        # Every try writes a line of its own; rq's would tell the same twice, and a registry's cleaning four times a minute.
        return super().work(*args, **{**kwargs, "logging_level": "WARNING"})

    # What a worker needs of Redis is waited for; what it only tells (that it lives, what it does) may go unheard.

    def outlast(self, act: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What `act` gives once Redis is there."""
        pause = FIRST_PAUSE
        while True:
            try:
                return act(*args, **kwargs)
            except RedisError as error:
                logger.warning("Redis is away (%s): next look in %.1f s", type(error).__name__, pause)
                time.sleep(pause)
                pause = min(pause * 2, MAX_PAUSE)

    def _set_ip_address(self, connection: Redis) -> None:
        self.outlast(super()._set_ip_address, connection)

    def register_birth(self) -> None:
        runner = count()

        def register() -> None:
            if next(
                runner
            ):  # it may have been written all the same, and registering refuses a key that is there
                self.connection.delete(self.key)
            super(Worker, self).register_birth()

        self.outlast(register)

    def subscribe(self) -> None:
        self.outlast(super().subscribe)

    def check_for_suspension(self, burst: bool) -> None:
        self.outlast(super().check_for_suspension, burst)

    def dequeue_job_and_maintain_ttl(self, *args: Any, **kwargs: Any) -> Any:
        return self.outlast(super().dequeue_job_and_maintain_ttl, *args, **kwargs)

    def execute_job(self, job: RQJob, queue: rq.Queue) -> None:
        """A job whose word of its end was lost is none the worse: the row says what became of it, and whether it is due again."""
        try:
            super().execute_job(job, queue)
        except RedisError as error:
            logger.warning("job=%s ended while Redis was away: %s", job.id, type(error).__name__)
            if self.horse_pid:
                self.wait_for_horse()
                self._horse_pid = 0
            self.set_state(WorkerStatus.IDLE)

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Registers anew where Redis has lost everything: the worker would otherwise never count as alive again."""
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
        """Heals lost work too, so that a site without a clock process does as well, a little later."""
        super().run_maintenance_tasks()
        from documents.work.reconciler import (  # late: loaded before the apps are ready
            Reconciler,
            look_quietly,
        )

        self.reconciler = getattr(self, "reconciler", None) or Reconciler()
        look_quietly(self.reconciler)

    def handle_job_failure(self, job: RQJob, *args: Any, **kwargs: Any) -> None:
        """What Redis keeps of a failure names types and places: a database's words may quote the row, and so the document."""
        from documents.work import queue as jobs

        if not self.is_horse and jobs.is_done(job):  # only the word of its end was lost, with Redis
            self.set_current_job_id(None)
            job.delete()
            return
        error = sys.exc_info()[1]
        if error is not None and "exc_string" in kwargs:
            kwargs["exc_string"] = logs.traceback_without_words(error)
        super().handle_job_failure(job, *args, **kwargs)

    def handle_warm_shutdown_request(self) -> None:
        """The job is told too: a long one gives way after its batch instead of being killed when patience ends."""
        super().handle_warm_shutdown_request()
        if self.horse_pid:
            with suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGTERM)
            with suppress(RedisError):
                if job_id := self.get_current_job_id():
                    from documents.work import runner

                    runner.excuse(job_id)

    def setup_work_horse_signals(self) -> None:
        super().setup_work_horse_signals()
        from documents.work import shutdown

        signal.signal(signal.SIGTERM, shutdown.ask)
        if self._stop_requested:  # between taking the job and this fork
            shutdown.ask()

    def main_work_horse(self, *args: Any, **kwargs: Any) -> None:
        die_with_parent()
        super().main_work_horse(*args, **kwargs)


def preload() -> None:
    """Import once what each job would otherwise import in its own fork: half the time of a short job."""
    from django.db import connections

    import documents.work.queue  # noqa: F401
    from documents import extraction
    from documents.models import Index
    from ragsite import llm

    llm.preload(Index.objects.live_model())
    extraction.start_fork_server()
    connections.close_all()  # a connection must not be shared over a fork


def die_with_parent() -> None:
    """A job whose worker was killed ends at once, so that it cannot run beside its second try (Linux only)."""
    if sys.platform == "linux":
        PR_SET_PDEATHSIG = 1  # linux/prctl.h
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
