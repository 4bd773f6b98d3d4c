from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, NamedTuple, Self

from django.core.files import File
from django.core.files.storage import Storage
from django.db import models
from django.utils.translation import gettext_lazy as _

from documents.extraction import UnreadableFile
from documents.ingestion.document_text import PageText, join_pages
from documents.models.collection import Collection
from documents.page_report import PageReport, report_of
from ragsite.disk import FULL, NOT_WRITABLE, StorageError

if TYPE_CHECKING:
    from ragsite.accounts.models import User


logger = logging.getLogger("ragsite.files")


def random_name(version: Version | None = None, file_name: str = "") -> str:
    """Where an upload is stored: a name of ours, since the person's own may hold anything."""
    name = uuid.uuid4().hex
    return f"{name[:2]}/{name}"


class Content(NamedTuple):
    """A file that was looked through and stands in the storage. `etag` and `last_modified` are what its site said of it."""

    stored_as: str
    name: str
    media_type: str
    size: int
    sha256: str
    etag: str = ""
    last_modified: str = ""


@contextmanager
def kept(upload: File) -> Iterator[str]:
    """The upload in the storage, under a name of ours; taken out again if the block fails.

    Around a transaction, never inside one: the storage may be far away, and no lock should wait for it.
    """
    storage = Version._meta.get_field("file").storage
    name = random_name()
    try:
        name = store(storage, name, upload)
        yield name
    except BaseException:
        with suppress(OSError):  # why it failed is the more important word
            storage.delete(name)
        raise


def store(storage: Storage, name: str, upload: File) -> str:
    """Under which name the storage keeps it. Raises StorageError for a disk that is full or cannot be written."""
    try:
        return storage.save(name, upload)
    except OSError as error:
        logger.error("file not stored: %s (%s bytes)", error.strerror or type(error).__name__, upload.size)
        if error.errno not in (*FULL, *NOT_WRITABLE):
            raise
        raise StorageError(error.errno, error.strerror) from error


class VersionQuerySet(models.QuerySet["Version"]):
    def visible_to(self, user: User, *, operating: bool = False) -> Self:
        collections = Collection.objects.visible_to(user, operating=operating)
        return self.filter(document__collection__in=collections)


class Version(models.Model):
    """One content of a document. A new one takes the old one's place when it is ready; until then the old one answers."""

    document = models.ForeignKey("documents.Document", on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("number"), default=1)
    file = models.FileField(_("file"), upload_to=random_name, max_length=200)
    file_name = models.CharField(
        _("file name"), max_length=255, help_text=_("As the person called it. Text, never a path.")
    )
    media_type = models.CharField(_("kind of file"), max_length=100)
    size = models.PositiveBigIntegerField(_("size in bytes"))
    sha256 = models.CharField(max_length=64, db_index=True)
    etag = models.CharField(max_length=300, blank=True, help_text=_("What its site calls this very content."))
    last_modified = models.CharField(max_length=100, blank=True, help_text=_("As its site said it."))
    page_count = models.PositiveIntegerField(_("pages"), null=True, blank=True)
    is_partial = models.BooleanField(_("some pages could not be read"), default=False)
    metadata = models.JSONField(default=dict, blank=True)
    report = models.JSONField(
        _("page report"),
        default=dict,
        blank=True,
        help_text=_("How many pages can be read, and which have which problem."),
    )
    extracted_at = models.DateTimeField(
        _("text taken out"),
        null=True,
        blank=True,
        help_text=_("Its pages are stored; no index needs the file again."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = VersionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["document", "number"], name="one_version_a_number")]
        ordering = ["document", "-number"]
        verbose_name = _("version")
        verbose_name_plural = _("versions")

    def __str__(self) -> str:
        return f"{self.file_name} ({self.number})"

    @property
    def text(self) -> str:
        """The document's text, its pages joined. Chunks and citations count characters in it."""
        pages = self.pages.order_by("number").values_list("number", "text", "start")
        return join_pages(PageText(*page) for page in pages)

    @property
    def written_text(self) -> str:
        """A pasted text as it was pasted. What is read of it differs: tables name their columns in each row."""
        try:
            with self.file.open("rb") as file:
                return file.read().decode()
        except (OSError, ValueError):  # the storage has it no more
            return self.text

    @property
    def page_report(self) -> PageReport:
        """How well its pages could be read."""
        # Versions that were read before reports were kept have none.
        stored = self.report or report_of(self.pages.defer("text", "runs", "headings"), self.page_count or 0)
        return PageReport.stored(stored)

    @property
    def has_pictures(self) -> bool:
        """Whether its pages can be shown as they were printed."""
        return self.media_type == "application/pdf"

    @contextmanager
    def local_path(self) -> Iterator[Path]:
        """The file as a path on this machine, fetched for the while where the storage is elsewhere. UnreadableFile if it is gone."""
        try:
            path = Path(self.file.path)
        except NotImplementedError:  # the storage has no paths
            path = None
        if path:
            if not path.exists():
                raise UnreadableFile("missing")
            yield path
            return
        with NamedTemporaryFile(prefix="ragsite-") as copy, self.file.open() as source:
            for piece in source.chunks():
                copy.write(piece)
            copy.flush()
            yield Path(copy.name)
