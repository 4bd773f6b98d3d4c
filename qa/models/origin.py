"""The origin of an answer's words, a document and its collection, and which origins a user may read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from documents.models import Collection, Document

if TYPE_CHECKING:
    from ragsite.accounts.models import User

Origin = tuple[int, int | None]  # a document and its collection


def readable_origins(origins: Iterable[Origin], user: User) -> set[Origin]:
    """Return the origins the user may read: by document, or by collection once the document is deleted."""
    origins = set(origins)
    if not origins:
        return set()
    wanted = {document for document, _collection in origins}
    documents = Document.objects.filter(pk__in=wanted)
    readable = set(documents.visible_to(user).values_list("pk", flat=True))
    if readable == wanted:  # most often; the other queries are for deleted documents
        return origins
    existing = set(documents.values_list("pk", flat=True))
    collections = set(Collection.objects.visible_to(user).values_list("pk", flat=True))
    return {
        (document, collection)
        for document, collection in origins
        if document in readable or (document not in existing and collection in collections)
    }
