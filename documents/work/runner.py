"""One try of a task: take its lock, see whether it is still wanted, do it, and write down what became of it."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from datetime import timedelta

from django.db import DatabaseError, InterfaceError, OperationalError, connections, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from documents import notifications
from documents.extraction import UnreadableFile
from documents.ingestion import fetch, index, ocr, rebuild, summarize
from documents.models import Attempt, Document, Task
from documents.models.attempt import Outcome
from documents.models.states import SummaryState
from documents.models.task import STUBBORN_AFTER, Kind, Superseded
from documents.sources import attachments
from documents.sources.web import SiteAway
from documents.work import fairness, shutdown
from documents.work.locks import advisory_lock
from documents.work.shutdown import Stopped
from ragsite import llm
from ragsite.disk import trouble_of
from ragsite.llm import ProviderError, RateLimited

logger = logging.getLogger("ragsite.jobs")

VERBS = {
    Kind.INDEX: index.index,
    Kind.SUMMARISE: summarize.summarise,
    Kind.BUILD: rebuild.build,
    Kind.FETCH: fetch.fetch,
    Kind.RECOGNISE: ocr.recognise,
    Kind.ATTACH: attachments.add_attached,
}
MAX_DEATHS = 3  # so many workers a task may take with it before it is set aside
OPERATOR_WAIT = timedelta(seconds=60)
# SQLSTATE classes of a database that is not there (PostgreSQL's documentation, appendix A): connections, shutdowns, none left.
AWAY_CODES = ("08", "57P", "53300")
OUTAGE_PAUSE = 5  # seconds between two looks whether the database is back


def run(task: Task, *, job_id: str = "") -> None:
    """Do it if it is due and nobody else is at it. Raises what went wrong, after the rows say so."""
    with advisory_lock(task.pk) as is_free:
        if not is_free:
            return
        task.refresh_from_db()
        if task.is_due and not was_deadly(task):
            attempt(task, job_id)


def attempt(task: Task, job_id: str) -> None:
    task.job_under_way = job_id
    began, outcome = time.monotonic(), "done"
    try:
        with llm.collect_usage() as used:
            VERBS[Kind(task.kind)](task)
        if used.input_tokens:
            Task.objects.bring_forward()
    except Superseded:
        outcome = "superseded"
    except Stopped:
        outcome = "stopped"  # it stays due: the reconciler hands it to the next worker
    except Exception as error:
        if is_database_away(error):
            outcome = "database away"  # not the task's fault: it stays due
            note_outage(task)
            raise
        if not settle(task, error):
            outcome = "superseded"
            return
        outcome = type(error).__name__
        raise
    finally:
        values = {
            "kind": task.kind,
            "task": task.pk,
            "document": task.document_id,
            "tries": task.tries,
            "ms": round((time.monotonic() - began) * 1000),
            "outcome": outcome,
        }
        logger.info("%s", " ".join(f"{name}={value}" for name, value in values.items()), extra=values)


def is_database_away(error: Exception) -> bool:
    """A full disk, a deadlock or a statement that took too long are OperationalErrors too, and no outage."""
    if isinstance(error, InterfaceError):
        return True
    code = getattr(error.__cause__ or error, "sqlstate", None) or ""
    return isinstance(error, OperationalError) and (not code or code.startswith(AWAY_CODES))


def note_outage(task: Task) -> None:
    """Waits for the database, then closes the try's entry, so that it is not taken for the death of a worker.

    This worker could do nothing else meanwhile. Raises Stopped when it is told to end.
    """
    while True:
        connections.close_all()
        try:
            Attempt.objects.interrupted(task)
            return
        except (OperationalError, InterfaceError):
            time.sleep(OUTAGE_PAUSE)
        shutdown.check()


def excuse(job_id: str) -> None:
    """The worker of this job is told to end: should its job be killed when patience ends, the task is not to blame."""
    with suppress(DatabaseError):
        Attempt.objects.filter(job_id=job_id, outcome=Outcome.RUNNING).update(outcome=Outcome.INTERRUPTED)
    connections.close_all()


def was_deadly(task: Task) -> bool:
    """Notes a try whose worker died at it. After the third the task is set aside: something in it kills whoever touches it."""
    if not Attempt.objects.interrupted(task):
        return False
    task.deaths += 1
    Task.objects.filter(pk=task.pk).update(deaths=task.deaths)
    if task.deaths < MAX_DEATHS:
        return False
    settle(task, UnreadableFile("deadly"))
    return True


def settle(task: Task, error: Exception) -> bool:
    """After a failed try: due again, waiting for the operator, or failed for good. Says so on the document too, in words.

    False where the work is no longer wanted, so that its failure is nobody's concern.
    """
    with transaction.atomic():
        if not task.claim():
            return False
        if isinstance(error, UnreadableFile):
            fail(task, error.kind, error, str(error.sentence), str(error.remedy))
        elif isinstance(error, ProviderError) and error.waits_for_operator:
            task.wait_until(error.not_before or timezone.now() + OPERATOR_WAIT, error.kind, repr(error))
            tell_waiting(task, error.kind, str(error.sentence))
        elif isinstance(error, ProviderError) and not error.is_passing:
            fail(task, error.kind, error, str(error.sentence), str(error.remedy))
        elif isinstance(error, RateLimited) and error.not_before:
            task.wait_its_turn(error.not_before, error.kind, repr(error))
            tell_waiting(task, error.kind, str(error.sentence))
        else:
            try_again(task, error)
    if isinstance(error, SiteAway) and error.is_of_the_site:
        fairness.spare_site(task, error.not_before)
    return True


def try_again(task: Task, error: Exception) -> None:
    kind, sentence, not_before = "unexpected", _("Something went wrong here."), None
    if known := isinstance(error, (ProviderError, SiteAway)):
        kind, sentence, not_before = error.kind, str(error.sentence), error.not_before
    elif trouble := trouble_of(error):
        kind, sentence = trouble.kind, str(trouble.sentence)
    if task.tries + 1 >= task.max_tries:
        remedy = (
            _("Press Retry to try once more.")
            if known
            else _("Press Retry; if it happens again, tell the operator.")
        )
        fail(task, kind, error, sentence, remedy)
    else:
        task.try_again(kind, repr(error), not_before=not_before)
        tell_waiting(task, kind, sentence)


def fail(task: Task, kind: str, error: Exception, sentence: str, remedy: str) -> None:
    task.fail(kind, repr(error))
    if task.kind == Kind.SUMMARISE and task.document_id:
        Document.objects.filter(pk=task.document_id).update(summary_state=SummaryState.FAILED)
    elif task.is_seen and task.document:
        task.document.fail(kind, sentence, remedy)
        notifications.tell(task.document, is_failure=True)


def tell_waiting(task: Task, kind: str, sentence: str) -> None:
    """On the document's row; from the sixth failed try on it says that this has gone on for a while, and the uploader is told."""
    if not (task.is_seen and task.document):
        return
    is_stubborn = task.tries >= STUBBORN_AFTER
    task.document.wait_after(kind, _("Still not working: %s") % sentence if is_stubborn else sentence)
    if task.tries == STUBBORN_AFTER:
        notifications.tell(task.document, is_failure=True)
