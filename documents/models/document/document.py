from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.indexes import GinIndex
from django.core.files import File
from django.db import IntegrityError, models, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField

from documents.extraction.registry import MAIL
from documents.models.collection import Collection
from documents.models.document.origin import OriginMixin
from documents.models.document.progress import STATUS, ProgressMixin
from documents.models.document.queryset import DocumentQuerySet
from documents.models.document.tags import TagsMixin
from documents.models.document.tasks import DocumentTasks
from documents.models.index import Index, IndexState
from documents.models.page import Page
from documents.models.states import State, SummaryState
from documents.models.task import Kind, Task
from documents.models.version import Content, Version, stored
from documents.quotas import reserve
from documents.sources.uploads import clean_name, file_of_text, inspect

if TYPE_CHECKING:
    from documents.sources.metadata import EmbeddedMetadata


CHECK_SLACK = timedelta(seconds=2)  # between creating a version and storing `checked_at`


class DuplicateContent(Exception):
    """The collection already has a document with this content."""


class Document(OriginMixin, ProgressMixin, TagsMixin):
    """A file, web page or text that a person added, and its progress towards being searchable."""

    collection = models.ForeignKey(
        Collection, verbose_name=_("collection"), on_delete=models.CASCADE, related_name="documents"
    )
    title = models.CharField(_("title"), max_length=255)
    is_renamed = models.BooleanField(
        _("renamed"), default=False, help_text=_("A person set the title: new versions do not change it.")
    )
    own_title = models.CharField(
        _("embedded title"), max_length=300, blank=True, help_text=_("From the newest version's metadata.")
    )
    author = models.CharField(
        _("author"),
        max_length=300,
        blank=True,
        help_text=_("From the newest version's metadata; the sender of an email."),
    )
    dated = models.DateField(
        _("date"), null=True, blank=True, help_text=_("When it was written or sent, from its metadata.")
    )
    sha256 = models.CharField(max_length=64, help_text=_("Of its newest version."))
    serving = models.ForeignKey(
        Version,
        verbose_name=_("served version"),
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
        _("summary state"), max_length=8, choices=SummaryState, blank=True, default=SummaryState.NONE
    )
    summary_model = models.CharField(_("summary written by"), max_length=200, blank=True)

    ready_at = models.DateTimeField(_("ready since"), null=True, blank=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collection", "sha256"], name="unique_content_per_collection")
        ]
        indexes = [
            models.Index(
                fields=["collection", "synced_from"], condition=~models.Q(path=""), name="synced_documents"
            ),
            # Every search lists the served versions of a scope; their rows, with vectors and summaries, are wide.
            models.Index(
                fields=["collection"],
                include=["serving"],
                condition=models.Q(serving__isnull=False, chunk_count__gt=0),
                name="askable_documents",
            ),
            GinIndex(fields=["tags"], name="tags_of_documents"),
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
    def newest(self) -> Version | None:
        """Its newest version, ready or not."""
        return self.versions.order_by("-number").first()

    @property
    def task(self) -> Task | None:
        """The task whose progress and failure its row shows. `with_tasks` prefetches for lists."""
        return DocumentTasks(self.tasks.all()).shown

    @property
    def needs_fetching(self) -> bool:
        """Whether its web page is still to be fetched."""
        return self.source == self.Source.WEB and bool(DocumentTasks(self.tasks.all()).unfinished_fetch)

    @property
    def is_ocr_running(self) -> bool:
        """Whether OCR of its scanned pages is running or queued."""
        return DocumentTasks(self.tasks.all()).open_ocr is not None

    @property
    def needs_password_for_ocr(self) -> bool:
        """Whether OCR failed for want of a password: the one entered was wrong, or no longer stored."""
        return DocumentTasks(self.tasks.all()).needs_password_for_ocr

    @property
    def is_unchanged(self) -> bool:
        """Whether the last fetch of its web page found no change."""
        newest = self.newest
        return bool(newest and self.checked_at and self.checked_at > newest.created_at + CHECK_SLACK)

    def replace(self, upload: File, *, is_limited: bool = True) -> Version:
        """Store a new version of the document.

        Raises UnreadableFile, also if it exceeds the storage quota of the document's owner, and DuplicateContent if the
        collection has that content.
        """
        name = clean_name(upload.name or "")
        media_type, sha256 = inspect(upload, name)
        self.check_not_duplicate(sha256)
        with stored(upload) as stored_as, transaction.atomic():
            self.tasks.lock()  # first, as deleting does: no deadlock
            self.tasks.filter(kind=Kind.FETCH).delete()  # the file replaces the web page
            content = Content(stored_as, name, media_type, upload.size or 0, sha256)
            return self.store_version(content, is_limited=is_limited)

    def replace_text(self, text: str) -> Version:
        """As `replace`, for a pasted text."""
        return self.replace(file_of_text(self.title, text))

    def check_not_duplicate(self, sha256: str) -> None:
        """Raise DuplicateContent if its collection has a document with that content."""
        if Document.objects.filter(collection=self.collection_id, sha256=sha256).exists():
            raise DuplicateContent

    def store_version(self, content: Content, *, is_limited: bool = True) -> Version:
        """Create the version of a stored file and its indexing task in one transaction.

        Raises DuplicateContent, QuotaExceeded, and DoesNotExist if the document was deleted.
        """
        try:
            with transaction.atomic():
                if is_limited:
                    reserve(self.uploaded_by_id, size=content.size)
                if not Document.objects.select_for_update(no_key=True).filter(pk=self.pk).exists():
                    raise Document.DoesNotExist
                version = Version.objects.add(self, content)
                self.tasks.filter(kind__in=[Kind.OCR, Kind.ATTACH]).cancel()  # of the previous version
                self._update(sha256=content.sha256)
                self.move_to(State.WAITING)
        except IntegrityError:  # a concurrent transaction stored the same content
            raise DuplicateContent from None
        return version

    @property
    def can_discard_failed_version(self) -> bool:
        """Whether the newest version failed or was cancelled while an earlier one is still served."""
        has_ended = self.state in (State.FAILED, State.CANCELLED)
        return bool(has_ended and self.serving and self.sha256 != self.serving.sha256)

    def discard_failed_version(self) -> bool:
        """Delete the versions after the served one. False if that is not possible (any more), or another document has its content.

        Raises DoesNotExist if the document was deleted.
        """
        try:
            with transaction.atomic():
                Document.objects.filter(pk=self.pk).lock_for_delete()
                self.refresh_from_db(fields=["state", "serving", "sha256"])
                if not self.can_discard_failed_version:
                    return False
                self.tasks.filter(kind__in=[Kind.FETCH, Kind.INDEX, Kind.OCR]).cancel()
                self.versions.filter(number__gt=self.serving.number).delete()  # type: ignore[union-attr]
                # The indexes being built may contain a deleted version.
                for index in Index.objects.wanted().exclude(state=IndexState.LIVE):
                    Task.objects.request(Kind.INDEX, self, index)
                self._update(sha256=self.serving.sha256)  # type: ignore[union-attr]
                self.move_to(State.READY)
        except IntegrityError:
            return False
        return True

    def index(self) -> None:
        """Fetch, extract, split, embed and store it in this process, in the live index. Safe to run twice; a job does the same."""
        if self.needs_fetching:
            self.fetch(enqueue=False).run()
        if task := self.replay(enqueue=False):
            task.run()
        self.refresh_from_db()

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete it with everything derived from it. Waits for concurrent runs that save results."""
        with transaction.atomic():
            Document.objects.filter(pk=self.pk).lock_for_delete()
            return super().delete(*args, **kwargs)

    def fetch(self, *, enqueue: bool = True) -> Task:
        """Have a worker fetch its web page. A changed page becomes a new version."""
        with transaction.atomic():
            task = Task.objects.request(Kind.FETCH, self, enqueue=enqueue)
            self.move_to(State.WAITING)
            return task

    def mark_unchanged(self, version: Version) -> None:
        """Record that the web page still has the content of that version; resume indexing if it is not served yet."""
        self._update(checked_at=timezone.now())
        if self.serving_id == version.pk:
            self.move_to(State.READY)
        else:
            self.replay()

    def describe(self, about: EmbeddedMetadata) -> None:
        """Store the newest version's metadata. Its title becomes the document's for web pages and emails, unless a person
        renamed the document."""
        self._update(own_title=about.title, author=about.author, dated=about.dated)
        newest = self.newest
        uses_own_title = self.source == self.Source.WEB or bool(newest and newest.media_type == MAIL)
        if about.title and uses_own_title and not self.is_renamed:
            self._update(title=about.title[:255])

    def rename(self, title: str) -> None:
        """Set the title for good: the metadata of new versions no longer changes it."""
        with transaction.atomic():
            self._update(title=title, is_renamed=True)
            self.collection.change_stamp()  # cached answers contain its title

    def replay(self, *, enqueue: bool = True) -> Task | None:
        """Start its work over and enqueue it. None if it has no version to work on.

        Raises DoesNotExist if it was deleted.
        """
        with transaction.atomic():
            if task := self.get_or_add_task():
                Task.objects.filter(pk=task.pk).replay(enqueue=enqueue)
                task.refresh_from_db()
                self.refresh_from_db(fields=STATUS)
            return task

    def get_or_add_task(self) -> Task | None:
        """The task that fetches its web page or makes it searchable in the live index. None if it has no version to work on.

        Raises DoesNotExist if it was deleted.
        """
        if self.needs_fetching:
            return Task.objects.get_or_add(Kind.FETCH, self)[0]
        live = Index.objects.filter(state=IndexState.LIVE).first()  # None: the worker creates it
        return Task.objects.get_or_add(Kind.INDEX, self, live)[0] if self.versions.exists() else None

    def start_ocr(self) -> None:
        """Have OCR run on its scanned pages that have no text yet. The document stays searchable."""
        with transaction.atomic():
            Task.objects.request(Kind.OCR, self)
            Page.objects.filter(version__document=self).clear_failed_ocr()

    def stop_ocr(self) -> None:
        """Cancel OCR. The text recognized so far is kept for the next run."""
        self.tasks.filter(kind=Kind.OCR).cancel()

    def cancel(self) -> None:
        """Cancel its work. What was searchable before stays searchable."""
        with transaction.atomic():
            self.tasks.lock()
            self.tasks.filter(kind__in=[Kind.FETCH, Kind.INDEX, Kind.OCR]).cancel()
            self.move_to(State.CANCELLED)
