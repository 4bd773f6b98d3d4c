from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from django.core.exceptions import ObjectDoesNotExist
from django.core.files import File
from django.db import IntegrityError, models, transaction
from pgvector.django import CosineDistance

from documents.models.collection import Collection, editable_by, readable_by
from documents.models.states import MOVING, State
from documents.models.task import Task
from documents.models.version import Content, Version, stored
from documents.quotas import reserve
from documents.sources.uploads import clean_name, file_of_text, inspect, title_of, title_of_address

if TYPE_CHECKING:
    from documents.models.document.document import Document
    from ragsite.accounts.models import User

# Cosine distance of two documents' mean vectors. Measured with all-MiniLM-L6-v2: ten documents on different subjects 0.64 to
# 1.1, two manuals on one subject 0.43, a scan and its original 0.15.
RELATED_WITHIN = 0.6

ASKABLE = models.Q(serving__isnull=False, chunk_count__gt=0)


class DocumentQuerySet(models.QuerySet["Document"]):
    def visible_to(self, user: User, *, operating: bool = False) -> Self:
        """The documents that the user may read. Every access to a document goes through this."""
        if operating:
            return self.filter(collection__in=Collection.objects.visible_to(user, operating=True))
        return self.filter(collection__in=readable_by(user))

    def editable_by(self, user: User) -> Self:
        return self.filter(collection__in=editable_by(user))

    def with_can_edit(self, user: User) -> Self:
        """Annotate `can_edit`: whether the user may change the document."""
        return self.annotate(can_edit=models.Q(collection__in=editable_by(user)))

    def ready(self) -> Self:
        return self.filter(state=State.READY)

    def failed(self) -> Self:
        return self.filter(state=State.FAILED)

    def moving(self) -> Self:
        return self.filter(state__in=MOVING)

    def askable(self) -> Self:
        """Documents with a searchable version, whatever their state."""
        return self.filter(ASKABLE)

    def related_to(self, document: Document) -> Self:
        """The documents most similar to this one, within RELATED_WITHIN, the most similar first."""
        if document.embedding is None:
            return self.none()
        others = self.askable().filter(embedding__isnull=False).exclude(pk=document.pk)
        near = others.annotate(distance=CosineDistance("embedding", document.embedding))
        return near.filter(distance__lt=RELATED_WITHIN).order_by("distance").defer("embedding")

    def with_tasks(self) -> Self:
        """Prefetch the tasks of each."""
        return self.prefetch_related(tasks_of_documents())

    def web_pages(self) -> Self:
        return self.filter(source=self.model.Source.WEB)

    def add_file(
        self,
        collection: Collection,
        upload: File,
        *,
        user: User | None,
        is_limited: bool = True,
        **fields: Any,
    ) -> tuple[Document, bool]:
        """Store an upload as a new document, and enqueue its indexing after the commit. `fields` are the document's.

        Returns the document and whether it is new: a collection has each content once. Raises UnreadableFile for an
        unsupported file and, if `is_limited`, for one that exceeds the user's storage quota; nothing is stored then.
        """
        name = clean_name(upload.name or "")
        media_type, sha256 = inspect(upload, name)
        if known := self.filter(collection=collection, sha256=sha256).first():
            return known, False
        fields = {"title": title_of(name), **fields}
        try:
            with stored(upload) as stored_as, transaction.atomic():
                if is_limited and user:
                    reserve(user.pk, documents=1, size=upload.size or 0)
                document = self.create(collection=collection, sha256=sha256, uploaded_by=user, **fields)
                Version.objects.add(document, Content(stored_as, name, media_type, upload.size or 0, sha256))
        except IntegrityError:  # a concurrent request stored the same file
            return self.get(collection=collection, sha256=sha256), False
        return document, True

    def add_text(
        self, collection: Collection, title: str, text: str, *, user: User | None
    ) -> tuple[Document, bool]:
        """As `add_file`, for a pasted text."""
        upload = file_of_text(title, text)
        return self.add_file(collection, upload, user=user, title=title, source=self.model.Source.TEXT)

    def add_page(
        self, collection: Collection, url: str, *, user: User | None, is_limited: bool = True
    ) -> tuple[Document, bool]:
        """Create a document for a web page and have a worker fetch it after the commit. A collection has each address once.

        Raises QuotaExceeded.
        """
        pages = self.filter(collection=collection, source=self.model.Source.WEB, url=url)
        if known := pages.first():
            return known, False
        # Until the page is fetched, a hash of its address makes concurrent requests for it collide.
        sha256 = hashlib.sha256(f"address {url}".encode()).hexdigest()
        try:
            with transaction.atomic():
                if is_limited and user:
                    reserve(user.pk, documents=1)
                document = self.create(
                    collection=collection,
                    title=title_of_address(url),
                    source=self.model.Source.WEB,
                    url=url,
                    sha256=sha256,
                    uploaded_by=user,
                )
                document.fetch()
        except IntegrityError:
            return pages.get(), False
        return document, True

    def lock_for_delete(self) -> None:
        """Lock these documents with their tasks and versions until the transaction ends.

        Waits for transactions that insert rows referring to them; later ones wait for this transaction, and then fail.
        """
        pks = list(self.values_list("pk", flat=True))
        Task.objects.filter(document__in=pks).lock()
        for rows in (self.model.objects.filter(pk__in=pks), Version.objects.filter(document__in=pks)):
            list(rows.select_for_update().order_by("pk").values_list("pk"))

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete them with everything derived from them. Waits for concurrent runs that save results."""
        with transaction.atomic():
            self.lock_for_delete()
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]  # as Django's own
    delete.queryset_only = True  # type: ignore[attr-defined]

    def replay(self) -> int:
        """Start the work of each over; return how many. Skips documents that are deleted during the call."""
        tasks = [task.pk for document in self if (task := unless_deleted(document.get_or_add_task))]
        return Task.objects.filter(pk__in=tasks).replay()

    def fetch(self) -> int:
        """Have each web page fetched; return how many. Skips documents that are deleted during the call."""
        return sum(unless_deleted(document.fetch) is not None for document in self)

    def move_into(self, collection: Collection) -> int:
        """Put each in that collection, with whose members it is then shared; return how many.

        Skips what a folder keeps in its place, and contents that the collection has.
        """
        return sum(
            _moved(document, collection) for document in self.filter(path="").exclude(collection=collection)
        )

    def cancel(self) -> int:
        """Cancel the work of each that is being processed or waits for that; return how many."""
        moving = list(self.moving())
        for document in moving:
            document.cancel()
        return len(moving)


def _moved(document: Document, collection: Collection) -> bool:
    before = document.collection
    try:
        with transaction.atomic():
            document._update(collection=collection)
            for changed in (before, collection):
                changed.change_stamp()
    except IntegrityError:
        return False
    return True


def tasks_of_documents() -> models.Prefetch:
    """What `Document.task` and its siblings need."""
    return models.Prefetch("tasks", Task.objects.select_related("index"))


def unless_deleted(start: Callable[[], Task | None]) -> Task | None:
    """The task that `start` returns. None if the document was deleted."""
    try:
        return start()
    except ObjectDoesNotExist:
        return None
