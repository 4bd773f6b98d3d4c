"""Notices that the provider is back while documents wait for it: the next try of a long outage may be hours away."""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta

from django.db import connections
from django.utils import timezone

from documents.models import Task
from documents.models.task import Kind
from ragsite import llm

logger = logging.getLogger("ragsite.lookout")

EVERY_SECONDS = 20


class Lookout:
    """Asks the provider for one small vector now and then while something waits for it.

    Only an answer after a silence counts: a provider that answers this call well and refuses a certain document's
    would otherwise have that document's tries used up in minutes.
    """

    def __init__(self) -> None:
        self.asked_at = float("-inf")
        self.saw_it_away = False
        self.asking: threading.Thread | None = None

    def look(self) -> None:
        """Every round of the clock. Asks in a thread, since a provider that hangs must not hold up the clock."""
        if self.is_busy or time.monotonic() - self.asked_at < EVERY_SECONDS:
            return
        if model := self.model_waited_for():
            self.asked_at = time.monotonic()
            self.asking = threading.Thread(target=self.ask, args=[model], daemon=True, name="lookout")
            self.asking.start()
        else:
            self.saw_it_away = False

    @property
    def is_busy(self) -> bool:
        return self.asking is not None and self.asking.is_alive()

    def model_waited_for(self) -> str | None:
        """The embedding model that some document waits for, and will for a while."""
        later = timezone.now() + timedelta(seconds=5)
        waiting = Task.objects.open().filter(
            kind=Kind.INDEX, error_kind__in=llm.OUTAGE_KINDS, next_try_at__gt=later, index__isnull=False
        )
        return waiting.values_list("index__embedding_model", flat=True).first()

    def ask(self, model: str) -> None:
        try:
            llm.probe_dimensions(model)
        except llm.ProviderError as error:
            self.saw_it_away = error.kind in llm.OUTAGE_KINDS or self.saw_it_away
        else:
            if self.saw_it_away:
                self.saw_it_away = False
                logger.info("provider answers again brought_forward=%s", Task.objects.bring_forward(all=True))
        finally:
            connections.close_all()
