"""Failed and waiting tasks, grouped by reason, and the attempts behind them: a few indexed queries each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Count, Max, Min, Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from documents.models import Attempt, Document, State, Task
from documents.models.attempt import AttemptQuerySet
from documents.models.index import IndexState
from documents.models.task import STUBBORN_AFTER, Kind, TaskQuerySet, TaskState
from documents.work.remedies import Remedy, remedy_of, sentence_of, tasks_helped
from ragsite.operations.queueing import kept_jobs
from ragsite.postgresql.compiled import ANYONE, Compiled

MAX_NEXT_RETRIES = 5
WORK = {
    "failed": Q(state=TaskState.FAILED),
    "waiting": Q(state=TaskState.OPEN) & ~Q(error_kind=""),
    "open": Q(state=TaskState.OPEN),
    "cancelled": Q(state=TaskState.CANCELLED),
}


def documents_by_state() -> list[tuple[State, int]]:
    counts = dict(Document.objects.order_by().values_list("state").annotate(count=Count("pk")))
    return [(state, counts.get(state.value, 0)) for state in State]


def tasks(state: str) -> TaskQuerySet:
    """Return the tasks in that state, except those of retired indexes."""
    return Task.objects.filter(WORK[state]).exclude(index__state=IndexState.RETIRED)


def retryable(found: TaskQuerySet) -> TaskQuerySet:
    """Exclude failures that would recur, such as a missing password."""
    return found.filter(tasks_helped())


SOMETHING_FAILED = Compiled(lambda _person: tasks("failed").order_by().values_list("pk")[:1])


def something_failed() -> bool:
    return bool(SOMETHING_FAILED.rows(ANYONE))


@dataclass(frozen=True)
class Group:
    """Tasks of one kind that failed for one reason."""

    state: str
    kind: Kind
    error_kind: str
    count: int
    next_try_at: datetime
    stubborn: int
    sentence: Promise | str

    @property
    def remedy(self) -> Remedy:
        """Return what fixes these failures; a retry does not fix all of them."""
        return remedy_of(self.error_kind) if self.state == "failed" else Remedy.REPLAY

    @property
    def key(self) -> str:
        return f"{self.state}-{self.kind}-{self.error_kind}"

    @property
    def query(self) -> str:
        """The query string that lists these tasks on the page of jobs."""
        return urlencode({"state": self.state, "kind": self.kind, "error_kind": self.error_kind})

    @property
    def stubborn_label(self) -> str:
        """Say how many of the waiting tasks have failed many times; "" if none has."""
        if self.state != "waiting" or not self.stubborn:
            return ""
        if self.stubborn == self.count:
            return _("keeps failing")
        return _("%(count)s keep failing") % {"count": f"{self.stubborn:,}"}


def groups(state: str) -> list[Group]:
    """Return the groups in that state, largest first."""
    rows = (
        tasks(state)
        .order_by()
        .values("kind", "error_kind")
        .annotate(
            count=Count("pk"),
            first=Min("next_try_at"),
            stubborn=Count("pk", filter=Q(tries__gte=STUBBORN_AFTER)),
            failure=Max("document__failure"),
        )
        .order_by("-count", "kind", "error_kind")
    )
    return [
        Group(
            state,
            Kind(row["kind"]),
            row["error_kind"],
            row["count"],
            row["first"],
            row["stubborn"],
            sentence_of(row["error_kind"], stored=(state == "failed" and row["failure"]) or ""),
        )
        for row in rows
    ]


def next_retries() -> list[Task]:
    """Return the waiting tasks whose next attempt is due first."""
    return with_details(tasks("waiting").with_document().order_by("next_try_at", "pk")[:MAX_NEXT_RETRIES])


def with_details(found: Iterable[Task]) -> list[Task]:
    """Add what a row shows: the reason, whether it keeps failing, and the RQ job that can be inspected."""
    rows = list(found)
    kept = kept_jobs([job_id for task in rows for job_id in job_ids(task)])
    failed = [task.pk for task in rows if task.state == TaskState.FAILED]
    seen = set(Task.objects.filter(pk__in=failed).seen().values_list("pk", flat=True)) if failed else set()
    for task in rows:
        failure = task.document.failure if task.document and task.pk in seen else ""
        task.sentence = sentence_of(task.error_kind, stored=failure)  # type: ignore[attr-defined]
        task.remedy = remedy_of_task(task)  # type: ignore[attr-defined]
        task.is_stubborn = task.tries >= STUBBORN_AFTER  # type: ignore[attr-defined]
        task.kept_job = next((job_id for job_id in job_ids(task) if job_id in kept), "")  # type: ignore[attr-defined]
    return rows


def remedy_of_task(task: Task) -> Remedy:
    if task.state != TaskState.FAILED or task.kind in (Kind.SUMMARISE, Kind.BUILD):
        return Remedy.REPLAY
    is_page = bool(task.document and task.document.source == Document.Source.WEB)
    return remedy_of(task.error_kind, is_page=is_page)


def job_ids(task: Task) -> list[str]:
    """Return the job ids of the next attempt and of the one before it, which failed."""
    return [task.job_id, task.job_id_of(task.tries - 1)]


def attempts() -> AttemptQuerySet:
    """Return the ledger, newest first, with what a row shows."""
    return (
        Attempt.objects.select_related("document__uploaded_by", "task__index")
        .defer("traceback", "document__embedding", "document__summary")
        .order_by("-started_at", "-pk")
    )


def unfinished(found: AttemptQuerySet, *, with_failed: bool) -> TaskQuerySet:
    """Return the waiting tasks behind those attempts, and the failed ones on request; never finished or running ones."""
    wanted = WORK["waiting"] | WORK["failed"] if with_failed else WORK["waiting"]
    behind = found.order_by().values("task")
    return Task.objects.filter(wanted, pk__in=behind).exclude(index__state=IndexState.RETIRED)


def tasks_of_attempts(pks: list[int]) -> TaskQuerySet:
    return Task.objects.filter(attempts__in=pks).distinct()
