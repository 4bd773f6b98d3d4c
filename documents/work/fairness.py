"""Whose work comes next, and how much of what is slow is done at once.

The database says both, whenever a worker looks for a job. The order on RQ's queues is only a hint of it: a worker moves
what is next to the front before it takes the first, and what Redis has lost is put back by the reconciler.
"""

from __future__ import annotations

import logging
import time
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

SLOW = (Kind.FETCH, Kind.RECOGNISE, Kind.SUMMARISE)  # waits for others, or takes minutes
SLOW_QUEUES = {HANDLERS[kind].queue for kind in SLOW}
EACH = 4  # pieces of work of one kind that are looked at for each person
AT_FRONT = 20
REMEMBERED = timedelta(minutes=15)  # whose turn it was
BYTES_A_LETTER = 20  # of files other than text: fonts, pictures, markup
TURN_SECONDS = 10  # that a long document has to itself while shorter ones wait
UNANSWERED = timedelta(seconds=2)  # a free worker would have begun it by then
MUCH_SHORTER = 4
SITE_PAUSE = timedelta(seconds=60)
LONG_AGO = datetime.min.replace(tzinfo=UTC)

# Namespaces of the locks that what is slow takes beside its own.
HANDS, PERSONS, SITES = 0x5242, 0x5243, 0x5244
MAX_HANDS = 64


@dataclass(frozen=True)
class Piece:
    """Work that is due, with what decides when its turn comes."""

    job_id: str
    kind: Kind
    person: int
    site: str
    is_later: bool

    @property
    def queue(self) -> str:
        return HANDLERS[self.kind].queue

    @property
    def is_slow(self) -> bool:
        return self.kind in SLOW


@dataclass(frozen=True)
class Limits:
    """How much of what is slow is done at once, by so many workers: one of several is always free for anything else."""

    workers: int

    @property
    def hands(self) -> int:
        return min(max(1, self.workers - 1), MAX_HANDS)

    @property
    def hands_a_person(self) -> int:
        return max(1, self.hands - 1)


def arrange(queues: Sequence[str], *, workers: int) -> tuple[list[str], dict[str, list[str]]]:
    """Which of the queues a worker may take from now, in which order; and for each the jobs that come first on it."""
    limits, running = Limits(workers), locks.locked()
    pieces = in_order(waiting(running), is_alone=workers < 2)
    admitted = admissible(pieces, limits, running)
    blocked = {piece.queue for piece in pieces} - {piece.queue for piece in admitted}
    if len(locks.locked(HANDS)) >= limits.hands:
        blocked |= SLOW_QUEUES
    first = {piece.queue: place for place, piece in reversed(list(enumerate(admitted)))}
    allowed = [name for name in queues if name not in blocked]
    front = {name: [piece.job_id for piece in admitted if piece.queue == name][:AT_FRONT] for name in allowed}
    return sorted(allowed, key=lambda name: first.get(name, len(admitted))), front


def waiting(running: set[int]) -> list[Piece]:
    """What is due and nobody is at: of each person the shortest few of each kind."""
    place = Window(RowNumber(), partition_by=[F("person"), F("kind"), F("is_later")], order_by=["cost", "pk"])
    due = with_cost(Task.objects.due().order_by()).alias(place=place).filter(place__lte=EACH + len(running))
    rows = due.order_by("cost", "pk").only("kind", "generation", "tries", "created_at")
    return [
        Piece(task.job_id, Kind(task.kind), task.person, site_of(task.url), bool(task.is_later))
        for task in rows.annotate(url=F("document__url"))
        if locks.lock_key(task.pk) not in running
    ]


def with_cost(tasks: TaskQuerySet) -> QuerySet[Any]:
    """With `person`, `cost` (characters, roughly), and `is_later`: that nobody waits for it to find something."""
    size = Case(
        When(media_type__startswith="text/", then=F("size") * 1.0), default=F("size") * 1.0 / BYTES_A_LETTER
    )
    newest = Version.objects.filter(document=OuterRef("document")).order_by("-number").values(cost=size)[:1]
    is_beside = Q(kind=Kind.RECOGNISE, document__serving__isnull=False)
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


