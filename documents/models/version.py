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
from documents.models.collection import Collection
from documents.page_report import PageReport, report_of
from documents.structure.document_text import PageText, join_pages
from ragsite.disk import FULL, NOT_WRITABLE, StorageError

if TYPE_CHECKING:
    from documents.models.document import Document
    from ragsite.accounts.models import User


logger = logging.getLogger("ragsite.files")


def random_name(version: Version | None = None, file_name: str = "") -> str:
    """A random name in the storage: the uploaded name is untrusted."""
    name = uuid.uuid4().hex
    return f"{name[:2]}/{name}"


class Content(NamedTuple):
    """A checked file in the storage. `etag` and `last_modified` are the headers of the web page."""

    stored_as: str
    name: str
    media_type: str
    size: int
    sha256: str
    etag: str = ""
    last_modified: str = ""


@contextmanager
def stored(upload: File) -> Iterator[str]:
    """Store the upload under a random name; delete it again if the block fails.

    Use it around a transaction, not inside: a remote storage is slow, and no lock should be held for that long.
    """
    storage = Version._meta.get_field("file").storage
    name = random_name()
    try:
        name = save_file(storage, name, upload)
        yield name
    except BaseException:
        with suppress(OSError):  # keep the original error
            storage.delete(name)
        raise


def save_file(storage: Storage, name: str, upload: File) -> str:
    """Save the file and return its final name. Raises StorageError for a full or read-only disk."""
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

    def add(self, document: Document, content: Content) -> Version:
        """Create the document's next version. The served version answers until the new one is ready.

        Call it in a transaction. Locks the existing versions, so that concurrent calls get different numbers.
        """
        versions = self.filter(document=document)
        list(versions.select_for_update(no_key=True).order_by("number").only("pk"))
        number = (versions.aggregate(last=models.Max("number"))["last"] or 0) + 1
        return self.create(
            document=document,
            number=number,
            file=content.stored_as,
            file_name=content.name,
            media_type=content.media_type,
            size=content.size,
            sha256=content.sha256,
            etag=content.etag,
            last_modified=content.last_modified,
        )


class Version(models.Model):
    """One content of a document. A new version is served once it is ready; until then the previous one is."""

    document = models.ForeignKey("documents.Document", on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("number"), default=1)
    file = models.FileField(_("file"), upload_to=random_name, max_length=200)
    file_name = models.CharField(
        _("file name"), max_length=255, help_text=_("As uploaded. Text, never a path.")
    )
    media_type = models.CharField(_("media type"), max_length=100)
    size = models.PositiveBigIntegerField(_("size in bytes"))
    sha256 = models.CharField(max_length=64, db_index=True)
    etag = models.CharField(max_length=300, blank=True, help_text=_("The ETag header of the web page."))
    last_modified = models.CharField(
        max_length=100, blank=True, help_text=_("The Last-Modified header of the web page.")
    )
    page_count = models.PositiveIntegerField(_("pages"), null=True, blank=True)
    is_partial = models.BooleanField(_("some pages could not be read"), default=False)
    metadata = models.JSONField(default=dict, blank=True)
    report = models.JSONField(
        _("page report"),
        default=dict,
        blank=True,
        help_text=_("How many pages are readable, and which have which problem."),
    )
    extracted_at = models.DateTimeField(
        _("extracted at"),
        null=True,
        blank=True,
        help_text=_("When its pages were stored; indexing no longer needs the file."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = VersionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["document", "number"], name="unique_version_number")]
        ordering = ["document", "-number"]
        verbose_name = _("version")
        verbose_name_plural = _("versions")

    def __str__(self) -> str:
        return f"{self.file_name} ({self.number})"

    @property
    def text(self) -> str:
        """The document's text: its pages, joined. The offsets of chunks and citations refer to it."""
        pages = self.pages.order_by("number").values_list("number", "text", "start")
        return join_pages(PageText(*page) for page in pages)

    @property
    def pasted_text(self) -> str:
        """A pasted text in its original form. Its extracted text differs: table rows repeat the column names."""
        try:
            with self.file.open("rb") as file:
                return file.read().decode()
        except (OSError, ValueError):  # missing in the storage
            return self.text

    @property
    def page_report(self) -> PageReport:
        """How readable its pages are."""
        # Versions extracted by releases without reports have none.
        stored = self.report or report_of(self.pages.defer("text", "runs", "headings"), self.page_count or 0)
        return PageReport.stored(stored)

    @property
    def has_page_images(self) -> bool:
        """Whether its pages can be shown as images."""
        return self.media_type == "application/pdf"

    @contextmanager
    def local_path(self) -> Iterator[Path]:
        """A local path of the file; a temporary copy if the storage is remote. Raises UnreadableFile if the file is missing."""
        try:
            path = Path(self.file.path)
        except NotImplementedError:  # a remote storage
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
