"""The last step of an index that was filled behind the live one: its vector index, then one row update makes it live."""

from __future__ import annotations

from django.db import transaction

from documents.models import Document, Index, Task
from documents.models.index import IndexState
from documents.models.task import Kind, Superseded, TaskState


def begin(model: str) -> Index:
    """A new index for that embedding model, to be filled from the stored pages and made live when complete."""
    with transaction.atomic():
        index = Index.objects.draft(model)
        Index.objects.filter(pk=index.pk).update(state=IndexState.BUILDING)
        index.state = IndexState.BUILDING
        documents = list(Document.objects.filter(versions__isnull=False).distinct().only("pk"))
        for document in documents:
            Task.objects.ask_for(Kind.INDEX, document, index)
        if not documents:
            Task.objects.ask_for(Kind.BUILD, None, index)
    return index


def build(task: Task) -> None:
    """Make the index live if every document that answers now is in it; else leave it ready for a person to decide."""
    index = task.index
    if (
        index is None
        or index.state != IndexState.BUILDING
        or index.tasks.open().filter(kind=Kind.INDEX).exists()
    ):
        raise Superseded
    index.create_vector_index(concurrently=True)
    with transaction.atomic():
        if not task.claim():
            raise Superseded
        if missing(index):
            Index.objects.filter(pk=index.pk).update(state=IndexState.READY)
        else:
            index.make_live()
        task.finish()


def missing(index: Index) -> int:
    """How many documents that answer now would no longer, were this index live."""
    failed = index.tasks.filter(kind=Kind.INDEX, state__in=[TaskState.FAILED, TaskState.CANCELLED])
    return Document.objects.askable().filter(pk__in=failed.values("document")).count()
