"""Put work on the queue again, or stop it, however much it is: what `Document.replay` and `.cancel` do, in a few statements."""

from __future__ import annotations

import time
from collections.abc import Sequence

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from documents.models import Document, Index, Page, State, Task, Version
from documents.models.states import SummaryState
from documents.models.task import Kind, TaskQuerySet, TaskState

ENQUEUE_SECONDS = 1.0  # the reconciler enqueues what is left within seconds


def replay(tasks: TaskQuerySet) -> int:
    """Each from the start of its tries; returns how many. Work whose document has no content is left alone."""
    versions = Version.objects.filter(document=OuterRef("document"))
    has_content = Q(document=None) | Q(kind=Kind.FETCH) | Exists(versions)
    with transaction.atomic():
        found = locked(tasks.filter(has_content))
        vain = Document.objects.filter(failure_kind="not_recognised", tasks__in=found)
        Page.objects.filter(version__document__in=vain).clear_failed_ocr()
        count = found.reset()
        move(found, State.WAITING, SummaryState.WAITING)
        asked = list(found)
        transaction.on_commit(lambda: enqueue_some(asked), robust=True)
    return count


def cancel(tasks: TaskQuerySet) -> int:
    """Stop what is open of it; returns how many were. What could be found before can still be found.

    With the finishing of an index, all of its building is given up.
    """
    with transaction.atomic():
        found = locked(tasks.filter(state=TaskState.OPEN))
        seen = list(found.seen().values_list("document", flat=True))
        count = found.cancel()
        Index.objects.filter(pk__in=found.filter(kind=Kind.BUILD).values("index")).cancel_building()
        Task.objects.filter(
            kind=Kind.INDEX, document__in=seen
        ).cancel()  # in an index that is being built too
        move(found, State.CANCELLED, SummaryState.NONE)
    return count


def locked(tasks: TaskQuerySet) -> TaskQuerySet:
    """These very rows until the transaction ends. In one order, so that two people who press at once do not block each other."""
    found = Task.objects.filter(pk__in=list(tasks.values_list("pk", flat=True)))
    return found.filter(pk__in=[task.pk for task in found.order_by("pk").select_for_update().only("pk")])


def move(tasks: TaskQuerySet, state: State, summary_state: SummaryState) -> None:
    """Say on the documents' rows what is being done; forgets earlier failures."""
    seen = Document.objects.filter(pk__in=tasks.seen().values("document"))
    seen.exclude(state=state).update(state_since=timezone.now())
    seen.update(state=state, progress_done=0, progress_total=0, failure_kind="", failure="", remedy="")
    summaries = tasks.filter(kind=Kind.SUMMARISE).values("document")
    Document.objects.filter(pk__in=summaries).update(summary_state=summary_state)


def enqueue_some(tasks: Sequence[Task]) -> None:
    until = time.monotonic() + ENQUEUE_SECONDS
    for task in tasks:
        if time.monotonic() > until:
            break
        task.enqueue()
