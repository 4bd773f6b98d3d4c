"""What happens after a failed run: another try later, waiting for the operator, or failure for good."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from documents import notifications
from documents.extraction import UnreadableFile
from documents.models import Document, Task
from documents.models.states import SummaryState
from documents.models.task import STUBBORN_AFTER, Kind
from documents.sources.web import SiteUnavailable
from documents.work import fairness
from ragsite.disk import storage_problem
from ragsite.llm import ProviderError, RateLimited

OPERATOR_WAIT = timedelta(seconds=60)


def record_failure(task: Task, error: Exception) -> bool:
    """Record the failure on the task, and in words on its document. False if the task was cancelled, deleted or reset in between."""
    with transaction.atomic():
        if not task.claim():
            return False
        match error:
            case UnreadableFile():
                fail(task, error.kind, error, str(error.sentence), str(error.remedy))
            case ProviderError(waits_for_operator=True):
                task.wait_until(error.not_before or timezone.now() + OPERATOR_WAIT, error.kind, repr(error))
                show_waiting(task, error.kind, str(error.sentence))
            case ProviderError(is_passing=False):
                fail(task, error.kind, error, str(error.sentence), str(error.remedy))
            case RateLimited() if error.not_before:
                task.wait_for_rate_limit(error.not_before, error.kind, repr(error))
                show_waiting(task, error.kind, str(error.sentence))
            case _:
                retry_later(task, error)
    if isinstance(error, SiteUnavailable) and error.affects_whole_site:
        fairness.pause_site(task, error.not_before)
    return True


def retry_later(task: Task, error: Exception) -> None:
    """Schedule the next try, or fail for good after the last one."""
    kind, sentence, not_before = "unexpected", _("Something went wrong here."), None
    if known := isinstance(error, (ProviderError, SiteUnavailable)):
        kind, sentence, not_before = error.kind, str(error.sentence), error.not_before
    elif problem := storage_problem(error):
        kind, sentence = problem.kind, str(problem.sentence)
    if task.tries + 1 >= task.max_tries:
        fail(task, kind, error, sentence, remedy_after_last_try(is_known=known))
    else:
        task.try_again(kind, repr(error), not_before=not_before)
        show_waiting(task, kind, sentence)


def remedy_after_last_try(*, is_known: bool) -> str:
    if is_known:
        return _("Press Retry to try once more.")
    return _("Press Retry. If it happens again, contact the operator of this site.")


def fail(task: Task, kind: str, error: Exception, sentence: str, remedy: str) -> None:
    task.fail(kind, repr(error))
    if task.kind == Kind.SUMMARISE and task.document_id:
        Document.objects.filter(pk=task.document_id).update(summary_state=SummaryState.FAILED)
    elif task.is_seen and task.document:
        task.document.fail(kind, sentence, remedy)
        notifications.notify(task.document, is_failure=True)


def show_waiting(task: Task, kind: str, sentence: str) -> None:
    """Show the failure on the document's row. From the sixth failed try the row says so, and the uploader is notified once."""
    if not (task.is_seen and task.document):
        return
    is_stubborn = task.tries >= STUBBORN_AFTER
    task.document.wait_after(kind, _("Still not working: %s") % sentence if is_stubborn else sentence)
    if task.tries == STUBBORN_AFTER:
        notifications.notify(task.document, is_failure=True)
