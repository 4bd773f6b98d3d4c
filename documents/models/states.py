from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """What is being done with a document. What is searchable in it does not depend on this: see `Chunk.objects.searchable`."""

    WAITING = "waiting", _("waiting")
    FETCHING = "fetching", _("fetching")
    EXTRACTING = "extracting", _("reading")
    OCR = "ocr", _("OCR")
    EMBEDDING = "embedding", _("indexing")
    READY = "ready", _("ready")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


MOVING = [State.WAITING, State.FETCHING, State.EXTRACTING, State.OCR, State.EMBEDDING]


class SummaryState(models.TextChoices):
    NONE = "", _("none")
    WAITING = "waiting", _("summarizing")
    READY = "ready", _("ready")
    FAILED = "failed", _("failed")
