"""Who works, what the queues hold, and what is due by the database: Redis is asked, and may be away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Min, Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError
from rq.exceptions import NoSuchJobError
from rq.utils import utcparse
from rq.worker import Worker

from documents.models import Attempt, Task
from documents.models.attempt import Outcome
from documents.work import locks
from documents.work.job import JSON_SERIALIZER, Job
from documents.work.queue import get_queue, queue_connection

QUEUES = list(settings.RQ_QUEUES)
# A living worker renews its entry in Redis (70 s while it works, 90 s while it waits) every 10 or 15 s. Read from what is
# left of that, not from the time it wrote: the clocks of two machines may differ.
SILENT_BELOW_SECONDS = 45
LATE = timedelta(seconds=30)  # the reconciler would have put it on a queue long ago


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
    for task in Task.objects.filter(pk__in=ids).with_document():
        if task.has_job(ids[task.pk].job_id):
            ids[task.pk].task, ids[task.pk].attempt = task, attempts.get(task.pk)


def task_of_job(job_id: str) -> int | None:
    """The number in a `Task.job_id`; `Task.has_job` says whether it is of the task that has this number now."""
    parts = job_id.split("-")
    return int(parts[1]) if len(parts) == 5 and parts[0] == "task" and parts[1].isdecimal() else None


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
    running = locks.locked() - {locks.RECONCILER}
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
