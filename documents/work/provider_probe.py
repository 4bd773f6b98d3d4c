"""Detects that the provider is back while tasks wait for it: after a long outage the next try may be hours away."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.db import connections
from django.db.models import Q
from django.utils import timezone

from documents.models import Task
from documents.models.task import Kind, TaskQuerySet
from ragsite import llm

logger = logging.getLogger("ragsite.provider_probe")

EVERY_SECONDS = 20
SOON = timedelta(seconds=5)  # tasks that are due by then need no probe


class ProviderProbe:
    """Makes one small call now and then while tasks wait for the provider.

    Only a success after a failed probe counts: a provider that answers the probe but refuses one particular document would
    otherwise have that document retried again and again.
    """

    def __init__(self) -> None:
        self.probed_at = float("-inf")
        self.saw_outage = False
        self.thread: threading.Thread | None = None

    def probe_if_needed(self) -> None:
        """Call it in every round of the clock. Probes in a thread, so that a hanging provider does not block the clock."""
        if not self.is_time:
            return
        if call := probe_call():
            self.probed_at = time.monotonic()
            self.thread = threading.Thread(target=self.probe, args=[call], daemon=True, name="provider-probe")
            self.thread.start()
        else:
            self.saw_outage = False

    @property
    def is_needed(self) -> bool:
        """Whether `probe_if_needed` would do something."""
        return self.is_time and (self.saw_outage or waiting_tasks().exists())

    @property
    def is_time(self) -> bool:
        return not self.is_running and time.monotonic() - self.probed_at >= EVERY_SECONDS

    @property
    def is_running(self) -> bool:
        return self.thread is not None and self.thread.is_alive()

    def probe(self, call: Callable[[], llm.Trial]) -> None:
        try:
            trial = call()
            if trial.ok and self.saw_outage:
                logger.info("provider is back retried=%s", Task.objects.retry_now(after_outage=True))
            self.saw_outage = not trial.ok and (trial.kind in llm.OUTAGE_KINDS or self.saw_outage)
        except Exception as error:  # the database may be away too; the next probe tries again
            logger.warning("provider probe failed: %s", type(error).__name__)
        finally:
            connections.close_all()


def waiting_tasks() -> TaskQuerySet:
    """Tasks that wait for a provider that was away, and will for a while."""
    now = timezone.now()
    return Task.objects.open().filter(
        Q(not_before=None) | Q(not_before__lte=now),
        error_kind__in=llm.OUTAGE_KINDS,
        next_try_at__gt=now + SOON,
        kind__in=[Kind.INDEX, Kind.SUMMARISE],
    )


def probe_call() -> Callable[[], llm.Trial] | None:
    """A call to the provider that a random waiting task waits for; None if no task waits."""
    found = waiting_tasks().order_by("?").values_list("kind", "index__embedding_model").first()
    if found is None:
        return None
    kind, model = found
    return partial(llm.try_embedding, model) if kind == Kind.INDEX and model else llm.try_chat
