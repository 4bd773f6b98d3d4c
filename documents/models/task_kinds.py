"""The kinds of background tasks, and the one table of how each is run."""

from __future__ import annotations

from typing import NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _

STUBBORN_AFTER = 6  # failed tries


class Kind(models.TextChoices):
    INDEX = "index", _("make searchable")
    SUMMARISE = "summarise", _("summarize")
    BUILD = "build", _("finish an index")
    OCR = "ocr", _("OCR")
    FETCH = "fetch", _("fetch a web page")
    ATTACH = "attach", _("add attached files")


class Handler(NamedTuple):
    """How tasks of one kind are run: the function that takes the task, the RQ queue, and the most tries (else MAX_TRIES).

    Dotted paths, so that the models import neither ingestion nor work.
    """

    path: str
    queue: str = "documents"
    max_tries: int | None = None


HANDLERS = {
    Kind.INDEX: Handler("documents.ingestion.index.index_document"),
    Kind.SUMMARISE: Handler("documents.ingestion.summarize.summarize_document", queue="summaries"),
    Kind.BUILD: Handler("documents.ingestion.rebuild.build_index"),
    Kind.OCR: Handler("documents.ingestion.ocr.run.run_ocr", queue="ocr"),
    # 9 tries last about an hour: a person who adds a page should not wait for weeks to hear that it is unreachable.
    Kind.FETCH: Handler("documents.ingestion.fetch.fetch_document", queue="fetch", max_tries=9),
    Kind.ATTACH: Handler("documents.sources.attachments.add_attachments"),
}


class TaskState(models.TextChoices):
    OPEN = "open", _("open")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


class Stage(models.TextChoices):
    EXTRACT = "extract", _("extract text")
