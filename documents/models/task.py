from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, Self

from django.conf import settings
from django.db import connection, models, transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from documents.models.index import Index, IndexState
from documents.models.states import MOVING
from ragsite import llm
from ragsite.redis import name_of
from ragsite.storable import storable_text

if TYPE_CHECKING:
    from documents.models.document import Document


class Kind(models.TextChoices):
    INDEX = "index", _("make searchable")
    SUMMARISE = "summarise", _("summarise")
    BUILD = "build", _("finish an index")
    RECOGNISE = "recognise", _("recognise text in pictures")
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
    Kind.RECOGNISE: Handler("documents.ingestion.ocr.run_ocr", queue="ocr"),
    # 9 tries last about an hour: a person who adds a page should not wait for weeks to hear that it is unreachable.
    Kind.FETCH: Handler("documents.ingestion.fetch.fetch_document", queue="fetch", max_tries=9),
    Kind.ATTACH: Handler("documents.sources.attachments.add_attachments"),
}
ENQUEUE = "documents.work.queue.enqueue"
RUN = "documents.work.runner.run"


class TaskState(models.TextChoices):
    OPEN = "open", _("open")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


STUBBORN_AFTER = 6  # failed tries
MIN_WAIT = timedelta(seconds=5)
CLOCK_SLACK = timedelta(seconds=5)  # clocks of several machines differ by less


class Superseded(Exception):
    """The same work was asked for afresh, cancelled or deleted meanwhile: nothing may be written."""


class Stage(models.TextChoices):
    EXTRACT = "extract", _("read the file")
    CHUNK = "chunk", _("cut into chunks")
    EMBED = "embed", _("compute vectors")


class TaskQuerySet(models.QuerySet["Task"]):
    def open(self) -> Self:
        return self.filter(state=TaskState.OPEN)

    def due(self, now: datetime | None = None) -> Self:
        now = now or timezone.now()
        # Changed in the future: the clock was set back, and nobody can say how long this one still wants to wait.
        has_come = models.Q(next_try_at__lte=now) | models.Q(changed_at__gt=now + CLOCK_SLACK)
        return self.open().filter(has_come).order_by("next_try_at", "pk")

    def with_document(self) -> Self:
        """With what a row shows of the document and its owner, without its vector."""
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
        one_less = models.functions.Greatest(models.F("tries") - 1, 0)
        return waiting.update(next_try_at=now, changed_at=now, tries=one_less)

    def hold(self) -> None:
        """Wait for whoever stores what a task of these asked for, and let nobody store after; until the transaction ends."""
        list(self.select_for_update(of=["self"]).order_by("pk").values_list("pk", flat=True))

    def cancel(self) -> int:
        """A run that is under way finds its generation outdated and writes nothing."""
        return self.open().update(state=TaskState.CANCELLED, generation=models.F("generation") + 1)

    def reset(self, *, start_at: str = "") -> int:
        """Ask for each afresh, due now: whoever still works on an earlier asking writes nothing. Returns how many."""
        now = timezone.now()
        return self.update(
            state=TaskState.OPEN,
            generation=models.F("generation") + 1,
            tries=0,
            deaths=0,
            error="",
            error_kind="",
            start_at=start_at,
            next_try_at=now,
            not_before=None,
            changed_at=now,
        )

    def seen(self) -> Self:
        """Those whose progress and failure the document's row shows: not what is built behind the live index, nor the
        recognition of pictures beside a document that is ready in its other pages."""
        is_indexing = models.Q(kind=Kind.INDEX) & (
            models.Q(index=None) | models.Q(index__state=IndexState.LIVE)
        )
        # Open work of those kinds is what moves a document then.
        moved_by_other = Task.objects.open().filter(
            is_indexing | models.Q(kind=Kind.FETCH), document=models.OuterRef("document")
        )
        is_recognising = models.Q(kind=Kind.RECOGNISE) & (
            models.Q(document__serving=None)
            | models.Q(document__state__in=MOVING) & ~models.Exists(moved_by_other)
        )
        return self.filter(is_indexing | is_recognising | models.Q(kind=Kind.FETCH))

    def ask_for(
        self,
        kind: Kind,
        document: Document | None,
        index: Index | None = None,
        *,
        start_at: str = "",
        enqueue: bool = True,
    ) -> Task:
        """Have this done, afresh: whoever still works on an earlier asking writes nothing. On the queue after the commit.

        Raises DoesNotExist where the document was deleted meanwhile; whoever deletes it at this moment is waited for.
        """
        with transaction.atomic():
            task, created = self.select_for_update().get_or_create(
                kind=kind, document=document, index=index, defaults={"start_at": start_at}
            )
            if created and document is not None and not is_there(document):
                raise document.DoesNotExist
            if not created:
                Task.objects.filter(pk=task.pk).reset(start_at=start_at)
                task.refresh_from_db()
        if enqueue:
            task.enqueue_on_commit()
        return task


