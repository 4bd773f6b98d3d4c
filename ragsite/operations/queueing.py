"""Workers and queues as Redis reports them, and the backlog as the database does. Redis may be unavailable."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Count, Min, Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError
from rq.exceptions import NoSuchJobError
from rq.utils import utcparse
from rq.worker import Worker

from documents.models import Attempt, Task
from documents.models.attempt import Outcome
from documents.models.job_id import JobId
from documents.work import locks
from documents.work.job import JSON_SERIALIZER, Job
from documents.work.queue import get_queue, queue_connection

QUEUES = list(settings.RQ_QUEUES)
# A running worker renews the expiry of its Redis entry (70 s while busy, 90 s while idle) every 10 or 15 s. The time left
# tells when it last did; its own timestamp would not, because the clocks of two machines may differ.
SILENT_BELOW_SECONDS = 45
LATE = timedelta(seconds=30)  # by then the reconciler has put every due task on a queue


class WorkerState(models.TextChoices):
    SILENT = "silent", _("not responding")
    BUSY = "busy", _("busy")
    IDLE = "idle", _("idle")


BADGES = {WorkerState.SILENT: "badge-danger", WorkerState.BUSY: "badge-accent", WorkerState.IDLE: ""}


@dataclass
class WorkerStatus:
    """A registered worker and its current job."""

    name: str
    host: str
    pid: str
    queues: str
    since: datetime | None
    is_silent: bool
    job_id: str
    task: Task | None = None
    attempt: Attempt | None = None

    @property
    def status(self) -> WorkerState:
        if self.is_silent:
            return WorkerState.SILENT
        return WorkerState.BUSY if self.job_id else WorkerState.IDLE

    @property
    def badge(self) -> str:
        """The CSS class that colours the status."""
        return BADGES[self.status]


@dataclass(frozen=True)
class QueueStatus:
    name: str
    depth: int
    oldest_at: datetime | None


@dataclass(frozen=True)
class Snapshot:
    """The workers and queues in Redis; empty while it is unavailable."""

    is_reachable: bool
    workers: list[WorkerStatus]
    queues: list[QueueStatus]

    @property
    def alive(self) -> list[WorkerStatus]:
        return [worker for worker in self.workers if not worker.is_silent]

    @property
    def depth(self) -> int:
        return sum(queue.depth for queue in self.queues)


def snapshot() -> Snapshot:
    """Return the state of Redis. Never raises, and takes little over a second if Redis hangs."""
    try:
        workers, queues = registered_workers(), [queue_status(name) for name in QUEUES]
    except RedisError:
        return Snapshot(is_reachable=False, workers=[], queues=[])
    attach_current_tasks(workers)
    return Snapshot(is_reachable=True, workers=workers, queues=queues)


def registered_workers() -> list[WorkerStatus]:
    redis = queue_connection()
    keys = sorted(Worker.all_keys(connection=redis))
    with redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.hgetall(key)
            pipe.ttl(key)
        answers = pipe.execute()
    entries = zip(keys, answers[::2], answers[1::2], strict=True)
    return [worker_status(key, entry, left) for key, entry, left in entries if entry]


def worker_status(key: str, entry: dict[bytes, bytes], seconds_left: int) -> WorkerStatus:
    values = {name.decode(): value.decode(errors="replace") for name, value in entry.items()}
    return WorkerStatus(
        name=key.removeprefix("rq:worker:"),
        host=values.get("hostname", ""),
        pid=values.get("pid", ""),
        queues=values.get("queues", "").replace(",", ", "),
        since=utcparse(values["birth"]) if values.get("birth") else None,
        is_silent="death" in values or 0 <= seconds_left < SILENT_BELOW_SECONDS,
        job_id=values.get("current_job", ""),
    )


def attach_current_tasks(workers: list[WorkerStatus]) -> None:
    ids = {task_id: worker for worker in workers if (task_id := task_pk_of(worker.job_id))}
    if not ids:
        return
    running = Attempt.objects.filter(task__in=ids, outcome=Outcome.RUNNING).defer("traceback")
    attempts = {attempt.task_id: attempt for attempt in running.order_by("started_at")}
    for task in Task.objects.filter(pk__in=ids).with_document():
        if task.has_job(ids[task.pk].job_id):
            ids[task.pk].task, ids[task.pk].attempt = task, attempts.get(task.pk)


def task_pk_of(job_id: str) -> int:
    """The task number in an RQ job id; 0 if there is none. `Task.has_job` says whether that task still has the job."""
    parsed = JobId.parse(job_id)
    return parsed.task_pk if parsed else 0


def queue_status(name: str) -> QueueStatus:
    queue, oldest_at = get_queue(name), None
    for job_id in queue.get_job_ids(0, 1):
        try:
            job = Job.fetch(job_id, connection=queue_connection(), serializer=JSON_SERIALIZER)
            oldest_at = job.enqueued_at
        except (NoSuchJobError, ValueError):
            pass  # a worker has just popped it, or it is not a job
    return QueueStatus(name, queue.count, oldest_at)


@dataclass(frozen=True)
class Due:
    """Open tasks by the database, which is authoritative: the queues may have lost theirs."""

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


def warnings(seen: Snapshot, work: Due) -> list[Promise | str]:
    """Return what stops all progress, in plain sentences; empty on a healthy site."""
    if not seen.is_reachable:
        return [
            _(
                "Redis is not responding. Questions are answered and uploads accepted; processing resumes as soon as Redis is back."
            )
        ]
    if not seen.alive:
        return [
            _(
                "No worker is running, so documents are not processed. Nothing is lost: start one with bin/dev or the worker line of the Procfile."
            )
        ]
    if work.is_late and not seen.depth:
        return [_("Jobs are due but not queued. Is the clock running? Start the clock line of the Procfile.")]
    return []


def running_well(seen: Snapshot, work: Due) -> str:
    """Say in a sentence what a site without warnings is doing."""
    workers = ngettext("%(number)s worker is running", "%(number)s workers are running", len(seen.alive))
    jobs = work.due + work.running
    rest = ngettext(
        "%(number)s job is in progress or waiting.", "%(number)s jobs are in progress or waiting.", jobs
    )
    rest = rest % {"number": jobs} if jobs else gettext("nothing is waiting.")
    return f"{workers % {'number': len(seen.alive)}}, {rest}"


def kept_jobs(ids: Iterable[str]) -> set[str]:
    """Return the ids that RQ still stores: it deletes a job a day after success and a month after failure."""
    wanted = [job_id for job_id in ids if job_id]
    try:
        with queue_connection().pipeline(transaction=False) as pipe:
            for job_id in wanted:
                pipe.exists(Job.key_for(job_id))
            return {job_id for job_id, exists in zip(wanted, pipe.execute(), strict=True) if exists}
    except RedisError:
        return set()
