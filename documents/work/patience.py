"""Decides when a long document yields to shorter ones."""

from __future__ import annotations

import time
from datetime import timedelta

from django.utils import timezone

from documents.models import Attempt, Task
from documents.models.task import Kind
from documents.work import fairness, locks

TURN_SECONDS = 10  # before a long document yields to shorter ones
PICKUP_TIME = timedelta(seconds=2)  # a free worker would have started it by then
MUCH_SHORTER = 4


class Patience:
    """When a long document yields to shorter ones. Its embedded chunks are kept, and it continues after them.

    Its turns double, so that it finishes even if shorter ones keep coming.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        yielded = Attempt.objects.filter(task=task, stage="embed", outcome="interrupted").count()
        self.ends = time.monotonic() + TURN_SECONDS * 2 ** min(yielded, 10)

    def is_over(self) -> bool:
        return bool(self.task.job_under_way) and time.monotonic() > self.ends and shorter_waits(self.task)


def shorter_waits(task: Task) -> bool:
    """Whether a much shorter document waits to become searchable and no worker was free for it."""
    own = fairness.cost_of(task)
    found = fairness.with_cost(Task.objects.due(timezone.now() - PICKUP_TIME).order_by()).filter(
        kind=Kind.INDEX, is_later=0, cost__lt=own / MUCH_SHORTER
    )
    running = locks.locked()
    return any(
        locks.lock_key(pk) not in running for pk in found.values_list("pk", flat=True)[: len(running) + 1]
    )