def is_there(document: Document) -> bool:
    """Whether its row stands, and nobody deletes it until the transaction ends.

    As PostgreSQL makes sure for a row that names it, but not only when all is written: Django has no name for this lock.
    """
    with connection.cursor() as cursor:
        cursor.execute("select from documents_document where id = %s for key share", [document.pk])
        return cursor.rowcount > 0


class Task(models.Model):
    """What is still to be done. RQ carries only "look at task 42"; this row decides whether, and when again."""

    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    document = models.ForeignKey(
        "documents.Document", null=True, blank=True, on_delete=models.CASCADE, related_name="tasks"
    )
    index = models.ForeignKey(Index, null=True, blank=True, on_delete=models.CASCADE, related_name="tasks")
    state = models.CharField(_("state"), max_length=10, choices=TaskState, default=TaskState.OPEN)
    generation = models.PositiveIntegerField(
        _("generation"), default=1, help_text=_("Grows whenever the same work is asked for afresh.")
    )
    tries = models.PositiveIntegerField(_("tries that failed"), default=0)
    deaths = models.PositiveIntegerField(_("workers it took with it"), default=0)
    start_at = models.CharField(
        _("redo from"),
        max_length=8,
        choices=Stage,
        blank=True,
        help_text=_("Empty: what is stored already is used."),
    )
    next_try_at = models.DateTimeField(_("next try"), default=timezone.now)
    not_before = models.DateTimeField(
        _("not before"), null=True, blank=True, help_text=_("As the provider itself named it.")
    )
    error_kind = models.CharField(_("kind of failure"), max_length=40, blank=True)
    error = models.TextField(_("what went wrong"), blank=True)
    created_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    changed_at = models.DateTimeField(_("changed"), default=timezone.now)

    job_under_way = ""  # the RQ job of the try that runs in this process

    objects = TaskQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "document", "index"], name="one_task_a_work", nulls_distinct=False
            ),
        ]
        indexes = [
            models.Index(fields=["next_try_at"], condition=models.Q(state="open"), name="open_tasks_by_time")
        ]
        verbose_name = _("task")
        verbose_name_plural = _("tasks")

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.document or self.index}"

    @property
    def is_due(self) -> bool:
        now = timezone.now()
        return self.state == TaskState.OPEN and (
            self.next_try_at <= now or self.changed_at > now + CLOCK_SLACK
        )

    @property
    def is_seen(self) -> bool:
        """Whether it is one of `TaskQuerySet.seen`, now."""
        return Task.objects.filter(pk=self.pk).seen().exists()

    @property
    def handler(self) -> Handler:
        return HANDLERS[Kind(self.kind)]

    @property
    def max_tries(self) -> int:
        return min(settings.MAX_TRIES, self.handler.max_tries or settings.MAX_TRIES)

    @property
    def job_id(self) -> str:
        """The RQ job of the coming try. Ours to choose, so that the reconciler can look for it on the queue."""
        return self.job_id_of(self.tries)

    @property
    def last_job_id(self) -> str:
        """The RQ job of the try before the coming one; of the coming one where there was none yet."""
        tried = self.tries and self.state in (TaskState.OPEN, TaskState.FAILED) and not self.is_due
        return self.job_id_of(self.tries - 1 if tried else self.tries)

    def job_id_of(self, tries: int) -> str:
        """The RQ job of the try after so many that failed."""
        return f"task-{name_of(self)}-{self.generation}-{tries}"

    def has_job(self, job_id: str) -> bool:
        """Whether that RQ job is of one of its tries, and not of another task that had this number before a restore."""
        return job_id.startswith(f"task-{name_of(self)}-")

    @property
    def queue_name(self) -> str:
        return self.handler.queue

    def enqueue_on_commit(self) -> None:
        """Enqueue once the row is committed. While Redis is away this is logged, and the reconciler enqueues it later."""
        transaction.on_commit(self.enqueue, robust=True)

    def enqueue(self) -> None:
        import_string(ENQUEUE)(self)

    def run(self) -> None:
        """Run it in this process if it is due. Raises its error after recording it."""
        import_string(RUN)(self)

    def settle_index(self) -> None:
        """Work asked for before the site had an index is for its first one. Raises ProviderError while none can be made."""
        if self.kind != Kind.INDEX or self.index is not None:
            return
        live = Index.objects.live()
        if Task.objects.filter(kind=self.kind, document=self.document, index=live).exists():
            Task.objects.filter(pk=self.pk).delete()  # asked for anew since there is an index
            raise Superseded
        self._update(index=live)

    def stands(self) -> bool:
        """Whether nobody asked for it afresh, cancelled or deleted it meanwhile."""
        return Task.objects.open().filter(pk=self.pk, generation=self.generation).exists()

    def claim(self) -> bool:
        """As `stands`, and held until the transaction ends. Call it in the one that writes the result."""
        if self.document_id:  # all of its document's, in the order in which whoever deletes it takes them
            Task.objects.filter(document=self.document_id).hold()
        return (
            Task.objects.select_for_update()
            .filter(pk=self.pk, generation=self.generation, state=TaskState.OPEN)
            .exists()
        )

    def finish(self) -> None:
        self._update(state=TaskState.DONE, error="", error_kind="", not_before=None, deaths=0)

    def fail(self, kind: str, error: str) -> None:
        """For good: set aside until a person replays it."""
        self._update(state=TaskState.FAILED, error_kind=kind, error=error, tries=self.tries + 1)

    def try_again(self, kind: str, error: str, *, not_before: datetime | None = None) -> None:
        """Due again after a growing, jittered time, never before `not_before`."""
        due = timezone.now() + retry_delay(self.tries + 1)
        self._update(
            tries=self.tries + 1,
            next_try_at=max(due, not_before or due),
            not_before=not_before,
            error_kind=kind,
            error=error,
        )

    def wait_its_turn(self, not_before: datetime, kind: str, error: str) -> None:
        """Too many requests, and the provider says when to come back: then, and for as long as it likes; no try is lost by it."""
        after = timedelta(seconds=random.uniform(0, 5))  # noqa: S311 (no secret)
        self._update(
            tries=min(self.tries + 1, max(self.tries, STUBBORN_AFTER)),
            next_try_at=max(not_before, timezone.now() + MIN_WAIT) + after,
            not_before=not_before,
            error_kind=kind,
            error=error,
        )

    def wait_until(self, time: datetime, kind: str, error: str) -> None:
        """Not its own fault (a refused key, a spent quota): costs no try."""
        self._update(next_try_at=time, error_kind=kind, error=error)

    def _update(self, **values: object) -> None:
        values["changed_at"] = timezone.now()
        if error := values.get("error"):
            values["error"] = storable_text(str(error))  # an exception may quote what it could not bear
        for name, value in values.items():
            setattr(self, name, value)
        Task.objects.filter(pk=self.pk, generation=self.generation).update(**values)


def retry_delay(tries: int) -> timedelta:
    """Sidekiq's growth, n^4 + 15 s and jitter (github.com/sidekiq/sidekiq/wiki/Error-Handling): 25 tries last some 17 days."""
    return timedelta(seconds=(tries - 1) ** 4 + 15 + random.uniform(0, 10) * tries)  # noqa: S311 (no secret)
