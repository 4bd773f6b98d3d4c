from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from documents.models.states import MOVING, State

# Shown in the document's row; `work.replay` sets them in bulk.
STATUS = ["state", "state_since", "progress_done", "progress_total", "failure_kind", "failure", "remedy"]


class ProgressMixin(models.Model):
    """What is being done with a document, how far it has come, and the failure that ended it."""

    state = models.CharField(_("state"), max_length=12, choices=State, default=State.WAITING, db_index=True)
    state_since = models.DateTimeField(_("since"), default=timezone.now)
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    failure_kind = models.CharField(_("kind of failure"), max_length=40, blank=True)
    failure = models.CharField(_("what happened"), max_length=500, blank=True)
    remedy = models.CharField(_("what to do"), max_length=500, blank=True)

    class Meta:
        abstract = True

    @property
    def is_moving(self) -> bool:
        """Whether it is being processed or waits for that."""
        return self.state in MOVING

    @property
    def is_unread_scan(self) -> bool:
        """Whether it failed because this site does no OCR: no program is installed, or it is switched off."""
        return self.failure_kind in ("no_text", "ocr_off") and self.state == State.FAILED

    def move_to(self, state: State, *, done: int = 0, total: int = 0) -> None:
        """Set the state and the progress; clears an earlier failure."""
        self._update(
            state=state, progress_done=done, progress_total=total, failure_kind="", failure="", remedy=""
        )

    def progress(self, done: int, total: int) -> None:
        self._update(progress_done=done, progress_total=total)

    def fail(self, kind: str, failure: str, remedy: str) -> None:
        """Mark it as failed for good, with a sentence and a remedy for its owner."""
        self._update(
            state=State.FAILED, failure_kind=kind, failure=str(failure)[:500], remedy=str(remedy)[:500]
        )

    def wait_after(self, kind: str, failure: str) -> None:
        """Show a failure after which it is tried again at `task.next_try_at`."""
        self._update(state=State.WAITING, failure_kind=kind, failure=str(failure)[:500], remedy="")

    def _update(self, **values: object) -> None:
        """Update only these columns, so that processes do not overwrite each other's changes; sends no signal."""
        if "state" in values and values["state"] != self.state:
            values["state_since"] = timezone.now()
        for name, value in values.items():
            setattr(self, name, value)
        type(self)._base_manager.filter(pk=self.pk).update(**values)
