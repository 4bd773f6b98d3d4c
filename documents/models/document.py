from __future__ import annotations

import hashlib
import unicodedata
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Self, cast

from django.conf import settings
from django.core.files import File
from django.db import IntegrityError, models, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from pgvector.django import CosineDistance, HalfVectorField

from documents.extraction import sniff
from documents.models.collection import Collection
from documents.models.index import Index
from documents.models.task import Kind, Task
from documents.models.version import Version

if TYPE_CHECKING:
    from ragsite.accounts.models import User


class State(models.TextChoices):
    """What is being done with a document. What can be found in it is another matter, see `Chunk.objects.searchable`."""

    WAITING = "waiting", _("waiting")
    EXTRACTING = "extracting", _("reading")
    EMBEDDING = "embedding", _("almost ready")
    READY = "ready", _("ready")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


class SummaryState(models.TextChoices):
    NONE = "", _("none")
    WAITING = "waiting", _("being written")
    READY = "ready", _("ready")
    FAILED = "failed", _("failed")


class DuplicateContent(Exception):
    """The collection holds this very content already."""


MOVING = [State.WAITING, State.EXTRACTING, State.EMBEDDING]


class DocumentQuerySet(models.QuerySet["Document"]):
    def visible_to(self, user: User, *, operating: bool = False) -> Self:
        """The only way to a document: what the user may read."""
        return self.filter(collection__in=Collection.objects.visible_to(user, operating=operating))

    def editable_by(self, user: User) -> Self:
        return self.filter(collection__in=Collection.objects.editable_by(user))

    def ready(self) -> Self:
        return self.filter(state=State.READY)

    def failed(self) -> Self:
        return self.filter(state=State.FAILED)

    def moving(self) -> Self:
        return self.filter(state__in=MOVING)

    def askable(self) -> Self:
        """Those in which something can be found now, whatever else is being done with them."""
        return self.filter(serving__isnull=False, chunk_count__gt=0)

    def add_file(
        self, collection: Collection, upload: File, *, user: User | None, is_sample: bool = False
    ) -> tuple[Document, bool]:
        """Store an upload as a new document, and have it made searchable after the commit.

        Returns the document and whether it is new: the same content is kept once in a collection.
        Raises UnreadableFile for a kind of file that cannot be read; nothing is stored then.
        """
        name = clean_name(upload.name or "")
        media_type, sha256 = inspect(upload, name)
        if known := self.filter(collection=collection, sha256=sha256).first():
            return known, False
        try:
            with transaction.atomic():
                document = self.create(
                    collection=collection,
                    title=title_of(name),
                    sha256=sha256,
                    uploaded_by=user,
                    is_sample=is_sample,
                )
                document.add_version(upload, name=name, media_type=media_type, sha256=sha256)
        except IntegrityError:  # the same file came twice at once
            return self.get(collection=collection, sha256=sha256), False
        return document, True

    def replay(self) -> int:
        """Put each one's work on the queue again; returns how many."""
        return sum(document.replay() is not None for document in self)


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

    created_at = models.DateTimeField(_("added"), auto_now_add=True)
    ready_at = models.DateTimeField(_("ready since"), null=True, blank=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collection", "sha256"], name="one_document_a_content")
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
        """What is still to be done to make it searchable in the live index."""
        of_live = models.Q(index__state="live") | models.Q(index=None)
        return self.tasks.filter(of_live, kind=Kind.INDEX).first()

    def add_version(self, upload: File, *, name: str, media_type: str, sha256: str) -> Version:
        """A new content. It takes the old one's place when it is ready; the old one answers until then."""
        number = (self.versions.aggregate(last=models.Max("number"))["last"] or 0) + 1
        version = Version(
            document=self,
            number=number,
            file_name=name,
            media_type=media_type,
            size=upload.size or 0,
            sha256=sha256,
        )
        version.file.save(name, upload, save=False)  # under a random name, see Version
        try:
            with transaction.atomic():
                version.save()
        except BaseException:
            version.file.storage.delete(str(version.file.name))
            raise
        return version

    def replace(self, upload: File) -> Version:
        """Give the document a new content, keeping its identity. Raises UnreadableFile; DuplicateContent if the collection has it."""
        name = clean_name(upload.name or "")
        media_type, sha256 = inspect(upload, name)
        if Document.objects.filter(collection=self.collection_id, sha256=sha256).exists():
            raise DuplicateContent
        with transaction.atomic():
            version = self.add_version(upload, name=name, media_type=media_type, sha256=sha256)
            self._update(sha256=sha256)
            self.move_to(State.WAITING)
            return version

    def index(self) -> None:
        """Read, chunk, embed and store it here and now, in the live index. Safe to run twice; a job does the same."""
        from documents.tries import run  # work knows the models, not the other way round

        if task := self.replay(enqueue=False):
            run(task)
        self.refresh_from_db()

    def replay(self, *, enqueue: bool = True) -> Task | None:
        """Put its work on the queue again from the start of its tries. None where it has no content to work on."""
        if not self.versions.exists():
            return None
        with (
            transaction.atomic()
        ):  # the task's row first, as whoever works on it does: they must not block each other
            live = Index.objects.filter(state="live").first()  # none yet: the worker makes it
            task = Task.objects.ask_for(Kind.INDEX, self, live, enqueue=enqueue)
            self.move_to(State.WAITING)
            return task

    def cancel(self) -> None:
        """Stop what is being done. What could be found before can still be found."""
        with transaction.atomic():
            self.tasks.filter(kind=Kind.INDEX).cancel()
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
        """The documents most like this one by meaning, of those the user may read."""
        if self.embedding is None:
            return Document.objects.none()
        others = (
            Document.objects.visible_to(user).askable().filter(embedding__isnull=False).exclude(pk=self.pk)
        )
        return others.order_by(CosineDistance("embedding", self.embedding)).defer("embedding")[:count]

    def _update(self, **values: object) -> None:
        """Straight to the row, so that two processes never write back each other's stale fields; sends no signal."""
        if "state" in values and values["state"] != self.state:
            values["state_since"] = timezone.now()
        for name, value in values.items():
            setattr(self, name, value)
        type(self).objects.filter(pk=self.pk).update(**values)


def inspect(upload: File, name: str) -> tuple[str, str]:
    """Media type and sha256 of a file, leaving it at its start. Raises UnreadableFile for what cannot be read here."""
    media_type = sniff(cast("IO[bytes]", upload), name)
    digest = hashlib.sha256()
    for piece in upload.chunks():
        digest.update(piece)
    upload.seek(0)
    return media_type, digest.hexdigest()


def clean_name(name: str) -> str:
    """A file's name as a person may see it: no folders, no control characters, none that turn the writing direction."""
    visible = "".join(
        letter for letter in name if unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    return PurePosixPath(visible.replace("\\", "/")).name.strip()[:255] or "file"


def title_of(name: str) -> str:
    """A readable title from a file's name: without its ending, with spaces."""
    return PurePosixPath(name).stem.replace("_", " ").strip() or name
