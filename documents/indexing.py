"""One document through all stages: read its pages, cut them into passages, embed these, store them. Safe to run twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
from django.db import connection, transaction
from django.utils import timezone
from pgvector import HalfVector
from pgvector.psycopg import register_vector

from documents import notifications
from documents.chunking import PageText, Passage, split_pages
from documents.extraction import Extraction, Heading, UnreadableFile, extract_pages
from documents.models import Attempt, Chunk, Document, Index, Page, Task, Version
from documents.models.document import State, SummaryState
from documents.models.task import Kind, Stage, Superseded
from ragsite import llm


def index(task: Task) -> None:
    """Fill the task's index with the newest content of its document; readers see the old chunks or the new ones, never a mixture.

    Raises UnreadableFile when the file itself is the trouble, ProviderError when the embedder is, Superseded when the same
    was asked for afresh meanwhile; nothing is written then.
    """
    version = task.document.newest
    if version is None:
        raise Superseded
    pages = read_pages(task, version)
    passages = cut_passages(task, version, pages)
    vectors = embed_passages(task, passages)
    with stage(task, "store"):
        store(task, version, passages, vectors)


def read_pages(task: Task, version: Version) -> list[Page]:
    """The version's pages: from the file the first time, from the database ever after."""
    if task.start_at == Stage.EXTRACT or version.extracted_at is None:
        show(task, State.EXTRACTING)
        with stage(task, "extract"), local_path(version) as path:
            extraction = extract_pages(path, media_type=version.media_type, on_progress=progress_of(task))
            save_pages(version, extraction)
    return list(version.pages.order_by("number"))


def cut_passages(task: Task, version: Version, pages: Sequence[Page]) -> list[Passage]:
    with stage(task, "chunk"):
        texts = [
            PageText(page.number, page.text, page.start, [Heading(*heading) for heading in page.headings])
            for page in pages
        ]
        tokenizer = llm.tokenizer_for(task.index.embedding_model)
        passages = split_pages(
            texts, tokenizer, tokens=task.index.chunk_tokens, overlap=task.index.chunk_overlap
        )
        if not passages:
            raise UnreadableFile("no_text" if version.media_type == "application/pdf" else "empty")
        return passages


def embed_passages(task: Task, passages: Sequence[Passage]) -> np.ndarray:
    """Vectors in the order of the passages. Those that were paid for within a day come from the cache."""
    show(task, State.EMBEDDING, 0, len(passages))
    tell, count = progress_of(task), len(passages)
    with stage(task, "embed"):
        return llm.embed_documents(
            [passage.embedding_text for passage in passages],
            model=task.index.embedding_model,
            dimensions=task.index.dimensions,
            on_progress=lambda done: tell(done, count),
        )


def store(task: Task, version: Version, passages: Sequence[Passage], vectors: np.ndarray) -> None:
    """Everything that makes the new content findable, and the old one not, in one short transaction."""
    document, target = task.document, task.index
    with transaction.atomic():
        if not task.claim():  # fenced: an outdated run writes nothing
            raise Superseded
        Chunk.objects.filter(document=document, index=target).delete()
        copy_chunks(document, version, target, passages, vectors)
        write_postings(version, target)
        task.finish()
        if Index.objects.filter(pk=target.pk, state="live").exists():
            serve(document, version, len(passages), vectors)
        elif not target.tasks.open().filter(kind=Kind.INDEX).exists():
            Task.objects.ask_for(
                Kind.BUILD, None, target
            )  # the last document of an index that is being built


def serve(document: Document, version: Version, chunk_count: int, vectors: np.ndarray) -> None:
    """From now on this version answers. Inside the transaction that wrote its chunks."""
    is_new = document.serving_id != version.pk
    Chunk.objects.filter(document=document).exclude(version=version).delete()
    document.serving, document.chunk_count = version, chunk_count
    document.embedding = HalfVector(vectors.mean(axis=0))
    document.ready_at = timezone.now()
    document.save(update_fields=["serving", "chunk_count", "embedding", "ready_at"])
    document.move_to(State.READY)
    document.collection.has_changed()
    if is_new or document.summary_state != SummaryState.READY:
        Document.objects.filter(pk=document.pk).update(summary_state=SummaryState.WAITING)
        Task.objects.ask_for(Kind.SUMMARISE, document)
    if is_new:
        notifications.tell(document)


