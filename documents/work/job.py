"""The job that RQ carries: one function of ours, JSON arguments, no callbacks."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rq.job import Job as RQJob
from rq.job import JobStatus

RUN_TASK = "documents.work.runner.run_task"
# Anyone who can write to Redis could otherwise name any function of any module.
ALLOWED_FUNCTIONS = frozenset({RUN_TASK})
JSON_SERIALIZER = "rq.serializers.JSONSerializer"


class ForbiddenJob(Exception):
    """A job names a function that is not on the allow-list, or a callback."""


class Job(RQJob):
    """Runs only the functions of the allow-list; ignores callbacks and webhooks, since those name functions and hosts too."""

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

    def list_as_failed(self, traceback: str) -> None:
        """What RQ's worker does with a job that raised, for one that was not run by it."""
        self.meta["failed"], self.ended_at = True, timezone.now()
        self.save_meta()
        with self.connection.pipeline() as pipeline:
            self.set_status(JobStatus.FAILED, pipeline=pipeline)
            self._handle_failure(traceback, pipeline)
            pipeline.execute()

    def execute_success_callback(self, *args: Any, **kwargs: Any) -> None: ...

    def execute_failure_callback(self, *args: Any, **kwargs: Any) -> None: ...

    def execute_stopped_callback(self, *args: Any, **kwargs: Any) -> None: ...

    def send_webhooks(self, *args: Any, **kwargs: Any) -> None: ...
