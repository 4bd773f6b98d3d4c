"""Decides whose task runs next, and limits how many slow tasks run at once.

Both are computed from the database whenever a worker dequeues a job: the worker first moves the jobs that are next to the
front of RQ's queues. Jobs that Redis has lost are requeued by the reconciler.
"""

from __future__ import annotations

import logging
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db.models import (
    Case,
    F,
    FloatField,
    IntegerField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
    Window,
)
from django.db.models.functions import Coalesce, RowNumber
from django.utils import timezone

from documents.models import Attempt, Task, Version
from documents.models.index import IndexState
from documents.models.task import HANDLERS, Kind, TaskQuerySet
from documents.work import locks

logger = logging.getLogger("ragsite.jobs")

SLOW = (Kind.FETCH, Kind.OCR, Kind.SUMMARISE)  # they wait for other servers or take minutes
SLOW_QUEUES = {HANDLERS[kind].queue for kind in SLOW}
CANDIDATES = 4  # tasks of one kind considered for each person
MAX_MOVED = 20  # jobs moved to the front of a queue
TURN_MEMORY = timedelta(minutes=15)  # how long a person's last turn counts
BYTES_PER_CHARACTER = 20  # in files other than text: fonts, images, markup
SITE_PAUSE = timedelta(seconds=60)
LONG_AGO = datetime.min.replace(tzinfo=UTC)

# Namespaces of the advisory locks that slow tasks take besides their own.
SLOTS, PERSONS, SITES = 0x5242, 0x5243, 0x5244
MAX_SLOTS = 64


@dataclass(frozen=True)
class DueTask:
    """A due task, with what decides its turn."""

    job_id: str
    kind: Kind
    person: int
    site: str
    is_later: bool
    task: int = 0
    cost: float = 0.0

    @property
    def queue(self) -> str:
        return queue_of(self.kind)

    @property
    def is_slow(self) -> bool:
        return self.kind in SLOW


@dataclass(frozen=True)
class Limits:
    """How many slow tasks may run at once. With several workers one is always free for other tasks."""

    workers: int

    @property
    def slots(self) -> int:
        return min(max(1, self.workers - 1), MAX_SLOTS)

    @property
    def slots_per_person(self) -> int:
        return max(1, self.slots - 1)


def queue_of(kind: Kind) -> str:
    return HANDLERS[kind].queue


def arrange(queues: Sequence[str], *, workers: int) -> tuple[list[str], dict[str, list[str]]]:
    """The queues that a worker may take from now, in order, and for each the ids of the jobs that come first."""
    limits, running = Limits(workers), locks.locked()
    tasks = in_order(waiting(running), is_alone=workers < 2)
    admitted = admissible(tasks, limits, running)
    blocked = {task.queue for task in tasks} - {task.queue for task in admitted}
    if len(locks.locked(SLOTS)) >= limits.slots:
        blocked |= SLOW_QUEUES
    first = {task.queue: place for place, task in reversed(list(enumerate(admitted)))}
    allowed = [name for name in queues if name not in blocked]
    front = {name: [task.job_id for task in admitted if task.queue == name][:MAX_MOVED] for name in allowed}
    return sorted(allowed, key=lambda name: first.get(name, len(admitted))), front


def waiting(running: set[int]) -> list[DueTask]:
    """Due tasks that no worker runs: for each person the shortest few of each kind, last those that crashed a worker."""
    order = ["crashes", "cost", "pk"]
    place = Window(RowNumber(), partition_by=[F("person"), F("kind"), F("is_later")], order_by=order)
    due = (
        with_cost(Task.objects.due().order_by())
        .alias(place=place)
        .filter(place__lte=CANDIDATES + len(running))
    )
    rows = due.order_by(*order).only("kind", "generation", "tries", "created_at")
    return [
        DueTask(
            task.job_id,
            Kind(task.kind),
            task.person,
            site_of(task.url),
            bool(task.is_later),
            task.pk,
            task.cost,
        )
        for task in rows.annotate(url=F("document__url"))
        if locks.lock_key(task.pk) not in running
    ]


def companions(kind: Kind, *, workers: int, max_cost: float) -> list[DueTask]:
    """Due tasks that may run beside one of that kind in the same process, in order.

    None whose last run was cut short, and none while something waits that comes first and that no other worker is there for.
    """
    tasks = in_order(waiting(locks.locked()), is_alone=workers < 2)
    if kind in SLOW and any(not (task.is_later or task.is_slow) for task in tasks):
        return []
    if workers < 2 and tasks and tasks[0].kind != kind:
        return []
    found = [task for task in tasks if task.kind == kind and task.cost <= max_cost]
    alone = Attempt.objects.cut_short().filter(task__in=[task.task for task in found])
    excluded = set(alone.values_list("task", flat=True))
    return [task for task in found if task.task not in excluded]


