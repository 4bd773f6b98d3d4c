"""What happens after a failed run: another try later, waiting for the operator, or failure for good."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from documents import notifications
from documents.models import Document, Task
from documents.models.states import SummaryState
from documents.models.task import STUBBORN_AFTER, Kind, Superseded
from documents.work import fairness
from ragsite.disk import storage_problem
from ragsite.failures import Failure, Retry

OPERATOR_WAIT = timedelta(seconds=60)


class Unexpected(Failure):
    """An error without a message of its own: a storage that is full or read-only, or anything else."""

    retry = Retry.LATER

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error
        self.problem = storage_problem(error)
        self.kind = self.problem.kind if self.problem else "unexpected"

    def __repr__(self) -> str:
        return repr(self.error)

    @property
    def sentence(self) -> str:
        return str(self.problem.sentence) if self.problem else _("Something went wrong here.")

    @property
    def remedy(self) -> str:
        return _("Press Retry. If it happens again, contact the operator of this site.")


def record_failure(task: Task, error: Exception) -> bool:
    """Record the failure on the task, and in words on its document. False if the task was cancelled, deleted or reset in between."""
    failure = error if isinstance(error, Failure) else Unexpected(error)
    try:
        with task.fence():
            match failure.retry:
                case Retry.NEVER:
                    fail(task, failure)
                case Retry.LATER:
                    retry_later(task, failure)
                case Retry.AFTER_FIX:
                    wait_for_operator(task, failure)
    except Superseded:
        return False
    if failure.affects_whole_site:
        fairness.pause_site(task, failure.not_before)
    return True


def wait_for_operator(task: Task, failure: Failure) -> None:
    task.wait_until(failure.not_before or timezone.now() + OPERATOR_WAIT, failure.kind, repr(failure))
    show_waiting(task, failure)


def retry_later(task: Task, failure: Failure) -> None:
    """Schedule the next try, or fail for good after the last one."""
    if failure.not_before and not failure.uses_up_tries:
        task.wait_for_rate_limit(failure.not_before, failure.kind, repr(failure))
    elif task.tries + 1 < task.max_tries:
        task.try_again(failure.kind, repr(failure), not_before=failure.not_before)
    else:
        fail(task, failure, remedy_after_last_try(failure))
        return
    show_waiting(task, failure)


def remedy_after_last_try(failure: Failure) -> str:
    """The remedies of known failures that pass say that no action is needed, which is no longer so."""
    return str(failure.remedy) if isinstance(failure, Unexpected) else _("Press Retry to try once more.")


def fail(task: Task, failure: Failure, remedy: str = "") -> None:
    task.fail(failure.kind, repr(failure))
    if task.kind == Kind.SUMMARISE and task.document_id:
        Document.objects.filter(pk=task.document_id).update(summary_state=SummaryState.FAILED)
    elif task.is_seen and task.document:
        task.document.fail(failure.kind, str(failure.sentence), remedy or str(failure.remedy))
        notifications.notify(task.document, is_failure=True)


def show_waiting(task: Task, failure: Failure) -> None:
    """Show the failure on the document's row. From the sixth failed try the row says so, and the uploader is notified once."""
    if not (task.is_seen and task.document):
        return
    is_stubborn = task.tries >= STUBBORN_AFTER
    sentence = _("Still not working: %s") % failure.sentence if is_stubborn else str(failure.sentence)
    task.document.wait_after(failure.kind, sentence)
    if task.tries == STUBBORN_AFTER:
        notifications.notify(task.document, is_failure=True)
