"""Runs other due tasks beside a job's own, in threads of its process: while one waits for the provider, the others go on.

Each runs as a job of its own would: under its lock, with its outcome on its row. What a process leaves behind that dies is
still due, and no job of it is queued: the reconciler finds it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import psycopg
from django.db import DatabaseError, connections
from redis.exceptions import RedisError

from documents import shutdown
from documents.models import Attempt, Task
from documents.models.task import Kind
from documents.work import fairness, locks, queue
from ragsite import llm, logs

logger = logging.getLogger("ragsite.jobs")

Run = Callable[..., None]  # runner.run


class Width(NamedTuple):
    """How many tasks of a kind run at once in a process: at first, at most, and whether a slower answer tells of too many."""

    first: int
    most: int
    is_even: bool = False


# Reading takes a processor, so that three documents fill the waits for the provider. Summaries only wait.
WIDTHS = {Kind.INDEX: Width(3, 3), Kind.SUMMARISE: Width(6, 16, is_even=True)}
TAKING_SECONDS = 20  # then the process ends, which gives its memory back
MAX_COST = 100_000  # approximate characters of a document that others are read beside: memory
PAUSE = 0.3  # seconds until a thread without work looks again
ORDER_SECONDS = 1.0  # the order of work is computed that often
SLOWDOWN = 2.0  # times the fastest answer: the server answers one after the other
LAST_SECONDS = 30  # for what still runs when the job's time is up

is_enabled = False  # only a worker's forked process has threads of this kind


def run_beside(task: Task, own: Callable[[], None], run: Run, *, workers: int) -> None:
    """Call `own`, which runs the task, and `run` others until none waits or 20 s have passed. Raises what `own` raises."""
    if not is_enabled or not may_have_companions(task):
        own()
        return
    Companions(Kind(task.kind), run, job_id=task.job_id, workers=workers).run_all(own)


def may_have_companions(task: Task) -> bool:
    """Not beside a task whose last run was cut short, perhaps since it crashes workers, nor beside a long document."""
    if Kind(task.kind) not in WIDTHS or fairness.cost_of(task) > MAX_COST:
        return False
    return not Attempt.objects.cut_short().filter(task=task).exists()


class Companions:
    """The threads of one job and the tasks that they run, as many at once as the provider answers without slowing down."""

    def __init__(self, kind: Kind, run: Run, *, job_id: str, workers: int) -> None:
        self.kind, self.run_task, self.job_id, self.workers = kind, run, job_id, workers
        # Until key and quota have worked recently, one goes first: an error then costs one request only.
        self.width = WIDTHS[kind].first if llm.answered_recently() else 1
        self.fastest = 0.0
        self.ends = time.monotonic() + TAKING_SECONDS
        self.is_own_done = False
        self.guard, self.claiming = threading.Lock(), threading.Lock()
        self.threads: list[threading.Thread] = []
        self.active = 1  # the job's own thread is one of them
        self.order: list[fairness.DueTask] = []
        self.ordered_at = 0.0
        self.locks = locks.SharedLocks()

    def run_all(self, own: Callable[[], None]) -> None:
        patience: float | None = None
        self.start_threads()
        try:
            self.timed(own)
        except Exception as error:
            patience = LAST_SECONDS if queue.is_out_of_time(error) else None
            raise
        finally:
            self.is_own_done = True
            if patience is None:
                self.take_tasks()
            self.ends = 0
            for thread in self.threads:
                thread.join(patience)
            self.locks.close()

    def start_threads(self) -> None:
        with self.guard:
            missing = self.width - self.active
            self.active += max(0, missing)
            new = [threading.Thread(target=self.work, daemon=True) for _ in range(missing)]
            self.threads += new
        for thread in new:
            thread.start()

    def work(self) -> None:
        try:
            self.take_tasks()
        finally:
            connections.close_all()
            with self.guard:
                self.active -= 1

    def take_tasks(self) -> None:
        """Run one task after the other, until none waits and the job's own is done."""
        while self.active <= self.width and not shutdown.is_requested() and time.monotonic() < self.ends:
            try:
                due = self.claim()
            except (DatabaseError, psycopg.Error, RedisError) as error:
                logger.warning("no companion: %s", type(error).__name__)
                return
            if due:
                self.run_companion(due)
            elif self.is_own_done:
                return
            else:
                time.sleep(PAUSE)

    def claim(self) -> fairness.DueTask | None:
        """The next task whose job is still queued; its job is then this process's."""
        with self.claiming:
            if not queue.length(fairness.queue_of(self.kind)):
                return None
            if not self.order or time.monotonic() > self.ordered_at + ORDER_SECONDS:
                self.order = fairness.companions(self.kind, workers=self.workers, max_cost=MAX_COST)
                self.ordered_at = time.monotonic()
            while self.order:
                if queue.claim(due := self.order.pop(0)):
                    return due
            return None

    def run_companion(self, due: fairness.DueTask) -> None:
        with logs.bind_ids(job=due.job_id):
            try:
                task = Task.objects.select_related("document", "index").filter(pk=due.task).first()
                if task and task.job_id == due.job_id:
                    # Under the job's id, by which the worker finds what runs in this process.
                    self.timed(lambda: self.run_task(task, job_id=self.job_id, lock=self.locks.advisory_lock))
            except Exception as error:
                queue.keep_failed(due, error)
            else:
                queue.forget(due, task)

    def timed(self, run: Callable[[], None]) -> None:
        began, has_failed = time.monotonic(), True
        try:
            run()
            has_failed = False
        finally:
            self.adapt(time.monotonic() - began, has_failed=has_failed)

    def adapt(self, seconds: float, *, has_failed: bool) -> None:
        """One more at once after a success, half as many after an error, one less when answers take twice as long."""
        with self.guard:
            is_slow = WIDTHS[self.kind].is_even and 0 < self.fastest * SLOWDOWN < seconds
            if has_failed:
                self.width = max(1, self.width // 2)
            elif is_slow:
                self.width = max(1, self.width - 1)
            else:
                self.width = min(self.width + 1, WIDTHS[self.kind].most)
            self.fastest = min(self.fastest or seconds, seconds)
        if not has_failed and time.monotonic() < self.ends:
            self.start_threads()
