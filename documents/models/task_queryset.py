from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.db import connection, models, transaction
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.module_loading import import_string

from documents.models.index import Index, IndexState
from documents.models.states import MOVING
from documents.models.task_kinds import STUBBORN_AFTER, Kind, TaskState
from ragsite import llm

if TYPE_CHECKING:
    from documents.models.document import Document
    from documents.models.task import Task

REPLAY = "documents.work.replay.replay"  # a dotted path: the models do not import work
CLOCK_SLACK = timedelta(seconds=5)  # the clocks of several machines differ by less


class TaskQuerySet(models.QuerySet["Task"]):
    def open(self) -> Self:
        return self.filter(state=TaskState.OPEN)

    def due(self, now: datetime | None = None) -> Self:
        """Open tasks whose next try has come, the longest due first."""
        now = now or timezone.now()
        # Changed in the future: the clock was set back, so the remaining wait is unknown.
        has_come = models.Q(next_try_at__lte=now) | models.Q(changed_at__gt=now + CLOCK_SLACK)
        return self.open().filter(has_come).order_by("next_try_at", "pk")

    def with_document(self) -> Self:
        """Each with its document and owner, without the document's vector."""
        return self.select_related("document__uploaded_by", "index").defer("document__embedding")

    def retry_now(self, *, after_outage: bool = False) -> int:
        """Make tasks that wait for the provider due, since it answers again; return how many. A time that it named still holds.

        `after_outage` includes tasks that failed many times, and does not count their last try. Otherwise one success says
        little about those, and their tries are meant to last for days.
        """
        now = timezone.now()
        waiting = self.open().filter(
            models.Q(not_before=None) | models.Q(not_before__lte=now),
            error_kind__in=llm.RECOVERABLE_KINDS,
            next_try_at__gt=now,
        )
        if not after_outage:
            return waiting.filter(tries__lt=STUBBORN_AFTER).update(next_try_at=now, changed_at=now)
        # With a provider that comes and goes, tries would otherwise be used up in minutes.
        one_less = Greatest(models.F("tries") - 1, 0)
        return waiting.update(next_try_at=now, changed_at=now, tries=one_less)

    def lock(self) -> None:
        """Lock these rows until the transaction ends, in the order of their primary keys. Waits for runs that save their results."""
        list(self.select_for_update(of=["self"]).order_by("pk").values_list("pk", flat=True))

    def cancel(self) -> int:
        """Cancel the open ones; return how many. A current run finds its generation outdated and writes nothing."""
        return self.open().update(state=TaskState.CANCELLED, generation=models.F("generation") + 1)

    def reset(self, *, start_at: str = "") -> int:
        """Start each over, due now; return how many. Current runs find their generation outdated and write nothing."""
        now = timezone.now()
        return self.update(
            state=TaskState.OPEN,
            generation=models.F("generation") + 1,
            tries=0,
            crashes=0,
            error="",
            error_kind="",
            start_at=start_at,
            next_try_at=now,
            not_before=None,
            changed_at=now,
        )

    def replay(self, *, enqueue: bool = True) -> int:
        """Start each over with its document's state, and enqueue it after the commit; return how many.

        Skips tasks whose document has no version.
        """
        count: int = import_string(REPLAY)(self, enqueue=enqueue)
        return count

    def seen(self) -> Self:
        """Those whose progress and failure the document's row shows.

        Not shown: building an index behind the live one, and OCR of some pages of a document that is otherwise ready.
        """
        is_indexing = models.Q(kind=Kind.INDEX) & (
            models.Q(index=None) | models.Q(index__state=IndexState.LIVE)
        )
        # Open tasks of those kinds determine the document's state.
        moved_by_other = self.model.objects.open().filter(
            is_indexing | models.Q(kind=Kind.FETCH), document=models.OuterRef("document")
        )
        is_ocr = models.Q(kind=Kind.OCR) & (
            models.Q(document__serving=None)
            | models.Q(document__state__in=MOVING) & ~models.Exists(moved_by_other)
        )
        return self.filter(is_indexing | is_ocr | models.Q(kind=Kind.FETCH))

    def request(
        self,
        kind: Kind,
        document: Document | None,
        index: Index | None = None,
        *,
        start_at: str = "",
        enqueue: bool = True,
    ) -> Task:
        """Create the task or start it over, and enqueue it after the commit. Current runs of it write nothing.

        Raises DoesNotExist as `get_or_add` does.
        """
        with transaction.atomic():
            task, is_new = self.get_or_add(kind, document, index, start_at=start_at)
            if not is_new:
                self.model.objects.filter(pk=task.pk).reset(start_at=start_at)
                task.refresh_from_db()
        if enqueue:
            task.enqueue_on_commit()
        return task

    def get_or_add(
        self, kind: Kind, document: Document | None, index: Index | None = None, *, start_at: str = ""
    ) -> tuple[Task, bool]:
        """The task, locked until the transaction ends, and whether it is new. A new one is not enqueued yet.

        Raises DoesNotExist if the document is deleted; waits for a concurrent transaction that deletes it.
        """
        with transaction.atomic():
            task, is_new = self.select_for_update().get_or_create(
                kind=kind, document=document, index=index, defaults={"start_at": start_at}
            )
            if is_new and document is not None and not lock_key_share(document):
                raise document.DoesNotExist
        return task, is_new


def lock_key_share(document: Document) -> bool:
    """Lock the document's row against deletion until the transaction ends. False if it is deleted already.

    PostgreSQL takes the same lock when it checks a foreign key, but only at the end of the statement. Django has no API for it.
    """
    with connection.cursor() as cursor:
        cursor.execute("select from documents_document where id = %s for key share", [document.pk])
        return cursor.rowcount > 0
