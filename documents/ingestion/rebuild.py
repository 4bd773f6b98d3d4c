"""Builds a new index in the background: fills it, creates its vector index, makes it live. And the vector index of a new site."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from documents.ingestion.ocr.text import merge_and_save
from documents.ingestion.store import announce
from documents.models import Attempt, Chunk, Document, Index, Page, State, Task, Version
from documents.models.index import IndexState
from documents.models.task import Kind, TaskState

RECHECK_AFTER = timedelta(seconds=10)
MAX_UNINDEXED_CHUNKS = 50_000


def begin(model: str) -> Index:
    """Start building an index for the embedding model from the stored pages. It goes live when it is complete."""
    index = Index.objects.draft(model)
    fill(index)
    return index


def fill(index: Index) -> None:
    """Request indexing of all documents that the index lacks. It goes live when it is complete."""
    with transaction.atomic():
        Index.objects.filter(pk=index.pk).update(state=IndexState.BUILDING)
        index.state = IndexState.BUILDING
        indexed = Chunk.objects.filter(
            index=index, version__document=OuterRef("pk"), version__sha256=OuterRef("sha256")
        )
        with_versions = Document.objects.filter(versions__isnull=False).distinct()
        # In the order in which rows are locked for deletion, to prevent deadlocks.
        for document in with_versions.exclude(Exists(indexed)).only("pk").order_by("pk"):
            with suppress(Document.DoesNotExist):  # it was deleted since the query
                Task.objects.request(Kind.INDEX, document, index)
        # Requested now, not by the last document, which may fail or be deleted and leave the index unfinished.
        Task.objects.request(Kind.BUILD, None, index)


def build_index(task: Task) -> None:
    """Make the index live if no searchable document is missing; otherwise mark it as ready, for an operator to decide."""
    index = task.index
    if index is not None and index.is_live:
        build_vector_index(task, index)
    elif index is None or index.state != IndexState.BUILDING:
        task.finish()  # cancelled
    elif is_being_filled(index):
        task.wait_until(timezone.now() + RECHECK_AFTER, "", "")
    else:
        with Attempt.objects.record(task, "build", task.job_under_way):
            index.create_vector_index(concurrently=True)
        finish(task, index)


def build_vector_index(task: Task, index: Index) -> None:
    """The vector index of the live index, once its first documents are loaded: until then, searches compare all vectors."""
    if index.needs_vector_index:
        if is_being_loaded(index):
            task.wait_until(timezone.now() + RECHECK_AFTER, "", "")
            return
        with Attempt.objects.record(task, "build", task.job_under_way):
            index.create_vector_index(concurrently=True)
    task.finish()


def is_being_loaded(index: Index) -> bool:
    """Whether documents are due, unless there are so many chunks already that searches become slow."""
    is_filling = index.tasks.due().filter(kind=Kind.INDEX).exists()
    return is_filling and not index.has_more_chunks_than(MAX_UNINDEXED_CHUNKS)


def finish(task: Task, index: Index) -> None:
    with task.fence():
        if is_being_filled(index):  # a document was added during the creation of the vector index
            task.wait_until(timezone.now() + RECHECK_AFTER, "", "")
            return
        if count_missing(index):
            Index.objects.filter(pk=index.pk).update(state=IndexState.READY)
        else:
            index.make_live()
            merge_late_ocr_text(index)
            finish_moving_documents(index)
        task.finish()


def is_being_filled(index: Index) -> bool:
    return index.tasks.open().filter(kind=Kind.INDEX).exists()


def merge_late_ocr_text(index: Index) -> None:
    """Merge OCR text that this index contains and the former live index did not index in time."""
    unfinished = Task.objects.filter(kind=Kind.INDEX, index__state=IndexState.RETIRED).exclude(
        state=TaskState.DONE
    )
    with_ocr_text = Page.objects.filter(
        version__document__in=unfinished.values("document"), version__chunks__index=index, ocr_text__gt=""
    )
    merge_and_save(Version.objects.filter(pk__in=with_ocr_text.exclude(problem="").values("version")))


def finish_moving_documents(index: Index) -> None:
    """Documents that the former live index was still indexing: mark them ready if this index has them, else request indexing."""
    Task.objects.filter(kind=Kind.INDEX, index__state=IndexState.RETIRED).cancel()
    being_fetched = Task.objects.open().filter(kind=Kind.FETCH, document=OuterRef("pk"))
    for document in (
        Document.objects.moving().exclude(Exists(being_fetched)).defer("embedding").order_by("pk")
    ):
        task = document.tasks.filter(kind=Kind.INDEX, index=index).first()
        if task and task.state == TaskState.DONE:
            document.move_to(State.READY)
            announce(document, is_new=True)
        elif not task or task.state != TaskState.OPEN:
            with suppress(Document.DoesNotExist):
                Task.objects.request(Kind.INDEX, document, index)


def count_missing(index: Index) -> int:
    """How many searchable documents would not be searchable in this index."""
    failed = index.tasks.filter(kind=Kind.INDEX, state__in=[TaskState.FAILED, TaskState.CANCELLED])
    return Document.objects.askable().filter(pk__in=failed.values("document")).count()
