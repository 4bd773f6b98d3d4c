"""Parts of a page that show a document in progress, with a fingerprint of what they showed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple, Self

from django.utils import timezone

from documents.models import Document
from documents.models.states import State, SummaryState

MAX_WATCHED = 100  # parts of one page; changes.js sends the first ones

# The template of each part that can be rendered by itself.
PARTS = {
    "row": "documents/_document.html",
    "line": "documents/_document_line.html",
    "state": "documents/_document_progress.html",
    "summary": "documents/_summary.html",
}
MARK = re.compile(rf"({'|'.join(PARTS)})-(\d{{1,18}})-([0-9a-f]{{8}})")


class Watched(NamedTuple):
    """A part of a page that is polled: its name, its document, and the fingerprint of what it showed."""

    part: str
    document_id: int
    fingerprint: str

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Iterator[Self]:
        """Parse marks such as `row-42-0c1d2e3f`. Ignores invalid ones, and those beyond MAX_WATCHED."""
        found = [match for text in texts if (match := MARK.fullmatch(text))]
        for part, pk, fingerprint in (match.groups() for match in found[:MAX_WATCHED]):
            yield cls(part, int(pk), fingerprint)

    @property
    def place(self) -> str:
        """A CSS selector for the part, whatever its fingerprint."""
        return f"[data-watch^='{self.part}-{self.document_id}-']"


def watch(document: Document, part: str) -> str:
    """The part's mark while it may still change; empty once it is final."""
    is_summarized = document.summary_state == SummaryState.WAITING
    will_change = {"row": row_will_change(document), "summary": is_summarized}
    if not will_change.get(part, document.is_moving):
        return ""
    return f"{part}-{document.pk}-{fingerprint(document)}"


def row_will_change(document: Document) -> bool:
    """Whether the document's row may still change; only then it shows something of the document's tasks."""
    return document.is_moving or document.summary_state == SummaryState.WAITING


def fingerprint(document: Document) -> str:
    """A hash of what the part shows: every loaded column, and the state of the document's tasks."""
    columns = columns_of(document)
    tasks = [(task.pk, task.state, task.tries, _coarse(task.next_try_at)) for task in document.tasks.all()]
    # A waiting row also shows whether a worker is running, so it is rendered again every minute.
    minute = timezone.now().strftime("%H%M") if document.state == State.WAITING else ""
    return hashlib.sha256(repr((columns, tasks, minute)).encode()).hexdigest()[:8]


def columns_of(document: Document) -> list[object]:
    """The values of every loaded column, but for the vector."""
    deferred = {*document.get_deferred_fields(), "embedding"}
    names = [field.attname for field in document._meta.concrete_fields if field.attname not in deferred]
    return [getattr(document, name) for name in names]


def _coarse(moment: datetime) -> int:
    """Round a countdown, so that a row is rendered again every five seconds at most."""
    seconds = (moment - timezone.now()).total_seconds()
    return round(seconds / 5) if 0 < seconds < 100 else 0
