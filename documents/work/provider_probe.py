"""Notices that the provider is back while documents wait for it: the next try of a long outage may be hours away."""

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
from documents.models.task import Kind
from ragsite import llm

logger = logging.getLogger("ragsite.lookout")

EVERY_SECONDS = 20
SOON = timedelta(seconds=5)  # what is due by then finds out by itself


class Lookout:
    """Makes one small call now and then while something waits for the provider.

    Only an answer after a silence counts: a provider that answers this call well and refuses a certain document's
    would otherwise have that document tried again and again.
    """

    def __init__(self) -> None:
        self.asked_at = float("-inf")
        self.saw_it_away = False
        self.asking: threading.Thread | None = None

    def look(self) -> None:
        """Every round of the clock. Asks in a thread, since a provider that hangs must not hold up the clock."""
        if self.is_busy or time.monotonic() - self.asked_at < EVERY_SECONDS:
            return
        if call := waited_for():
            self.asked_at = time.monotonic()
            self.asking = threading.Thread(target=self.ask, args=[call], daemon=True, name="lookout")
            self.asking.start()
        else:
            self.saw_it_away = False

    @property
    def is_busy(self) -> bool:
        return self.asking is not None and self.asking.is_alive()

    def ask(self, call: Callable[[], llm.Trial]) -> None:
        try:
            trial = call()
            if trial.ok and self.saw_it_away:
                logger.info("provider answers again brought_forward=%s", Task.objects.bring_forward(all=True))
            self.saw_it_away = not trial.ok and (trial.kind in llm.OUTAGE_KINDS or self.saw_it_away)
        except Exception as error:  # the database may be away too; the next look asks again
            logger.warning("the look-out failed: %s", type(error).__name__)
        finally:
            connections.close_all()


def waited_for() -> Callable[[], llm.Trial] | None:
    """The call that shows whether what some task waits for is back: of one such task, another one each time."""
    now = timezone.now()
    waiting = Task.objects.open().filter(
        Q(not_before=None) | Q(not_before__lte=now),
        error_kind__in=llm.OUTAGE_KINDS,
        next_try_at__gt=now + SOON,
        kind__in=[Kind.INDEX, Kind.SUMMARISE],
    )
    found = waiting.order_by("?").values_list("kind", "index__embedding_model").first()
    if found is None:
        return None
    kind, model = found
    return partial(llm.try_embedding, model) if kind == Kind.INDEX and model else llm.try_chat
