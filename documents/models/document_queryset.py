from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from django.core.exceptions import ObjectDoesNotExist
from django.core.files import File
from django.db import IntegrityError, models, transaction

from documents.models.collection import Collection
from documents.models.states import MOVING, State
from documents.models.task import Task
from documents.models.version import Content, Version, kept
from documents.quotas import reserve
from documents.sources.uploads import clean_name, file_of_text, inspect, title_of, title_of_address

if TYPE_CHECKING:
    from documents.models.document import Document
    from ragsite.accounts.models import User


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

    def with_tasks(self) -> Self:
        """Each with its tasks, fetched at once: what a row says of them costs no query of its own."""
        return self.prefetch_related(models.Prefetch("tasks", Task.objects.select_related("index")))

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
        """Store an upload as a new document, and have it made searchable after the commit. `fields` are the document's.

        Returns the document and whether it is new: the same content is kept once in a collection. Raises UnreadableFile for a
        kind of file that cannot be read, and for what one person may not keep besides, if `is_limited`; nothing is stored then.
        """
        name = clean_name(upload.name or "")
        media_type, sha256 = inspect(upload, name)
        if known := self.filter(collection=collection, sha256=sha256).first():
            return known, False
        fields = {"title": title_of(name), **fields}
        try:
            with kept(upload) as stored_as, transaction.atomic():
                if is_limited and user:
                    reserve(user.pk, documents=1, size=upload.size or 0)
                document = self.create(collection=collection, sha256=sha256, uploaded_by=user, **fields)
                document.add_version(Content(stored_as, name, media_type, upload.size or 0, sha256))
        except IntegrityError:  # the same file came twice at once
            return self.get(collection=collection, sha256=sha256), False
        return document, True

    def add_text(
        self, collection: Collection, title: str, text: str, *, user: User | None
    ) -> tuple[Document, bool]:
        """Store a text that someone typed or pasted, as `add_file` does a file."""
        upload = file_of_text(title, text)
        return self.add_file(collection, upload, user=user, title=title, source=self.model.Source.TEXT)

    def add_page(
        self, collection: Collection, url: str, *, user: User | None, is_limited: bool = True
    ) -> tuple[Document, bool]:
        """A web page as a new document, to be fetched by a worker after the commit. Each address is kept once in a collection.

        Raises QuotaExceeded where its person may keep no more.
        """
        pages = self.filter(collection=collection, source=self.model.Source.WEB, url=url)
        if known := pages.first():
            return known, False
        # Until there is a content its address stands for it, so that two who add it at once add it once.
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

    def hold(self) -> None:
        """Wait for whoever writes something of these, and let nobody write after; until the transaction ends.

        Whatever is written of a document names its row or a version's: it would otherwise stand where that is gone.
        """
        pks = list(self.values_list("pk", flat=True))
        Task.objects.filter(document__in=pks).lock()
        for rows in (self.model.objects.filter(pk__in=pks), Version.objects.filter(document__in=pks)):
            list(rows.select_for_update().order_by("pk").values_list("pk"))

    def delete(self) -> tuple[int, dict[str, int]]:
        """At once, and with all that was written of them up to then: whoever writes is waited for."""
        with transaction.atomic():
            self.hold()
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]  # as Django's own
    delete.queryset_only = True  # type: ignore[attr-defined]

    def replay(self) -> int:
        """Put each one's work on the queue again; returns how many. What is deleted meanwhile is left out."""
        return sum(is_asked(document.replay) for document in self)

    def fetch(self) -> int:
        """Have the address of each looked at; returns how many. What is deleted meanwhile is left out."""
        return sum(is_asked(document.fetch) for document in self)


def is_asked(verb: Callable[[], Task | None]) -> bool:
    """Whether there was something to ask for, and the document stood still."""
    try:
        return verb() is not None
    except ObjectDoesNotExist:
        return False
