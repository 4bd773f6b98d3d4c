from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from documents.models.document import Document
from documents.models.task import Superseded, Task
from documents.shutdown import Stopped
from ragsite import llm
from ragsite.storable import storable_text

if TYPE_CHECKING:
    from ragsite.accounts.models import User


A_DAY = timedelta(days=1)


class Outcome(models.TextChoices):
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    INTERRUPTED = "interrupted", _("interrupted")
    SUPERSEDED = "superseded", _("superseded")


class AttemptQuerySet(models.QuerySet["Attempt"]):
    def visible_to(self, user: User, *, operating: bool = False) -> Self:
        return self.filter(document__in=Document.objects.visible_to(user, operating=operating))

    @contextmanager
    def record(self, task: Task, stage: str, job_id: str = "") -> Iterator[Attempt]:
        """Record one run of one stage and its outcome. Errors are recorded and re-raised."""
        attempt = self.create(
            task=task, document=task.document, stage=stage, number=task.tries + 1, job_id=job_id
        )
        with llm.collect_usage() as used:
            try:
                yield attempt
            except Superseded:
                attempt.close(Outcome.SUPERSEDED, used)
                raise
            except Stopped:
                attempt.close(Outcome.INTERRUPTED, used)
                raise
            except BaseException as error:
                attempt.close(Outcome.FAILED, used, error)
                raise
            else:
                attempt.close(Outcome.DONE, used)

    def cut_short(self) -> Self:
        """Runs of the last day that did not come to their end, or have not yet."""
        return self.filter(
            outcome__in=[Outcome.RUNNING, Outcome.INTERRUPTED], started_at__gt=timezone.now() - A_DAY
        )

    def mark_interrupted(self, task: Task) -> int:
        """Mark the runs of processes that died at this task; return how many. Call it only while holding the task's lock."""
        return self.filter(task=task, outcome=Outcome.RUNNING).update(outcome=Outcome.INTERRUPTED)


class Attempt(models.Model):
    """One run of one stage on one document: the history that the activity page searches and times."""

    task = models.ForeignKey(Task, null=True, on_delete=models.SET_NULL, related_name="attempts")
    document = models.ForeignKey(Document, null=True, on_delete=models.CASCADE, related_name="attempts")
    stage = models.CharField(_("stage"), max_length=20, db_index=True)
    number = models.PositiveIntegerField(_("try"), default=1)
    job_id = models.CharField(_("RQ job"), max_length=100, blank=True)
    outcome = models.CharField(_("outcome"), max_length=12, choices=Outcome, default=Outcome.RUNNING)
    started_at = models.DateTimeField(_("started"), default=timezone.now, db_index=True)
    duration = models.DurationField(_("duration"), null=True)
    error_class = models.CharField(_("error"), max_length=200, blank=True)
    error_message = models.TextField(_("message"), blank=True)
    traceback = models.TextField(_("traceback"), blank=True)
    tokens = models.PositiveIntegerField(
        _("tokens"), null=True, help_text=_("Sent to and received from the provider.")
    )

    objects = AttemptQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-pk"]
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")

    def __str__(self) -> str:
        return f"{self.stage} {self.number}: {self.get_outcome_display()}"

    def close(self, outcome: Outcome, used: llm.Collected, error: BaseException | None = None) -> None:
        """Store the outcome, the duration, the tokens used, and the error if there is one."""
        self.outcome, self.duration = outcome, timezone.now() - self.started_at
        self.tokens = used.input_tokens + used.output_tokens if used.calls else None
        if error:
            self.error_class = type(error).__name__
            self.error_message = storable_text(str(error)[:2000])
            self.traceback = storable_text("".join(traceback.format_exception(error))[-20_000:])
        # An update, not a save: the document may have been deleted during the run, and this row with it.
        Attempt.objects.filter(pk=self.pk).update(
            outcome=self.outcome,
            duration=self.duration,
            error_class=self.error_class,
            error_message=self.error_message,
            traceback=self.traceback,
            tokens=self.tokens,
        )
