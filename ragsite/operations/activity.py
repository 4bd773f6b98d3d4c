"""What the site is doing, what waits, what failed and why, and how long each stage takes: a few indexed queries each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from django.conf import settings
from django.db.models import Aggregate, Count, DurationField, F, Func, IntegerField, Max, Min, Q, Sum
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError
from rq.exceptions import NoSuchJobError
from rq.utils import utcparse
from rq.worker import Worker

from documents import locking
from documents.extraction import wording
from documents.jobs import get_queue, queue_connection
from documents.models import Attempt, Document, State, Task
from documents.models.attempt import AttemptQuerySet, Outcome
from documents.models.index import IndexState
from documents.models.task import Kind, TaskQuerySet, TaskState
from documents.tries import STUBBORN_AFTER
from qa.models import Question
from ragsite import llm
from ragsite.queue import JSON_SERIALIZER, Job

QUEUES = list(settings.RQ_QUEUES)
# A living worker renews its entry in Redis (70 s while it works, 90 s while it waits) every 10 or 15 s. Read from what is
# left of that, not from the time it wrote: the clocks of two machines may differ.
SILENT_BELOW_SECONDS = 45
LATE = timedelta(seconds=30)  # the reconciler would have put it on a queue long ago
SHOWN_WAITING = 5
BINS = 24

PERIODS = {
    "hour": (_("Last hour"), timedelta(hours=1)),
    "day": (_("Last day"), timedelta(days=1)),
    "week": (_("Last week"), timedelta(days=7)),
}
STAGES = {
    "fetch": _("Fetch the page"),
    "extract": _("Read the file"),
    "chunk": _("Cut into chunks"),
    "embed": _("Compute vectors"),
    "store": _("Store"),
    "recognise": _("Read pictures"),
    "summarise": _("Summarise"),
    "build": _("Build an index"),
}
WORK = {
    "failed": Q(state=TaskState.FAILED),
    "waiting": Q(state=TaskState.OPEN) & ~Q(error_kind=""),
    "open": Q(state=TaskState.OPEN),
    "cancelled": Q(state=TaskState.CANCELLED),
}
OTHER_SENTENCES = {
    "unexpected": _("Something went wrong here: the traceback is with the attempt."),
}


# Who works, and what waits


@dataclass
class WorkerSeen:
    """A worker that has registered itself, and what it is doing."""

    name: str
    host: str
    pid: str
    queues: str
    since: datetime | None
    is_silent: bool
    job_id: str
    task: Task | None = None
    attempt: Attempt | None = None


@dataclass(frozen=True)
class QueueSeen:
    name: str
    depth: int
    oldest_at: datetime | None


@dataclass(frozen=True)
class Queueing:
    """What Redis knows; nothing of it when it is away."""

    is_reachable: bool
    workers: list[WorkerSeen]
    queues: list[QueueSeen]

    @property
    def alive(self) -> list[WorkerSeen]:
        return [worker for worker in self.workers if not worker.is_silent]

    @property
    def depth(self) -> int:
        return sum(queue.depth for queue in self.queues)


def queueing() -> Queueing:
    """Never raises, and takes little over a second when Redis hangs."""
    try:
        workers, queues = registered_workers(), [queue_seen(name) for name in QUEUES]
    except RedisError:
        return Queueing(is_reachable=False, workers=[], queues=[])
    say_what_they_do(workers)
    return Queueing(is_reachable=True, workers=workers, queues=queues)


def registered_workers() -> list[WorkerSeen]:
    redis = queue_connection()
    keys = sorted(Worker.all_keys(connection=redis))
    with redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.hgetall(key)
            pipe.ttl(key)
        answers = pipe.execute()
    entries = zip(keys, answers[::2], answers[1::2], strict=True)
    return [worker_seen(key, entry, left) for key, entry, left in entries if entry]


def worker_seen(key: str, entry: dict[bytes, bytes], seconds_left: int) -> WorkerSeen:
    values = {name.decode(): value.decode(errors="replace") for name, value in entry.items()}
    return WorkerSeen(
        name=key.removeprefix("rq:worker:"),
        host=values.get("hostname", ""),
        pid=values.get("pid", ""),
        queues=values.get("queues", "").replace(",", ", "),
        since=utcparse(values["birth"]) if values.get("birth") else None,
        is_silent="death" in values or 0 <= seconds_left < SILENT_BELOW_SECONDS,
        job_id=values.get("current_job", ""),
    )


def say_what_they_do(workers: list[WorkerSeen]) -> None:
    ids = {task_id: worker for worker in workers if (task_id := task_of_job(worker.job_id))}
    if not ids:
        return
    running = Attempt.objects.filter(task__in=ids, outcome=Outcome.RUNNING).defer("traceback")
    attempts = {attempt.task_id: attempt for attempt in running.order_by("started_at")}
    for task in with_document(Task.objects.filter(pk__in=ids)):
        ids[task.pk].task, ids[task.pk].attempt = task, attempts.get(task.pk)


def task_of_job(job_id: str) -> int | None:
    """The inverse of `Task.job_id`."""
    parts = job_id.split("-")
    return int(parts[1]) if len(parts) == 4 and parts[0] == "task" and parts[1].isdecimal() else None


def queue_seen(name: str) -> QueueSeen:
    queue, oldest_at = get_queue(name), None
    for job_id in queue.get_job_ids(0, 1):
        try:
            job = Job.fetch(job_id, connection=queue_connection(), serializer=JSON_SERIALIZER)
            oldest_at = job.enqueued_at
        except (NoSuchJobError, ValueError):
            pass  # a worker has just taken it, or it is no job
    return QueueSeen(name, queue.count, oldest_at)


@dataclass(frozen=True)
class Due:
    """Open work by the database, which is the truth: queues may be empty because Redis was."""

    due: int
    oldest_at: datetime | None
    later: int
    running: int

    @property
    def is_late(self) -> bool:
        return self.oldest_at is not None and timezone.now() - self.oldest_at > LATE


def due() -> Due:
    running = locking.locked() - {locking.RECONCILER}
    is_due = Q(next_try_at__lte=timezone.now()) & ~Q(pk__in=running)
    found = Task.objects.open().aggregate(
        due=Count("pk", filter=is_due),
        oldest_at=Min("next_try_at", filter=is_due),
        later=Count("pk", filter=Q(next_try_at__gt=timezone.now())),
    )
    return Due(running=len(running), **found)


def warnings(seen: Queueing, work: Due) -> list[Promise | str]:
    """What keeps everything from going on, in plain sentences; empty on a good day."""
    if not seen.is_reachable:
        return [
            _(
                "Redis does not answer. Questions are still answered and uploads still taken; documents are read as soon as it is back."
            )
        ]
    if not seen.alive:
        return [
            _(
                "No worker is running, so nothing is read. Nothing is lost: start one with bin/dev, or with the Procfile’s worker line."
            )
        ]
    if work.is_late and not seen.depth:
        return [_("Work is due but not on a queue. Is the clock running? It is the Procfile’s clock line.")]
    return []


# Documents, failures, waiting


def documents_by_state() -> list[tuple[State, int]]:
    counts = dict(Document.objects.order_by().values_list("state").annotate(count=Count("pk")))
    return [(state, counts.get(state.value, 0)) for state in State]


def tasks(state: str) -> TaskQuerySet:
    """The work in that state, what was for retired indexes left out."""
    return Task.objects.filter(WORK[state]).exclude(index__state=IndexState.RETIRED)


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
    return described(with_document(tasks("waiting").order_by("next_try_at", "pk"))[:SHOWN_WAITING])


def described(found: Iterable[Task]) -> list[Task]:
    """With what a row shows: why it went wrong, whether that has gone on for long, and the RQ job that can be looked at."""
    rows = list(found)
    kept = kept_jobs([job_id for task in rows for job_id in job_ids(task)])
    for task in rows:
        said = task.document.failure if task.is_seen and task.document and task.state == "failed" else ""
        task.sentence = sentence_of(task.error_kind, said=said)  # type: ignore[attr-defined]
        task.is_stubborn = task.tries >= STUBBORN_AFTER  # type: ignore[attr-defined]
        task.kept_job = next((job_id for job_id in job_ids(task) if job_id in kept), "")  # type: ignore[attr-defined]
    return rows


def job_ids(task: Task) -> list[str]:
    """Of the coming try, and of the one before it: the one that failed."""
    return [task.job_id, f"task-{task.pk}-{task.generation}-{task.tries - 1}"]


def kept_jobs(ids: Iterable[str]) -> set[str]:
    """Those of which RQ still knows: it forgets a job a day after it went well and a month after it failed."""
    wanted = [job_id for job_id in ids if job_id]
    try:
        with queue_connection().pipeline(transaction=False) as pipe:
            for job_id in wanted:
                pipe.exists(Job.key_for(job_id))
            return {job_id for job_id, exists in zip(wanted, pipe.execute(), strict=True) if exists}
    except RedisError:
        return set()


def with_document(found: TaskQuerySet) -> TaskQuerySet:
    return found.select_related("document__uploaded_by", "index").defer("document__embedding")


def sentence_of(kind: str, *, said: str = "") -> Promise | str:
    """Why work of that kind of failure went wrong: as its document's row says it, else in general."""
    return OTHER_SENTENCES.get(kind) or said or sentences().get(kind) or OTHER_SENTENCES["unexpected"]


