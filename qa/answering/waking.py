"""What an answer tells of the model, for the summaries that wait for it: that it is away, that it writes again."""

from __future__ import annotations

import logging
from contextlib import suppress
from time import monotonic

from documents.models import Task
from documents.models.task import Kind
from ragsite import llm
from ragsite.database import DATABASE_ERRORS

logger = logging.getLogger(__name__)

AT_MOST_EVERY_SECONDS = 10

_woken_at = float("-inf")
_saw_model_away = False


def note_fault(error: llm.ProviderError) -> None:
    """Remembered by this process until it next wakes summaries."""
    global _saw_model_away
    _saw_model_away = _saw_model_away or error.kind in llm.OUTAGE_KINDS


def wake_summaries() -> None:
    """The model writes: summaries that wait for it need not wait longer. Seldom, however much is asked; and those that
    have failed many times only where this process saw the model away before."""
    global _woken_at, _saw_model_away
    if monotonic() - _woken_at < AT_MOST_EVERY_SECONDS:
        return
    with suppress(*DATABASE_ERRORS):
        count = Task.objects.filter(kind=Kind.SUMMARISE).retry_now(after_outage=_saw_model_away)
        _woken_at, _saw_model_away = monotonic(), False
        if count:
            logger.info("retried=%s", count)