def save_pages(version: Version, extraction: Extraction) -> None:
    pages, start = [], 0
    for page in extraction.pages:
        headings = [list(heading) for heading in page.headings]
        pages.append(
            Page(
                version=version,
                number=page.number,
                label=page.label[:40],
                text=page.text,
                start=start,
                runs=page.runs,
                headings=headings,
                problem=page.problem,
            )
        )
        start += len(page.text) + 2  # pages are joined by one blank line
    with transaction.atomic():
        if not Version.objects.select_for_update().filter(pk=version.pk).exists():
            raise Superseded  # deleted meanwhile
        version.pages.all().delete()
        Page.objects.bulk_create(pages, batch_size=200)
        version.page_count, version.is_partial = extraction.page_count, extraction.is_partial
        version.metadata, version.extracted_at = extraction.metadata, timezone.now()
        version.save(update_fields=["page_count", "is_partial", "metadata", "extracted_at"])


def copy_chunks(
    document: Document, version: Version, target: Index, passages: Sequence[Passage], vectors: np.ndarray
) -> None:
    """By binary COPY: ten and more times faster than INSERT, which would send each vector as text. Sends no signals."""
    columns = 'index_id, document_id, version_id, position, text, heading_path, page_start, page_end, start, "end", tokens, embedding'
    types = [
        "int8",
        "int8",
        "int8",
        "int4",
        "text",
        "text[]",
        "int4",
        "int4",
        "int8",
        "int8",
        "int4",
        "halfvec",
    ]
    connection.ensure_connection()
    register_vector(connection.connection)
    with (
        connection.connection.cursor() as cursor,
        cursor.copy(f"copy documents_chunk ({columns}) from stdin with (format binary)") as copy,
    ):
        copy.set_types(types)
        for position, (passage, vector) in enumerate(zip(passages, vectors, strict=True)):
            place = (passage.page_start, passage.page_end, passage.start, passage.end, passage.tokens)
            row = (
                target.pk,
                document.pk,
                version.pk,
                position,
                passage.text,
                passage.heading_path,
                *place,
                HalfVector(vector),
            )
            copy.write_row(row)


def write_postings(version: Version, target: Index) -> None:
    """How often each word's stem stands in each chunk, its headings included, for BM25."""
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into documents_posting (index_id, lexeme, chunk_id, tf)"
            " select c.index_id, w.lexeme, c.id, least(coalesce(array_length(w.positions, 1), 1), 32767)"
            " from documents_chunk c, unnest(to_tsvector(%s::regconfig, normalize(array_to_string(c.heading_path, ' ') || ' ' || c.text, NFKC))) w"
            " where c.version_id = %s and c.index_id = %s",
            [target.search_config, version.pk, target.pk],
        )


@contextmanager
def stage(task: Task, name: str) -> Iterator[Attempt]:
    """One stage of a try, in the ledger. Begins only while the task still stands, so that outdated work is given up early."""
    if not task.stands():
        raise Superseded
    with Attempt.objects.record(task, name, task.job_under_way) as attempt:
        yield attempt


def show(task: Task, state: State, done: int = 0, total: int = 0) -> None:
    if task.is_seen:
        task.document.move_to(state, done=done, total=total)


def progress_of(task: Task):  # type: ignore[no-untyped-def]
    """A callback (done, total) that keeps the document's row up to date and ends a run that was superseded."""

    def tell(done: int, total: int) -> None:
        if not task.stands():
            raise Superseded
        if task.is_seen:
            task.document.progress(done, total)

    return tell


@contextmanager
def local_path(version: Version) -> Iterator[Path]:
    """The file as a path on this machine, fetched for the while where the storage is elsewhere. UnreadableFile if it is gone."""
    try:
        path = Path(version.file.path)
    except NotImplementedError:  # the storage has no paths
        path = None
    if path:
        if not path.exists():
            raise UnreadableFile("missing")
        yield path
        return
    with NamedTemporaryFile(prefix="ragsite-") as copy, version.file.open() as source:
        for piece in source.chunks():
            copy.write(piece)
        copy.flush()
        yield Path(copy.name)
