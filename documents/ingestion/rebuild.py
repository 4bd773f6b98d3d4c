"""The last step of an index that was filled behind the live one: its vector index, then one row update makes it live."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from documents.ingestion.ocr_text import merge_and_save
from documents.ingestion.store import announce
from documents.models import Attempt, Chunk, Document, Index, Page, State, Task, Version
from documents.models.index import IndexState
from documents.models.task import Kind, Superseded, TaskState

LOOK_AGAIN = timedelta(seconds=10)


def begin(model: str) -> Index:
    """A new index for that embedding model, to be filled from the stored pages and made live when complete."""
    index = Index.objects.draft(model)
    fill(index)
    return index


def fill(index: Index) -> None:
    """Have every document put into it that is not there yet, behind the live one; it goes live by itself when complete."""
    with transaction.atomic():
        Index.objects.filter(pk=index.pk).update(state=IndexState.BUILDING)
        index.state = IndexState.BUILDING
        there = Chunk.objects.filter(
            index=index, version__document=OuterRef("pk"), version__sha256=OuterRef("sha256")
        )
        with_content = Document.objects.filter(versions__isnull=False).distinct()
        # In the order in which whoever deletes several takes them: they must not block each other.
        for document in with_content.exclude(Exists(there)).only("pk").order_by("pk"):
            with suppress(Document.DoesNotExist):  # deleted meanwhile
                Task.objects.ask_for(Kind.INDEX, document, index)
        # Asked for at once: were it the last document's to ask, one that fails or is deleted would leave the index half built.
        Task.objects.ask_for(Kind.BUILD, None, index)


def build_index(task: Task) -> None:
    """Make the index live if every document that answers now is in it; else leave it ready for a person to decide."""
    index = task.index
    if index is None or index.state != IndexState.BUILDING:
        task.finish()  # live already, or given up
    elif is_being_filled(index):
        task.wait_until(timezone.now() + LOOK_AGAIN, "", "")
    else:
        with Attempt.objects.record(task, "build", task.job_under_way):
            index.create_vector_index(concurrently=True)
        finish(task, index)


def finish(task: Task, index: Index) -> None:
    with transaction.atomic():
        if not task.claim():
            raise Superseded
        if is_being_filled(index):  # something was asked for while the vector index was made
            task.wait_until(timezone.now() + LOOK_AGAIN, "", "")
            return
        if missing(index):
            Index.objects.filter(pk=index.pk).update(state=IndexState.READY)
        else:
            index.make_live()
            settle_pages(index)
            take_over(index)
        task.finish()


def is_being_filled(index: Index) -> bool:
    return index.tasks.open().filter(kind=Kind.INDEX).exists()


def settle_pages(index: Index) -> None:
    """Where the former index was not yet at the text read in pictures, its pages still lack what this index was filled with."""
    late = Task.objects.filter(kind=Kind.INDEX, index__state=IndexState.RETIRED).exclude(state=TaskState.DONE)
    read = Page.objects.filter(
        version__document__in=late.values("document"), version__chunks__index=index, recognised__gt=""
    )
    merge_and_save(Version.objects.filter(pk__in=read.exclude(problem="").values("version")))


def take_over(index: Index) -> None:
    """Documents that the former index was still at: those that are in this one are ready, the others are asked for here."""
    Task.objects.filter(kind=Kind.INDEX, index__state=IndexState.RETIRED).cancel()
    at_fetching = Task.objects.open().filter(kind=Kind.FETCH, document=OuterRef("pk"))
    for document in Document.objects.moving().exclude(Exists(at_fetching)).defer("embedding").order_by("pk"):
        task = document.tasks.filter(kind=Kind.INDEX, index=index).first()
        if task and task.state == TaskState.DONE:
            document.move_to(State.READY)
            announce(document, is_new=True)
        elif not task or task.state != TaskState.OPEN:
            with suppress(Document.DoesNotExist):
                Task.objects.ask_for(Kind.INDEX, document, index)


def missing(index: Index) -> int:
    """How many documents that answer now would no longer, were this index live."""
    failed = index.tasks.filter(kind=Kind.INDEX, state__in=[TaskState.FAILED, TaskState.CANCELLED])
    return Document.objects.askable().filter(pk__in=failed.values("document")).count()
