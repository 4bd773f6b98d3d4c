from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files import File
from django.db import IntegrityError, models, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from pgvector.django import CosineDistance, HalfVectorField

from documents.extraction.registry import MAIL
from documents.models.collection import Collection
from documents.models.document_queryset import DocumentQuerySet
from documents.models.index import Index, IndexState
from documents.models.page import Page
from documents.models.states import MOVING, State, SummaryState
from documents.models.task import Kind, Task, TaskState
from documents.models.version import Content, Version, kept
from documents.quotas import reserve
from documents.sources.uploads import clean_name, file_of_text, inspect

if TYPE_CHECKING:
    from documents.ingestion.metadata import EmbeddedMetadata
    from ragsite.accounts.models import User


# Cosine distance of two documents' means. With all-MiniLM-L6-v2, ten documents of unlike subjects were 0.64 to 1.1 from one
# another, two manuals of one subject 0.43, a scan and its original 0.15.
RELATED_WITHIN = 0.6
AT_ONCE = timedelta(seconds=2)  # between a content's row and the note that its address was looked at


class DuplicateContent(Exception):
    """The collection holds this very content already."""


class Document(models.Model):
    """A file, web page or text that someone added, and how far it has come on its way to being searchable."""

    class Source(models.TextChoices):
        FILE = "file", _("file")
        WEB = "web", _("web page")
        TEXT = "text", _("pasted text")

    collection = models.ForeignKey(
        Collection, verbose_name=_("collection"), on_delete=models.CASCADE, related_name="documents"
    )
    title = models.CharField(_("title"), max_length=255)
    source = models.CharField(_("source"), max_length=8, choices=Source, default=Source.FILE)
    url = models.URLField(_("address"), max_length=2000, blank=True)
    is_renamed = models.BooleanField(
        _("renamed"), default=False, help_text=_("A person gave it its title: no new content changes that.")
    )
    own_title = models.CharField(
        _("its own title"), max_length=300, blank=True, help_text=_("As the newest content calls itself.")
    )
    author = models.CharField(
        _("author"),
        max_length=300,
        blank=True,
        help_text=_("As the newest content says it; of a mail the sender."),
    )
    dated = models.DateField(
        _("dated"), null=True, blank=True, help_text=_("When it was written or sent, as it says itself.")
    )
    attached_to = models.ForeignKey(
        "self",
        verbose_name=_("attached to"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="attachments",
        help_text=_("The mail or PDF that it came with."),
    )
    sha256 = models.CharField(max_length=64, help_text=_("Of its newest content."))
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("added by"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="documents",
    )
    is_sample = models.BooleanField(_("sample"), default=False)

    state = models.CharField(_("state"), max_length=12, choices=State, default=State.WAITING, db_index=True)
    state_since = models.DateTimeField(_("since"), default=timezone.now)
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    failure_kind = models.CharField(_("kind of failure"), max_length=40, blank=True)
    failure = models.CharField(_("what happened"), max_length=500, blank=True)
    remedy = models.CharField(_("what to do"), max_length=500, blank=True)

    serving = models.ForeignKey(
        Version,
        verbose_name=_("version that answers"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    chunk_count = models.PositiveIntegerField(_("chunks in the live index"), default=0)
    embedding = HalfVectorField(
        null=True, editable=False, help_text=_("Mean of its chunks' vectors in the live index.")
    )
    summary = models.TextField(_("summary"), blank=True)
    summary_state = models.CharField(
        _("summary's state"), max_length=8, choices=SummaryState, blank=True, default=SummaryState.NONE
    )
    summary_model = models.CharField(_("summary written by"), max_length=200, blank=True)

    checked_at = models.DateTimeField(
        _("address last looked at"), null=True, blank=True, help_text=_("Of a web page.")
    )
    synced_from = models.CharField(
        _("synced from"), max_length=255, blank=True, help_text=_("The folder that `manage.py sync` follows.")
    )
    path = models.CharField(_("path in that folder"), max_length=1000, blank=True)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)
    ready_at = models.DateTimeField(_("ready since"), null=True, blank=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collection", "sha256"], name="one_document_a_content")
        ]
        indexes = [
            models.Index(
                fields=["collection", "synced_from"], condition=~models.Q(path=""), name="synced_documents"
            )
        ]
        ordering = ["-created_at", "-pk"]
        permissions = [("operate", "May see and replay everybody's work")]
        verbose_name = _("document")
        verbose_name_plural = _("documents")

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("documents:document", args=[self.pk])

    @property
    def is_moving(self) -> bool:
        """Something is still being done with it, or will be."""
        return self.state in MOVING

    @property
    def newest(self) -> Version | None:
        """Its newest content, ready or not."""
        return self.versions.order_by("-number").first()

    @property
    def task(self) -> Task | None:
        """What is still to be done to make it searchable in the live index. A list fetches the tasks of all its rows at once."""
        tasks = list(self.tasks.all())
        if fetching := self._unfinished_fetch(tasks):
            return fetching
        of_live = (task for task in tasks if task.index is None or task.index.state == IndexState.LIVE)
        indexing = next((task for task in of_live if task.kind == Kind.INDEX), None)
        if indexing and indexing.state == TaskState.OPEN:
            return indexing
        recognising = (task for task in tasks if task.kind == Kind.RECOGNISE)
        return next((task for task in recognising if task.state == TaskState.OPEN), indexing)

    @property
    def is_reading_pictures(self) -> bool:
        """The text in its scanned pages is being read, or will be."""
        return any(task.kind == Kind.RECOGNISE and task.state == TaskState.OPEN for task in self.tasks.all())

    @property
    def is_unread_scan(self) -> bool:
        """It failed because this site reads no text in pictures: no program is there, or it is switched off."""
        return self.failure_kind in ("no_text", "pictures_off") and self.state == State.FAILED

    @property
    def needs_password_for_pictures(self) -> bool:
        """Its scanned pages could not be looked at: the password that was given was used up by then, or wrong."""
        recognising = (task for task in self.tasks.all() if task.kind == Kind.RECOGNISE)
        return any(task.state == TaskState.FAILED and task.error_kind == "password" for task in recognising)

    @property
    def needs_fetching(self) -> bool:
        """Its address has not been looked at since someone asked for it."""
        return self._unfinished_fetch(self.tasks.all()) is not None

    def _unfinished_fetch(self, tasks: Iterable[Task]) -> Task | None:
        if self.source != self.Source.WEB:
            return None
        fetching = (task for task in tasks if task.kind == Kind.FETCH)
        return next((task for task in fetching if task.state != TaskState.DONE), None)

    @property
    def is_unchanged(self) -> bool:
        """Its address was looked at again since its newest content came, and showed the same."""
        newest = self.newest
        return bool(newest and self.checked_at and self.checked_at > newest.created_at + AT_ONCE)

    def add_version(self, content: Content) -> Version:
        """A new content. It takes the old one's place when it is ready; the old one answers until then.

        Call it in a transaction. Two who call it at once wait for each other here.
        """
        list(self.versions.select_for_update(no_key=True).order_by("number").only("pk"))
        number = (self.versions.aggregate(last=models.Max("number"))["last"] or 0) + 1
        return self.versions.create(
            number=number,
            file=content.stored_as,
            file_name=content.name,
            media_type=content.media_type,
            size=content.size,
            sha256=content.sha256,
            etag=content.etag,
            last_modified=content.last_modified,
        )

    def replace(self, upload: File, *, is_limited: bool = True) -> Version:
        """Give the document a new content, keeping its identity. Raises UnreadableFile, also where whoever added the document may
        keep no more; DuplicateContent if the collection has it."""
        name = clean_name(upload.name or "")
        media_type, sha256 = inspect(upload, name)
        self.refuse_if_known(sha256)
        with kept(upload) as stored_as, transaction.atomic():
            self.tasks.lock()  # as whoever deletes does first
            self.tasks.filter(kind=Kind.FETCH).delete()  # what its address holds is no longer asked for
            content = Content(stored_as, name, media_type, upload.size or 0, sha256)
            return self.take(content, is_limited=is_limited)

    def replace_text(self, text: str) -> Version:
        """As `replace`, for a text that was typed or pasted."""
        return self.replace(file_of_text(self.title, text))

    def refuse_if_known(self, sha256: str) -> None:
        """Raises DuplicateContent if its collection holds that content already."""
        if Document.objects.filter(collection=self.collection_id, sha256=sha256).exists():
            raise DuplicateContent

    def take(self, content: Content, *, is_limited: bool = True) -> Version:
        """The new content's rows, in one transaction that asks for its indexing too.

        Raises DuplicateContent, QuotaExceeded, and DoesNotExist where the document was deleted meanwhile.
        """
        try:
            with transaction.atomic():
                if is_limited:
                    reserve(self.uploaded_by_id, size=content.size)
                if not Document.objects.select_for_update(no_key=True).filter(pk=self.pk).exists():
                    raise Document.DoesNotExist  # deleted meanwhile
                version = self.add_version(content)
                self.tasks.filter(kind__in=[Kind.RECOGNISE, Kind.ATTACH]).cancel()  # of the former content
                self._update(sha256=content.sha256)
                self.move_to(State.WAITING)
        except IntegrityError:  # another document got the same content at the same moment
            raise DuplicateContent from None
        return version

    @property
    def can_keep_serving(self) -> bool:
        """Whether a new content came to nothing, and an earlier one answers that can be left in its place."""
        has_ended = self.state in (State.FAILED, State.CANCELLED)
        return bool(has_ended and self.serving and self.sha256 != self.serving.sha256)

    def keep_serving(self) -> bool:
        """Give up what came after the content that answers. False where another document has that content by now.

        Raises DoesNotExist where it was deleted meanwhile.
        """
        try:
            with transaction.atomic():
                Document.objects.filter(pk=self.pk).hold()
                self.refresh_from_db(fields=["state", "serving", "sha256"])
                if not self.can_keep_serving:  # read after all, or replaced once more
                    return False
                self.tasks.filter(kind__in=[Kind.FETCH, Kind.INDEX, Kind.RECOGNISE]).cancel()
                self.versions.filter(number__gt=self.serving.number).delete()  # type: ignore[union-attr]
                for index in Index.objects.wanted().exclude(
                    state="live"
                ):  # it may have held what is given up
                    Task.objects.ask_for(Kind.INDEX, self, index)
                self._update(sha256=self.serving.sha256)  # type: ignore[union-attr]
                self.move_to(State.READY)
        except IntegrityError:
            return False
        return True

    def index(self) -> None:
        """Fetch, read, chunk, embed and store it here and now, in the live index. Safe to run twice; a job does the same."""
        if self.needs_fetching:
            self.fetch(enqueue=False).run()
        if task := self.replay(enqueue=False):
            task.run()
        self.refresh_from_db()

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """At once, and with all that was written of it up to then: whoever writes is waited for."""
        with transaction.atomic():
            Document.objects.filter(pk=self.pk).hold()
            return super().delete(*args, **kwargs)

    def fetch(self, *, enqueue: bool = True) -> Task:
        """Have a worker look at its address: a changed page becomes a new content, an unchanged one is left alone."""
        with transaction.atomic():
            task = Task.objects.ask_for(Kind.FETCH, self, enqueue=enqueue)
            self.move_to(State.WAITING)
            return task

    def was_unchanged(self, version: Version) -> None:
        """Its address still shows what that version holds. What else was to be done with that content goes on."""
        self._update(checked_at=timezone.now())
        if self.serving_id == version.pk:
            self.move_to(State.READY)
        else:
            self._replay_indexing()

    def describe(self, about: EmbeddedMetadata) -> None:
        """Keep what its newest content says of itself. A web page and a mail are called so; a file keeps its name, until a
        person renames it."""
        self._update(own_title=about.title, author=about.author, dated=about.dated)
        newest = self.newest
        calls_itself = self.source == self.Source.WEB or bool(newest and newest.media_type == MAIL)
        if about.title and calls_itself and not self.is_renamed:
            self._update(title=about.title[:255])

    def rename(self, title: str) -> None:
        """Give it another title, which stays whatever its contents call themselves."""
        with transaction.atomic():
            self._update(title=title, is_renamed=True)
            self.collection.change_stamp()  # answers that are kept name its title

    def replay(self, *, enqueue: bool = True) -> Task | None:
        """Put its work on the queue again from the start of its tries. None where it has no content to work on."""
        if self.needs_fetching:
            return self.fetch(enqueue=enqueue)
        return self._replay_indexing(enqueue=enqueue) if self.versions.exists() else None

    def _replay_indexing(self, *, enqueue: bool = True) -> Task:
        with (
            transaction.atomic()
        ):  # the task's row first, as whoever works on it does: they must not block each other
            live = Index.objects.filter(state="live").first()  # none yet: the worker makes it
            task = Task.objects.ask_for(Kind.INDEX, self, live, enqueue=enqueue)
            Page.objects.filter(version__document=self).forget_vain_reading()
            self.move_to(State.WAITING)
            return task

    def read_pictures(self) -> None:
        """Have its scanned pages looked at again, without those that were read. What can be found stays so meanwhile."""
        with transaction.atomic():
            Task.objects.ask_for(Kind.RECOGNISE, self)
            Page.objects.filter(version__document=self).forget_vain_reading()

    def stop_reading_pictures(self) -> None:
        """What was read up to now is kept for the next time."""
        self.tasks.filter(kind=Kind.RECOGNISE).cancel()

    def cancel(self) -> None:
        """Stop what is being done. What could be found before can still be found."""
        with transaction.atomic():
            self.tasks.lock()
            self.tasks.filter(kind__in=[Kind.FETCH, Kind.INDEX, Kind.RECOGNISE]).cancel()
            self.move_to(State.CANCELLED)

    def move_to(self, state: State, *, done: int = 0, total: int = 0) -> None:
        """Say what is being done; forgets an earlier failure."""
        self._update(
            state=state, progress_done=done, progress_total=total, failure_kind="", failure="", remedy=""
        )

    def progress(self, done: int, total: int) -> None:
        self._update(progress_done=done, progress_total=total)

    def fail(self, kind: str, failure: str, remedy: str) -> None:
        """For good: another try would fail the same way."""
        self._update(
            state=State.FAILED, failure_kind=kind, failure=str(failure)[:500], remedy=str(remedy)[:500]
        )

    def wait_after(self, kind: str, failure: str) -> None:
        """A try went wrong in passing; `task.next_try_at` says when the next one is due."""
        self._update(state=State.WAITING, failure_kind=kind, failure=str(failure)[:500], remedy="")

    def related(self, user: User, count: int = 5) -> models.QuerySet[Document]:
        """The documents most like this one by meaning, of those the user may read; none that is about something else."""
        if self.embedding is None:
            return Document.objects.none()
        others = (
            Document.objects.visible_to(user).askable().filter(embedding__isnull=False).exclude(pk=self.pk)
        )
        near = others.annotate(distance=CosineDistance("embedding", self.embedding))
        return near.filter(distance__lt=RELATED_WITHIN).order_by("distance").defer("embedding")[:count]

    def _update(self, **values: object) -> None:
        """Straight to the row, so that two processes never write back each other's stale fields; sends no signal."""
        if "state" in values and values["state"] != self.state:
            values["state_since"] = timezone.now()
        for name, value in values.items():
            setattr(self, name, value)
        type(self).objects.filter(pk=self.pk).update(**values)
