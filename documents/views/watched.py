"""The parts of a page that show a document with which something is being done, and how one looked when it was drawn."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple, Self

from django.utils import timezone

from documents.models import Document
from documents.models.states import State, SummaryState

MAX_WATCHED = 100  # parts of one page; of more the first are kept up to date

# Each part of a page that can be drawn by itself.
PARTS = {
    "row": "documents/_document.html",
    "line": "documents/_document_line.html",
    "state": "documents/_document_progress.html",
    "summary": "documents/_summary.html",
}
WRITTEN = re.compile(rf"({'|'.join(PARTS)})-(\d{{1,18}})-([0-9a-f]{{8}})")


class Watched(NamedTuple):
    """A part of a page that is kept up to date: which, of which document, and the fingerprint of what it showed."""

    part: str
    document_id: int
    fingerprint: str

    @classmethod
    def read(cls, texts: Iterable[str]) -> Iterator[Self]:
        """As a page sends them, `row-42-0c1d2e3f`. Leaves out nonsense, and what is beyond MAX_WATCHED."""
        found = [match for text in texts if (match := WRITTEN.fullmatch(text))]
        for part, pk, fingerprint in (match.groups() for match in found[:MAX_WATCHED]):
            yield cls(part, int(pk), fingerprint)

    @property
    def place(self) -> str:
        """A CSS selector for the part, whatever it showed."""
        return f"[data-watch^='{self.part}-{self.document_id}-']"


def watch(document: Document, part: str) -> str:
    """What the part says of itself while it will have more to show; empty once it is final."""
    is_summarized = document.summary_state == SummaryState.WAITING
    will_change = {"row": document.is_moving or is_summarized, "summary": is_summarized}
    if not will_change.get(part, document.is_moving):
        return ""
    return f"{part}-{document.pk}-{fingerprint(document)}"


def fingerprint(document: Document) -> str:
    """Another one when the document has something else to show: every column that was fetched, and what its tasks wait for."""
    deferred = {*document.get_deferred_fields(), "embedding"}
    names = [field.attname for field in document._meta.concrete_fields if field.attname not in deferred]
    columns = [getattr(document, name) for name in names]
    tasks = [(task.pk, task.state, task.tries, _coarse(task.next_try_at)) for task in document.tasks.all()]
    # Whether a worker is there at all shows in a row that waits: such a one is drawn anew every minute.
    minute = timezone.now().strftime("%H%M") if document.state == State.WAITING else ""
    return hashlib.sha256(repr((columns, tasks, minute)).encode()).hexdigest()[:8]


def _coarse(moment: datetime) -> int:
    """A countdown of seconds is worth a new row every five of them."""
    seconds = (moment - timezone.now()).total_seconds()
    return round(seconds / 5) if 0 < seconds < 100 else 0
