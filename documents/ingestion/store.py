"""Writes what the stages produce: a version's pages, its chunks with their postings, and the version that answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.utils import timezone
from pgvector import HalfVector
from pgvector.psycopg import register_vector

from documents import notifications
from documents.extraction import ExtractedPage, Extraction
from documents.ingestion.postings import insert_postings
from documents.ingestion.splitter import ChunkText
from documents.models import Chunk, Document, Index, IndexedVersion, Page, Task, Version
from documents.models.states import State, SummaryState
from documents.models.task import Kind, Superseded
from documents.page_report import report_of
from documents.sources import attachments
from documents.structure.document_text import page_starts

CHUNK_COLUMNS = {
    "index_id": "int8",
    "document_id": "int8",
    "version_id": "int8",
    "position": "int4",
    "text": "text",
    "heading_path": "text[]",
    "page_start": "int4",
    "page_end": "int4",
    "start": "int8",
    '"end"': "int8",
    "tokens": "int4",
    "table_header": "text",
    "embedding": "halfvec",
}
COPY_CHUNKS = f"copy documents_chunk ({', '.join(CHUNK_COLUMNS)}) from stdin with (format binary)"


def save_pages(version: Version, extraction: Extraction) -> None:
    """Replace the version's pages, report and metadata. Raises Superseded if the version has been deleted."""
    with transaction.atomic():
        if not Version.objects.select_for_update().filter(pk=version.pk).exists():
            raise Superseded
        version.pages.all().delete()
        Page.objects.bulk_create(_pages(version, extraction.pages), batch_size=200)
        # Attached files are added once: a person may have deleted their documents since.
        kept = {name: version.metadata[name] for name in ("attached",) if name in version.metadata}
        version.page_count, version.is_partial = extraction.page_count, extraction.is_partial
        version.metadata, version.extracted_at = extraction.metadata | kept, timezone.now()
        version.report = report_of(extraction.pages, extraction.page_count, extraction.metadata)
        version.save(update_fields=["page_count", "is_partial", "metadata", "report", "extracted_at"])
        if not kept and attachments.are_wanted(version):
            Task.objects.request(Kind.ATTACH, version.document)


def _pages(version: Version, pages: Sequence[ExtractedPage]) -> Iterator[Page]:
    continued = {position for position, page in enumerate(pages) if page.continues_paragraph}
    for page, start in zip(pages, page_starts((page.text for page in pages), continued), strict=True):
        yield Page(
            version=version,
            number=page.number,
            label=page.label[:40],
            text=page.text,
            start=start,
            runs=page.runs,
            headings=[list(heading) for heading in page.headings],
            problem=page.problem,
            report=page.report,
        )


def replace_chunks(version: Version, index: Index, chunks: Sequence[ChunkText], vectors: np.ndarray) -> None:
    """Replace the document's chunks in this index. Call it within the fence of the task."""
    Chunk.objects.filter(document=version.document_id, index=index).delete()
    IndexedVersion.objects.filter(version__document=version.document_id, index=index).delete()
    copy_chunks(version, index, chunks, vectors)
    insert_postings(version, index)


def copy_chunks(version: Version, index: Index, chunks: Sequence[ChunkText], vectors: np.ndarray) -> None:
    """Binary COPY: at least ten times faster than INSERT, which sends each vector as text. Sends no signals."""
    connection.ensure_connection()
    register_vector(connection.connection)
    with connection.connection.cursor() as cursor, cursor.copy(COPY_CHUNKS) as copy:
        copy.set_types(list(CHUNK_COLUMNS.values()))
        for position, (chunk, vector) in enumerate(zip(chunks, vectors, strict=True)):
            copy.write_row((index.pk, version.document_id, version.pk, position, *_values(chunk, vector)))


def _values(chunk: ChunkText, vector: np.ndarray) -> tuple[Any, ...]:
    """The chunk's own columns, in the order of CHUNK_COLUMNS."""
    pages = chunk.page_start, chunk.page_end
    place = chunk.start, chunk.end, chunk.tokens
    return chunk.text, chunk.heading_path, *pages, *place, chunk.table_header, HalfVector(vector)


def serve(
    document: Document, version: Version, chunk_count: int, vectors: np.ndarray, *, has_new_text: bool
) -> None:
    """Answer from this version from now on. Call it in the transaction that wrote the chunks."""
    is_new = document.serving_id != version.pk
    Chunk.objects.filter(document=document).exclude(version=version).delete()
    IndexedVersion.objects.filter(version__document=document).exclude(version=version).delete()
    document.serving, document.chunk_count = version, chunk_count
    document.embedding = HalfVector(vectors.mean(axis=0))
    document.ready_at = timezone.now()
    document.save(update_fields=["serving", "chunk_count", "embedding", "ready_at"])
    document.move_to(State.READY)
    document.collection.change_stamp()
    announce(document, is_new=is_new, has_new_text=has_new_text)


def announce(document: Document, *, is_new: bool, has_new_text: bool = False) -> None:
    """Request a summary where the text is new or has none, and notify the uploader of a new version."""
    if is_new or has_new_text or document.summary_state != SummaryState.READY:
        Document.objects.filter(pk=document.pk).update(summary_state=SummaryState.WAITING)
        Task.objects.request(Kind.SUMMARISE, document)
    if is_new:
        notifications.notify(document)