@cache
def sentences() -> dict[str, Promise | str]:
    # A provider's word goes first: "timeout" is a file's too, and only a provider's work waits for another try.
    found = {kind: words.sentence for kind, words in wording.WORDINGS.items()}
    families: list[type[llm.ProviderError]] = [llm.ProviderError]
    while families:
        family = families.pop()
        found |= {family.kind: family.sentence, **family.sentences}
        families += family.__subclasses__()
    return found


# Attempts


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


# How long it takes


class Percentile(Aggregate):
    """Of durations, computed by the database."""

    function = "percentile_cont"
    template = "%(function)s(%(fraction)s) within group (order by %(expressions)s)"
    output_field = DurationField()

    def __init__(self, expression: str, fraction: float, **extra: Any) -> None:
        super().__init__(expression, fraction=float(fraction), **extra)


class Bin(Func):
    """Which of the equal parts of a period a time lies in, from 1."""

    function = "width_bucket"
    template = "width_bucket(extract(epoch from %(expressions)s), %(low)s, %(high)s, %(bins)s)"
    output_field = IntegerField()


IS_DONE = Q(outcome=Outcome.DONE)
IS_FAILED = Q(outcome__in=[Outcome.FAILED, Outcome.INTERRUPTED])
FIGURES: dict[str, Any] = {
    "ended": Count("pk", filter=IS_DONE | IS_FAILED),
    "failed": Count("pk", filter=IS_FAILED),
    "p50": Percentile("took", 0.5, filter=IS_DONE),
    "p95": Percentile("took", 0.95, filter=IS_DONE),
}


