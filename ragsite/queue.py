"""Our RQ: what may run, how quickly a dead worker is noticed, and what is loaded before the fork."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from contextlib import suppress
from typing import Any

import rq
from redis.exceptions import RedisError
from rq.job import Job as RQJob

from ragsite import logs

logger = logging.getLogger("ragsite.queue")

# The functions a job may name. Whoever can write to Redis could otherwise name any function of any module.
ALLOWED_FUNCTIONS = frozenset({"documents.jobs.run_task"})
JSON_SERIALIZER = "rq.serializers.JSONSerializer"


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


class Worker(rq.Worker):
    """Notices the dead within seconds, and forks from a process in which the heavy modules are loaded already."""

    job_class = Job

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # rqworker has no flags for the last two, and always passes the first: overwritten here (rq's defaults are 420, 600 and 30 s).
        kwargs.update(
            worker_ttl=30, maintenance_interval=15, job_monitoring_interval=10, serializer=JSON_SERIALIZER
        )
        super().__init__(*args, **kwargs)

    def work(self, *args: Any, **kwargs: Any) -> bool:
        preload()
        # Every try writes a line of its own; rq's would tell the same twice, and a registry's cleaning four times a minute.
        return super().work(*args, **{**kwargs, "logging_level": "WARNING"})

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Registers anew where Redis has lost everything: the worker would otherwise never count as alive again."""
        if not self.connection.hexists(self.key, "birth"):
            self.connection.delete(self.key)  # registering refuses a key that is there
            self.register_birth()
        super().heartbeat(timeout, pipeline)

    def run_maintenance_tasks(self) -> None:
        """Heals lost work too, so that a site without a clock process does as well, a little later."""
        super().run_maintenance_tasks()
        from documents.reconcile import Reconciler, look_quietly  # late: loaded before the apps are ready

        self.reconciler = getattr(self, "reconciler", None) or Reconciler()
        look_quietly(self.reconciler)

    def handle_job_failure(self, job: RQJob, *args: Any, **kwargs: Any) -> None:
        """What Redis keeps of a failure names types and places: a database's words may quote the row, and so the document."""
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
                    from documents import tries

                    tries.excuse(job_id)

    def setup_work_horse_signals(self) -> None:
        super().setup_work_horse_signals()
        from documents import stopping

        signal.signal(signal.SIGTERM, stopping.ask)
        if self._stop_requested:  # between taking the job and this fork
            stopping.ask()

    def main_work_horse(self, *args: Any, **kwargs: Any) -> None:
        die_with_parent()
        super().main_work_horse(*args, **kwargs)


def preload() -> None:
    """Import once what each job would otherwise import in its own fork: half the time of a short job."""
    from django.db import connections

    import documents.jobs  # noqa: F401
    from documents import extraction
    from documents.models import Index
    from ragsite import llm

    llm.preload(Index.objects.live_model())
    extraction.start_nursery()
    connections.close_all()  # a connection must not be shared over a fork


def die_with_parent() -> None:
    """A job whose worker was killed ends at once, so that it cannot run beside its second try (Linux only)."""
    if sys.platform == "linux":
        PR_SET_PDEATHSIG = 1  # linux/prctl.h
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
