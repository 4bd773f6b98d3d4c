from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from documents import shutdown
from documents.models.index import Index
from documents.models.job_id import JobId
from documents.models.task_kinds import HANDLERS, STUBBORN_AFTER, Handler, Kind, Stage, TaskState
from documents.models.task_queryset import CLOCK_SLACK, TaskQuerySet
from ragsite.redis import name_of
from ragsite.storable import storable_text

__all__ = [
    "HANDLERS",
    "STUBBORN_AFTER",
    "Kind",
    "Stage",
    "Superseded",
    "Task",
    "TaskQuerySet",
    "TaskState",
    "retry_delay",
]

# Dotted paths: the models do not import work.
ENQUEUE = "documents.work.queue.enqueue"
RUN = "documents.work.runner.run"

MIN_WAIT = timedelta(seconds=5)


class Superseded(Exception):
    """The task was reset, cancelled or deleted during this run, which must write nothing."""


class Task(models.Model):
    """A unit of background work. The RQ job only says "run task 42"; this row decides whether it is due, and when again."""

    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    document = models.ForeignKey(
        "documents.Document", null=True, blank=True, on_delete=models.CASCADE, related_name="tasks"
    )
    index = models.ForeignKey(Index, null=True, blank=True, on_delete=models.CASCADE, related_name="tasks")
    state = models.CharField(_("state"), max_length=10, choices=TaskState, default=TaskState.OPEN)
    generation = models.PositiveIntegerField(
        _("generation"), default=1, help_text=_("Incremented whenever the task is started over.")
    )
    tries = models.PositiveIntegerField(_("failed tries"), default=0)
    crashes = models.PositiveIntegerField(_("crashes"), default=0)
    start_at = models.CharField(
        _("redo from"),
        max_length=8,
        choices=Stage,
        blank=True,
        help_text=_("Empty: results that are stored already are reused."),
    )
    next_try_at = models.DateTimeField(_("next try"), default=timezone.now)
    not_before = models.DateTimeField(
        _("not before"), null=True, blank=True, help_text=_("As the provider requested.")
    )
    error_kind = models.CharField(_("kind of failure"), max_length=40, blank=True)
    error = models.TextField(_("error"), blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    changed_at = models.DateTimeField(_("changed"), default=timezone.now)

    job_under_way = ""  # id of the RQ job that runs the task in this process

    objects = TaskQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "document", "index"], name="unique_task_per_target", nulls_distinct=False
            ),
        ]
        indexes = [
            models.Index(fields=["next_try_at"], condition=models.Q(state="open"), name="open_tasks_by_time")
        ]
        verbose_name = _("task")
        verbose_name_plural = _("tasks")

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.document or self.index}"

    @property
    def is_due(self) -> bool:
        now = timezone.now()
        return self.state == TaskState.OPEN and (
            self.next_try_at <= now or self.changed_at > now + CLOCK_SLACK
        )

    @property
    def is_seen(self) -> bool:
        """Whether it is one of `TaskQuerySet.seen` now."""
        return Task.objects.filter(pk=self.pk).seen().exists()

    @property
    def handler(self) -> Handler:
        return HANDLERS[Kind(self.kind)]

    @property
    def max_tries(self) -> int:
        return min(settings.MAX_TRIES, self.handler.max_tries or settings.MAX_TRIES)

    @property
    def queue_name(self) -> str:
        return self.handler.queue

    @property
    def job_id(self) -> str:
        """The id of the RQ job of the next run. Deterministic, so that the reconciler can find it on the queue."""
        return self.job_id_of(self.tries)

    @property
    def last_job_id(self) -> str:
        """The id of the RQ job of the last run; of the next run if there was none."""
        tried = self.tries and self.state in (TaskState.OPEN, TaskState.FAILED) and not self.is_due
        return self.job_id_of(self.tries - 1 if tried else self.tries)

    def job_id_of(self, tries: int) -> str:
        """The id of the RQ job of the run after that many failed tries."""
        return str(JobId(name_of(self), self.generation, tries))

    def has_job(self, job_id: str) -> bool:
        """Whether the RQ job is one of this task's, and not of another task that had this number before a restore."""
        parsed = JobId.parse(job_id)
        return parsed is not None and parsed.task == name_of(self)

    def enqueue_on_commit(self) -> None:
        """Enqueue once the row is committed. While Redis is away this is logged, and the reconciler enqueues it later."""
        transaction.on_commit(self.enqueue, robust=True)

    def enqueue(self) -> None:
        import_string(ENQUEUE)(self)

    def run(self) -> None:
        """Run it in this process if it is due. Raises its error after recording it."""
        import_string(RUN)(self)

    def assign_index(self) -> None:
        """Assign the live index to a task that was created before there was one. Raises ProviderError if none can be created."""
        if self.kind != Kind.INDEX or self.index is not None:
            return
        live = Index.objects.live()
        if Task.objects.filter(kind=self.kind, document=self.document, index=live).exists():
            Task.objects.filter(pk=self.pk).delete()  # another task does the same in the live index
            raise Superseded
        self._update(index=live)

    def check_run(self) -> None:
        """Call it often in a long run. Raises Stopped if the worker shuts down, and Superseded."""
        shutdown.check()
        if not self._same_run().exists():
            raise Superseded

    @contextmanager
    def fence(self) -> Iterator[None]:
        """A transaction that writes a result of this run, during which nothing else changes the task. Raises Superseded."""
        with transaction.atomic():
            # All tasks of its document, in the order in which deleting the document locks them: no deadlock.
            if self.document_id:
                Task.objects.filter(document=self.document_id).lock()
            if not self._same_run().select_for_update().exists():
                raise Superseded
            yield

    def _same_run(self) -> TaskQuerySet:
        """This task, unless it was reset, cancelled or deleted since it was loaded."""
        return Task.objects.open().filter(pk=self.pk, generation=self.generation)

    def finish(self) -> None:
        self._update(state=TaskState.DONE, error="", error_kind="", not_before=None, crashes=0)

    def fail(self, kind: str, error: str) -> None:
        """Fail for good: it runs again only if a person retries it."""
        self._update(state=TaskState.FAILED, error_kind=kind, error=error, tries=self.tries + 1)

    def try_again(self, kind: str, error: str, *, not_before: datetime | None = None) -> None:
        """Schedule the next try after a growing delay with jitter, never before `not_before`."""
        due = timezone.now() + retry_delay(self.tries + 1)
        self._update(
            tries=self.tries + 1,
            next_try_at=max(due, not_before or due),
            not_before=not_before,
            error_kind=kind,
            error=error,
        )

    def wait_for_rate_limit(self, not_before: datetime, kind: str, error: str) -> None:
        """Schedule the next try for when the provider accepts requests again, without using up the tries."""
        jitter = timedelta(seconds=random.uniform(0, 5))  # noqa: S311 (no secret)
        self._update(
            tries=min(self.tries + 1, max(self.tries, STUBBORN_AFTER)),
            next_try_at=max(not_before, timezone.now() + MIN_WAIT) + jitter,
            not_before=not_before,
            error_kind=kind,
            error=error,
        )

    def wait_until(self, time: datetime, kind: str, error: str) -> None:
        """Schedule the next try without counting one: the task is not at fault (key refused, quota spent)."""
        self._update(next_try_at=time, error_kind=kind, error=error)

    def _update(self, **values: object) -> None:
        values["changed_at"] = timezone.now()
        if error := values.get("error"):
            values["error"] = storable_text(
                str(error)
            )  # an error may quote text that PostgreSQL cannot store
        for name, value in values.items():
            setattr(self, name, value)
        Task.objects.filter(pk=self.pk, generation=self.generation).update(**values)


def retry_delay(tries: int) -> timedelta:
    """Sidekiq's growth, n^4 + 15 s and jitter (github.com/sidekiq/sidekiq/wiki/Error-Handling): 25 tries last some 17 days."""
    return timedelta(seconds=(tries - 1) ** 4 + 15 + random.uniform(0, 10) * tries)  # noqa: S311 (no secret)
