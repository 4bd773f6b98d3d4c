"""Retries waiting summaries as soon as an answer shows that the chat model works again."""

from __future__ import annotations

import logging
from contextlib import suppress
from time import monotonic

from documents.models import Task
from documents.models.task import Kind
from ragsite import llm
from ragsite.database import DATABASE_ERRORS

logger = logging.getLogger(__name__)

MIN_INTERVAL_SECONDS = 10

_retried_at = float("-inf")
_saw_outage = False


def note_failure(error: llm.ProviderError) -> None:
    """Remember, in this process, that the model was unavailable, until the next retry of summaries."""
    global _saw_outage
    _saw_outage = _saw_outage or error.kind in llm.OUTAGE_KINDS


def retry_summaries_now() -> None:
    """Retry the summaries that wait for the model, at most every MIN_INTERVAL_SECONDS.

    Summaries that have failed many times are retried only if this process saw the model unavailable.
    """
    global _retried_at, _saw_outage
    if monotonic() - _retried_at < MIN_INTERVAL_SECONDS:
        return
    with suppress(*DATABASE_ERRORS):
        count = Task.objects.filter(kind=Kind.SUMMARISE).retry_now(after_outage=_saw_outage)
        _retried_at, _saw_outage = monotonic(), False
        if count:
            logger.info("retried_summaries=%s", count)
