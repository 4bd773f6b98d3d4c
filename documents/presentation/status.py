"""Describe in words what is happening to a document and to its summary."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from documents.models.states import State, SummaryState

if TYPE_CHECKING:
    from documents.models import Document


def status_line(document: Document, *, no_worker: bool = False, with_remedy: bool = True) -> str:
    """Return one line for a list row, an upload or a document's page; never empty."""
    if document.state == State.READY:
        is_partial = document.serving is not None and document.serving.is_partial
        return _("Ready · some pages could not be read") if is_partial else _("Ready")
    if document.state == State.FAILED:
        return _failure(document, with_remedy)
    if document.state == State.CANCELLED:
        return _("Cancelled · answers use the previous version") if document.serving else _("Cancelled")
    if document.state == State.WAITING:
        return _next_attempt(document) if document.failure else _waiting(no_worker)
    return _progress(document)


def summary_status(document: Document) -> str:
    """Describe the state of the summary; empty once there is one."""
    if document.summary:
        return ""
    if document.summary_state == SummaryState.FAILED:
        return _(
            "The summary failed. You can still ask about this document; Retry on the documents page summarizes it again."
        )
    if document.is_moving:
        return _("The summary follows when the document is ready.")
    return _("Summarizing …") if document.summary_state == SummaryState.WAITING else _("No summary yet.")


def worker_notice(no_worker: bool | None, *, is_operator: bool) -> str:
    """Explain why documents wait; empty while a worker is running. None: Redis did not answer."""
    if no_worker:
        sentence = _(
            "Documents are not being processed right now. Your files are safe and will be read soon."
        )
        hint = _("Start a worker: run bin/dev, or the worker line of the Procfile.")
    elif no_worker is None:
        sentence = _("The site cannot check whether documents are being processed. Your files are safe.")
        hint = _("Redis is not responding.")
    else:
        return ""
    return f"{sentence} {hint}" if is_operator else sentence


def time_until(moment: datetime | None) -> str:
    """How long until then, in the one unit that matters: "40 s", "12 min", "3 h", "2 days"."""
    seconds = max(1, round((moment - timezone.now()).total_seconds())) if moment else 1
    if seconds < 100:
        return _("%d s") % seconds
    if seconds < 100 * 60:
        return _("%d min") % round(seconds / 60)
    if seconds < 36 * 3600:
        return _("%d h") % round(seconds / 3600)
    return ngettext("%d day", "%d days", round(seconds / 86400)) % round(seconds / 86400)


def _failure(document: Document, with_remedy: bool) -> str:
    sentences = [document.failure or _("This document could not be read.")]
    if with_remedy and document.remedy:
        sentences.append(document.remedy)
    if document.serving:
        sentences.append(_("Answers still use the previous version."))
    return " ".join(sentences)


def _next_attempt(document: Document) -> str:
    task = document.task
    values = {
        "time": time_until(task.next_try_at if task else None),
        "number": task.tries + 1 if task else 1,
        "failure": document.failure,
    }
    return _("Waiting to try again in %(time)s (attempt %(number)d). %(failure)s") % values


def _waiting(no_worker: bool) -> str:
    return _("Waiting: documents are not being processed right now") if no_worker else _("Waiting to start")


def _progress(document: Document) -> str:
    done, total = intcomma(document.progress_done), intcomma(document.progress_total)
    with_numbers, without = {
        State.FETCHING: (_("Fetching the web page"), _("Fetching the web page")),
        State.EXTRACTING: (_("Reading page %(done)s of %(total)s"), _("Reading the file")),
        State.OCR: (_("OCR: page %(done)s of %(total)s"), _("Scanned document: OCR is next")),
    }.get(State(document.state), (_("Indexing: %(done)s of %(total)s"), _("Indexing")))
    return with_numbers % {"done": done, "total": total} if document.progress_total else without
