"""What failed and why, what waits for another try, and the attempts behind it: a few indexed queries each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min, Q
from django.utils.functional import Promise

from documents.models import Attempt, Document, State, Task
from documents.models.attempt import AttemptQuerySet
from documents.models.index import IndexState
from documents.models.task import STUBBORN_AFTER, Kind, TaskQuerySet, TaskState
from documents.work.remedies import Remedy, remedy_of, sentence_of, tasks_helped
from ragsite.operations.queueing import kept_jobs

SHOWN_WAITING = 5
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
    """The work in that state, what was for retired indexes left out."""
    return Task.objects.filter(WORK[state]).exclude(index__state=IndexState.RETIRED)


def helped(found: TaskQuerySet) -> TaskQuerySet:
    """Those of them that another try may bring to another end."""
    return found.filter(tasks_helped())


def something_failed() -> bool:
    return tasks("failed").exists()


@dataclass(frozen=True)
class Group:
    """Work of one kind that went wrong in one way."""

    state: str
    kind: Kind
    error_kind: str
    count: int
    next_try_at: datetime
    stubborn: int
    sentence: Promise | str

    @property
    def remedy(self) -> Remedy:
        """What helps: not another try after every failure."""
        return remedy_of(self.error_kind) if self.state == "failed" else Remedy.REPLAY

    @property
    def key(self) -> str:
        return f"{self.state}-{self.kind}-{self.error_kind}"


def groups(state: str) -> list[Group]:
    """Largest first."""
    rows = (
        tasks(state)
        .order_by()
        .values("kind", "error_kind")
        .annotate(
            count=Count("pk"),
            first=Min("next_try_at"),
            stubborn=Count("pk", filter=Q(tries__gte=STUBBORN_AFTER)),
            said=Max("document__failure"),
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
            sentence_of(row["error_kind"], said=(state == "failed" and row["said"]) or ""),
        )
        for row in rows
    ]


def waiting() -> list[Task]:
    """Those whose next try comes first."""
    return described(tasks("waiting").with_document().order_by("next_try_at", "pk")[:SHOWN_WAITING])


def described(found: Iterable[Task]) -> list[Task]:
    """With what a row shows: why it went wrong, whether that has gone on for long, and the RQ job that can be looked at."""
    rows = list(found)
    kept = kept_jobs([job_id for task in rows for job_id in job_ids(task)])
    failed = [task.pk for task in rows if task.state == TaskState.FAILED]
    seen = set(Task.objects.filter(pk__in=failed).seen().values_list("pk", flat=True)) if failed else set()
    for task in rows:
        said = task.document.failure if task.document and task.pk in seen else ""
        task.sentence = sentence_of(task.error_kind, said=said)  # type: ignore[attr-defined]
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
    """Of the coming try, and of the one before it: the one that failed."""
    return [task.job_id, task.job_id_of(task.tries - 1)]


def attempts() -> AttemptQuerySet:
    """The ledger, newest first, with what a row shows."""
    return (
        Attempt.objects.select_related("document__uploaded_by", "task__index")
        .defer("traceback", "document__embedding", "document__summary")
        .order_by("-started_at", "-pk")
    )


def unfinished(found: AttemptQuerySet, *, with_failed: bool) -> TaskQuerySet:
    """The work behind those attempts that waits for another try, or also what failed; never what is done or under way."""
    wanted = WORK["waiting"] | WORK["failed"] if with_failed else WORK["waiting"]
    behind = found.order_by().values("task")
    return Task.objects.filter(wanted, pk__in=behind).exclude(index__state=IndexState.RETIRED)


def of_attempts(pks: list[int]) -> TaskQuerySet:
    return Task.objects.filter(attempts__in=pks).distinct()