def in_order(pieces: Iterable[Piece], *, is_alone: bool) -> list[Piece]:
    """A turn for each person, first for the one who had none for the longest; a person's shortest first, and what is slow last.

    A worker that is alone does what is slow when nothing else waits: nobody would be there for anything else meanwhile.
    """
    served, turns = served_at(), Counter[tuple[int, bool, bool]]()

    def key(piece: Piece) -> tuple[bool, bool, int, datetime]:
        turns[whose := (piece.person, piece.is_later, piece.is_slow)] += 1
        last = served.get(piece.person, LONG_AGO)
        return piece.is_later, is_alone and piece.is_slow, turns[whose], last

    # Both stable: the pieces come by their cost. A key is asked for once, in the order of the list.
    by_kind = sorted(pieces, key=lambda piece: place_of(piece.kind))
    return sorted(by_kind, key=key)


def place_of(kind: Kind) -> int:
    return SLOW.index(kind) + 1 if kind in SLOW else 0


def served_at() -> dict[int, datetime]:
    """When something was last begun for each person."""
    recent = Attempt.objects.filter(started_at__gt=timezone.now() - REMEMBERED).order_by()
    return dict(recent.values_list(Coalesce("document__uploaded_by", 0)).annotate(last=Max("started_at")))


def admissible(pieces: Sequence[Piece], limits: Limits, running: set[int]) -> list[Piece]:
    """Without what is slow and whose person or site has as much under way as it may."""
    slow = Task.objects.open().filter(pk__in=running, kind__in=SLOW)
    rows = list(slow.values_list("kind", Coalesce("document__uploaded_by", 0), "document__url"))
    persons = Counter(person for _kind, person, _url in rows)
    sites = {site_of(url) for kind, _person, url in rows if kind == Kind.FETCH}

    def is_admitted(piece: Piece) -> bool:
        is_busy = piece.kind == Kind.FETCH and piece.site in sites
        return not piece.is_slow or (persons[piece.person] < limits.hands_a_person and not is_busy)

    return [piece for piece in pieces if is_admitted(piece)]


def site_of(url: str | None) -> str:
    try:
        return urlsplit(url or "").hostname or ""
    except ValueError:
        return ""


@contextmanager
def turn(task: Task, *, workers: int) -> Iterator[bool]:
    """Whether the task may be done now. What is slow holds a hand, and one of its person's and its site's, until the block ends.

    False where two workers took more at once than `arrange` would give: the task stays due.
    """
    if Kind(task.kind) not in SLOW:
        yield True
        return
    limits = Limits(workers)
    person = (task.document and task.document.uploaded_by_id) or 0
    slots: list[tuple[int, Iterable[int]]] = [(HANDS, range(limits.hands))]
    slots += [(PERSONS, range(person * MAX_HANDS, person * MAX_HANDS + limits.hands_a_person))]
    if task.kind == Kind.FETCH and task.document:
        slots += [(SITES, [zlib.crc32(site_of(task.document.url).encode())])]
    with locks.one_of_each(slots) as is_free:
        yield is_free


class Patience:
    """When a long document gives way to shorter ones: what was embedded of it is kept, and it goes on after them.

    Its turns double, so that it comes to its end however many keep coming.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        given_up = Attempt.objects.filter(task=task, stage="embed", outcome="interrupted").count()
        self.ends = time.monotonic() + TURN_SECONDS * 2 ** min(given_up, 10)

    def is_over(self) -> bool:
        return bool(self.task.job_under_way) and time.monotonic() > self.ends and shorter_waits(self.task)


def shorter_waits(task: Task) -> bool:
    """Whether something much shorter, that somebody waits for, is due and no worker was free for it."""
    tasks = with_cost(Task.objects.order_by())
    own = tasks.filter(pk=task.pk).values_list("cost", flat=True).first() or 0.0
    found = with_cost(Task.objects.due(timezone.now() - UNANSWERED).order_by()).filter(
        kind=Kind.INDEX, is_later=0, cost__lt=own / MUCH_SHORTER
    )
    running = locks.locked()
    return any(
        locks.lock_key(pk) not in running for pk in found.values_list("pk", flat=True)[: len(running) + 1]
    )


def pause_site(task: Task, not_before: datetime | None) -> int:
    """Postpone the other pages of a site that did not answer, at the cost of no try; return how many."""
    if not (site := site_of(task.document.url if task.document else "")):
        return 0
    until = max(filter(None, [not_before, timezone.now() + SITE_PAUSE]))
    due = Task.objects.due().filter(kind=Kind.FETCH, document__url__icontains=site).exclude(pk=task.pk)
    same = [pk for pk, url in due.values_list("pk", "document__url") if site_of(url) == site]
    return Task.objects.open().filter(pk__in=same).update(next_try_at=until, changed_at=timezone.now())