@dataclass(frozen=True)
class Bar:
    """One part of the period in a stage's chart, in the chart's own units (hundred high)."""

    x: int
    p50: int
    p95: int
    failed: int
    ended: int
    starts_at: datetime
    took_p50: timedelta | None
    took_p95: timedelta | None

    @property
    def y50(self) -> int:
        return 100 - self.p50

    @property
    def y95(self) -> int:
        return 100 - self.p95


@dataclass(frozen=True)
class StageTimes:
    stage: str
    ended: int
    failed: int
    p50: timedelta | None
    p95: timedelta | None
    bars: list[Bar]

    @property
    def name(self) -> Promise | str:
        return STAGES.get(self.stage, self.stage)

    @property
    def failure_rate(self) -> float:
        return 100 * self.failed / self.ended if self.ended else 0.0


def stage_times(period: str) -> list[StageTimes]:
    """Of the tries that began in the period: how many ended, how many failed, and how long the good ones took."""
    length = PERIODS[period][1]
    since = timezone.now() - length
    began = Attempt.objects.filter(started_at__gte=since).order_by()
    low, high = since.timestamp(), (since + length).timestamp()
    binned = began.annotate(bin=Bin(F("started_at"), low=low, high=high, bins=BINS))
    parts: dict[str, list[dict[str, Any]]] = {}
    for part in figures(binned, "stage", "bin"):
        parts.setdefault(part["stage"], []).append(part)
    order = {stage: place for place, stage in enumerate(STAGES)}
    rows = sorted(figures(began, "stage"), key=lambda row: order.get(row["stage"], len(order)))
    step = length / BINS
    return [StageTimes(**row, bars=bars(parts.get(row["stage"], []), since, step)) for row in rows]


def figures(began: AttemptQuerySet, *by: str) -> list[dict[str, Any]]:
    return [dict(row) for row in began.values(*by).annotate(**FIGURES)]


def bars(rows: list[dict[str, Any]], since: datetime, step: timedelta) -> list[Bar]:
    highest = max((row["p95"] for row in rows if row["p95"]), default=timedelta()) or timedelta(seconds=1)
    return [
        Bar(
            x=(place := min(max(row["bin"], 1), BINS) - 1) * 10,
            p50=height(row["p50"], highest),
            p95=height(row["p95"], highest),
            failed=row["failed"],
            ended=row["ended"],
            starts_at=since + place * step,
            took_p50=row["p50"],
            took_p95=row["p95"],
        )
        for row in sorted(rows, key=lambda row: row["bin"])
    ]


def height(took: timedelta | None, highest: timedelta) -> int:
    return max(3, round(100 * (took / highest))) if took is not None else 0


# Tokens and money


@dataclass(frozen=True)
class Spent:
    """Tokens by what providers said, and money as far as prices are known here."""

    documents: int
    questions: int
    cost: Decimal
    is_complete: bool


def spent_today() -> Spent:
    """Since midnight where the reader is."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    cost, is_complete, tokens = Decimal(0), True, 0
    spent = Attempt.objects.filter(started_at__gte=midnight, tokens__gt=0).order_by()
    for stage, model, count in spent.values_list("stage", "task__index__embedding_model").annotate(
        Sum("tokens")
    ):
        tokens += count
        # The ledger has one sum for a summary, whose reading and writing cost differently.
        price = llm.price(model or "", count, 0) if stage == "embed" else None
        cost, is_complete = cost + (price or 0), is_complete and price is not None
    asked = Question.objects.filter(created_at__gte=midnight).aggregate(
        read=Sum("input_tokens"),
        written=Sum("output_tokens"),
        paid=Sum("cost"),
        unpriced=Count("pk", filter=Q(input_tokens__gt=0, cost=None)),
    )
    return Spent(
        documents=tokens,
        questions=(asked["read"] or 0) + (asked["written"] or 0),
        cost=cost + (asked["paid"] or 0),
        is_complete=is_complete and not asked["unpriced"],
    )
