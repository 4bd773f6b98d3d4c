"""Restarts or cancels tasks, one or many, in a few statements."""

from __future__ import annotations

import time
from collections.abc import Sequence

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from documents.models import Document, Index, Page, State, Task, Version
from documents.models.states import SummaryState
from documents.models.task import Kind, TaskQuerySet, TaskState

ENQUEUE_SECONDS = 1.0  # the reconciler enqueues the rest within seconds


def replay(tasks: TaskQuerySet, *, enqueue: bool = True) -> int:
    """Start each task over, and enqueue it after the commit; return how many. Skips tasks whose document has no version."""
    versions = Version.objects.filter(document=OuterRef("document"))
    has_content = Q(document=None) | Q(kind=Kind.FETCH) | Exists(versions)
    with transaction.atomic():
        found = locked(tasks.filter(has_content))
        with_ocr = found.filter(kind__in=[Kind.INDEX, Kind.OCR]).values("document")
        Page.objects.filter(version__document__in=with_ocr).clear_failed_ocr()
        count = found.reset()
        set_document_states(found, State.WAITING, SummaryState.WAITING)
        if enqueue:
            restarted = list(found)
            transaction.on_commit(lambda: enqueue_some(restarted), robust=True)
    return count


def cancel(tasks: TaskQuerySet) -> int:
    """Cancel the open tasks; return how many. What was searchable stays searchable.

    Cancelling the last step of an index cancels all of its building.
    """
    with transaction.atomic():
        found = locked(tasks.filter(state=TaskState.OPEN))
        seen = list(found.seen().values_list("document", flat=True))
        count = found.cancel()
        Index.objects.filter(pk__in=found.filter(kind=Kind.BUILD).values("index")).cancel_building()
        # Also in the indexes that are being built.
        Task.objects.filter(kind=Kind.INDEX, document__in=seen).cancel()
        set_document_states(found, State.CANCELLED, SummaryState.NONE)
    return count


def locked(tasks: TaskQuerySet) -> TaskQuerySet:
    """Lock these rows until the transaction ends, in the order of their primary keys: no deadlock between two requests."""
    found = Task.objects.filter(pk__in=list(tasks.values_list("pk", flat=True)))
    return found.filter(pk__in=[task.pk for task in found.order_by("pk").select_for_update().only("pk")])


def set_document_states(tasks: TaskQuerySet, state: State, summary_state: SummaryState) -> None:
    """Set the state of their documents; clears earlier failures."""
    seen = Document.objects.filter(pk__in=tasks.seen().values("document"))
    seen.exclude(state=state).update(state_since=timezone.now())
    seen.update(state=state, progress_done=0, progress_total=0, failure_kind="", failure="", remedy="")
    summaries = tasks.filter(kind=Kind.SUMMARISE).values("document")
    Document.objects.filter(pk__in=summaries).update(summary_state=summary_state)


def enqueue_some(tasks: Sequence[Task]) -> None:
    """Enqueue as many as a request may wait for."""
    until = time.monotonic() + ENQUEUE_SECONDS
    for task in tasks:
        if time.monotonic() > until:
            break
        task.enqueue()