def cost_of(task: Task) -> float:
    """Approximate characters of the task's document."""
    return with_cost(Task.objects.order_by()).filter(pk=task.pk).values_list("cost", flat=True).first() or 0.0


def with_cost(tasks: TaskQuerySet) -> QuerySet[Any]:
    """Annotate `person`, `cost` (approximate characters) and `is_later` (no document waits for it to become searchable)."""
    size = Case(
        When(media_type__startswith="text/", then=F("size") * 1.0),
        default=F("size") * 1.0 / BYTES_PER_CHARACTER,
    )
    newest = Version.objects.filter(document=OuterRef("document")).order_by("-number").values(cost=size)[:1]
    is_beside = Q(kind=Kind.OCR, document__serving__isnull=False)
    is_behind = Q(kind=Kind.INDEX, index__isnull=False) & ~Q(index__state=IndexState.LIVE)
    return tasks.annotate(
        person=Coalesce("document__uploaded_by", 0),
        cost=Coalesce(Subquery(newest), 0.0, output_field=FloatField()),
        is_later=Case(
            When(Q(kind=Kind.SUMMARISE) | is_beside | is_behind, then=Value(1)),
            default=Value(0),
            output_field=IntegerField(),
        ),
    )


def in_order(tasks: Iterable[DueTask], *, is_alone: bool) -> list[DueTask]:
    """Round-robin over persons, the longest unserved first; within a person the shortest first and slow tasks last.

    A single worker runs slow tasks only if nothing else is due, since it could run nothing else at the same time.
    """
    served, turns = served_at(), Counter[tuple[int, bool, bool]]()

    def key(task: DueTask) -> tuple[bool, bool, int, datetime]:
        turns[whose := (task.person, task.is_later, task.is_slow)] += 1
        last = served.get(task.person, LONG_AGO)
        return task.is_later, is_alone and task.is_slow, turns[whose], last

    # Both sorts are stable: within a kind the order by cost remains. `sorted` calls the key once for each item, in order.
    by_kind = sorted(tasks, key=lambda task: place_of(task.kind))
    return sorted(by_kind, key=key)


def place_of(kind: Kind) -> int:
    return SLOW.index(kind) + 1 if kind in SLOW else 0


def served_at() -> dict[int, datetime]:
    """When a task of each person last started."""
    recent = Attempt.objects.filter(started_at__gt=timezone.now() - TURN_MEMORY).order_by()
    return dict(recent.values_list(Coalesce("document__uploaded_by", 0)).annotate(last=Max("started_at")))


def admissible(tasks: Sequence[DueTask], limits: Limits, running: set[int]) -> list[DueTask]:
    """Without slow tasks whose person or site has reached its limit."""
    fetches = Task.objects.open().filter(pk__in=running, kind=Kind.FETCH)
    sites = {site_of(url) for url in fetches.values_list("document__url", flat=True)}
    # By slots, not by tasks: those that run beside each other in one process share its slot.
    persons = Counter(number // MAX_SLOTS for number in locks.locked(PERSONS))

    def is_admitted(task: DueTask) -> bool:
        is_busy = task.kind == Kind.FETCH and task.site in sites
        person = locks.lock_key(task.person * MAX_SLOTS) // MAX_SLOTS
        return not task.is_slow or (persons[person] < limits.slots_per_person and not is_busy)

    return [task for task in tasks if is_admitted(task)]


def site_of(url: str | None) -> str:
    try:
        return urlsplit(url or "").hostname or ""
    except ValueError:
        return ""


@contextmanager
def turn(task: Task, *, workers: int) -> Iterator[bool]:
    """Whether the task may run now. A slow task holds a slot, one of its person's slots and its site until the block ends.

    False if concurrent workers took the last slot: the task stays due.
    """
    if Kind(task.kind) not in SLOW:
        yield True
        return
    limits = Limits(workers)
    person = (task.document and task.document.uploaded_by_id) or 0
    slots: list[tuple[int, Iterable[int]]] = [(SLOTS, range(limits.slots))]
    slots += [(PERSONS, range(person * MAX_SLOTS, person * MAX_SLOTS + limits.slots_per_person))]
    if task.kind == Kind.FETCH and task.document:
        slots += [(SITES, [zlib.crc32(site_of(task.document.url).encode())])]
    with locks.one_of_each(slots) as is_free:
        yield is_free


def pause_site(task: Task, not_before: datetime | None) -> int:
    """Postpone the other pages of a site that did not answer, at the cost of no try; return how many."""
    if not (site := site_of(task.document.url if task.document else "")):
        return 0
    until = max(filter(None, [not_before, timezone.now() + SITE_PAUSE]))
    due = Task.objects.due().filter(kind=Kind.FETCH, document__url__icontains=site).exclude(pk=task.pk)
    same = [pk for pk, url in due.values_list("pk", "document__url") if site_of(url) == site]
    return Task.objects.open().filter(pk__in=same).update(next_try_at=until, changed_at=timezone.now())
