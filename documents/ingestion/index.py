"""One document through all stages: read its pages, cut them into passages, embed these, store them. Safe to run twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.db import connection, transaction
from django.utils import timezone
from pgvector import HalfVector
from pgvector.psycopg import register_vector

from documents import notifications
from documents.extraction import Extraction, Heading, UnreadableFile, extract_pages
from documents.ingestion import ocr, passwords
from documents.ingestion.metadata import OwnWords
from documents.ingestion.splitter import PageText, Passage, page_starts, split_pages
from documents.models import Attempt, Chunk, Document, Index, Page, Task, Version
from documents.models.index import IndexState
from documents.models.states import State, SummaryState
from documents.models.task import Kind, Stage, Superseded
from documents.page_report import report_of
from documents.sources import attachments
from documents.work import fairness, shutdown
from ragsite import llm


@dataclass(frozen=True)
class Run:
    """One try: which document goes into which index, and how it says what it is doing."""

    task: Task
    document: Document
    target: Index

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """One stage, in the ledger. Begins only while the task still stands, so that outdated work is given up early."""
        self.check()
        with Attempt.objects.record(self.task, name, self.task.job_under_way):
            yield

    def show(self, state: State, done: int = 0, total: int = 0) -> None:
        """On the document's row, unless the task was cancelled or asked for afresh: then the row says so already."""
        with transaction.atomic():
            if not self.task.claim():
                raise Superseded
            if self.task.is_seen:
                self.document.move_to(state, done=done, total=total)

    def progress(self, done: int, total: int) -> None:
        """Keeps the document's row up to date; raises Superseded in a run that is outdated."""
        self.check()
        if self.task.is_seen:
            self.document.progress(done, total)

    def check(self) -> None:
        shutdown.check()
        if not self.task.stands():
            raise Superseded


def index(task: Task) -> None:
    """Fill the task's index with the newest content of its document; readers see the old chunks or the new ones, never a mixture.

    Raises UnreadableFile when the file itself is the trouble, ProviderError when the embedder is, Superseded when the same
    was asked for afresh meanwhile; nothing is written then.
    """
    task.settle_index()
    if task.document is None or task.index is None or (version := task.document.newest) is None:
        raise Superseded
    run = Run(task, task.document, task.index)
    pages = read_pages(run, version)
    recognised = ocr.with_recognised(pages)
    has_pictures = task.is_seen and ocr.is_wanted(version)
    if has_pictures and ocr.are_pictures(pages):
        recognise_first(run)
        return
    passages = cut_passages(run, version, pages)
    vectors = embed_passages(run, passages)
    with run.stage("store"), transaction.atomic():
        store(run, version, passages, vectors, has_new_text=bool(recognised))
        if run.target.is_live:  # others follow it: their places count in the text as it is stored here
            ocr.save(version, pages, recognised)
        if has_pictures:
            Task.objects.ask_for(Kind.RECOGNISE, run.document)


def recognise_first(run: Run) -> None:
    """All its pages are pictures: their text comes first, and has the document indexed then."""
    with transaction.atomic():
        if not run.task.claim():
            raise Superseded
        run.task.finish()
        run.document.move_to(State.RECOGNISING)
        Task.objects.ask_for(Kind.RECOGNISE, run.document)


def read_pages(run: Run, version: Version) -> list[Page]:
    """The version's pages: from the file the first time, from the database ever after."""
    if run.task.start_at == Stage.EXTRACT or version.extracted_at is None:
        run.show(State.EXTRACTING)
        with (
            run.stage("extract"),
            version.local_path() as path,
            passwords.given_for(version) as password,
        ):
            extraction = extract(run, version, path, password)
            save_pages(version, extraction)
            run.document.describe(OwnWords.of(extraction))
        if password and ocr.is_wanted(version):
            passwords.hand_over(version, password, passwords.KEEP_FOR_PICTURES_SECONDS)
    return list(version.pages.order_by("number").defer("word_places"))


def extract(run: Run, version: Version, path: Path, password: str) -> Extraction:
    try:
        return extract_pages(
            path,
            media_type=version.media_type,
            name=version.file_name,
            password=password,
            on_progress=run.progress,
        )
    except UnreadableFile as error:
        if error.details.get("attachments"):  # an envelope: no text of its own, but what is in it has some
            Task.objects.ask_for(Kind.ATTACH, run.document)
        raise


def cut_passages(run: Run, version: Version, pages: Sequence[Page]) -> list[Passage]:
    with run.stage("chunk"):
        texts = [
            PageText(page.number, page.text, page.start, [Heading(*heading) for heading in page.headings])
            for page in pages
        ]
        tokenizer = llm.tokenizer_for(run.target.embedding_model)
        passages = split_pages(
            texts, tokenizer, tokens=run.target.chunk_tokens, overlap=run.target.chunk_overlap
        )
        if not passages or ocr.are_pictures(pages):
            raise ocr.failure_without_text(version)
        return passages


def embed_passages(run: Run, passages: Sequence[Passage]) -> np.ndarray:
    """Vectors in the order of the passages. Those that were paid for within a day come from the cache."""
    count = len(passages)
    run.show(State.EMBEDDING, 0, count)
    patience = fairness.Patience(run.task)

    def progress(done: int) -> None:
        run.progress(done, count)
        if done < count and patience.is_over():
            raise shutdown.Stopped

    with run.stage("embed"):
        return run.target.embed_passages(
            [passage.embedding_text for passage in passages],
            on_progress=progress,
        )


def store(
    run: Run,
    version: Version,
    passages: Sequence[Passage],
    vectors: np.ndarray,
    *,
    has_new_text: bool = False,
) -> None:
    """Everything that makes the new content findable, and the old one not, in one short transaction."""
    with transaction.atomic():
        if not run.task.claim():  # fenced: an outdated run writes nothing
            raise Superseded
        Chunk.objects.filter(document=run.document, index=run.target).delete()
        copy_chunks(run, version, passages, vectors)
        write_postings(version, run.target)
        run.task.finish()
        # Locked: two that finish at once see each other's end, and no index goes live between this look and the commit.
        target = Index.objects.select_for_update(no_key=True).get(pk=run.target.pk)
        run.target.state = target.state  # it may have gone live since this run began
        if target.is_live:
            serve(run.document, version, len(passages), vectors, has_new_text=has_new_text)
        elif target.state == IndexState.BUILDING and not target.tasks.open().filter(kind=Kind.INDEX).exists():
            Task.objects.ask_for(
                Kind.BUILD, None, target
            )  # the last document of an index that is being built


def serve(
    document: Document, version: Version, chunk_count: int, vectors: np.ndarray, *, has_new_text: bool
) -> None:
    """From now on this version answers. Inside the transaction that wrote its chunks."""
    is_new = document.serving_id != version.pk
    Chunk.objects.filter(document=document).exclude(version=version).delete()
    document.serving, document.chunk_count = version, chunk_count
    document.embedding = HalfVector(vectors.mean(axis=0))
    document.ready_at = timezone.now()
    document.save(update_fields=["serving", "chunk_count", "embedding", "ready_at"])
    document.move_to(State.READY)
    document.collection.has_changed()
    announce(document, is_new=is_new, has_new_text=has_new_text)


def announce(document: Document, *, is_new: bool, has_new_text: bool = False) -> None:
    """What follows when a content begins to answer: its summary, and word to whoever added it.

    With words that were read in its pictures its summary is written anew.
    """
    if is_new or has_new_text or document.summary_state != SummaryState.READY:
        Document.objects.filter(pk=document.pk).update(summary_state=SummaryState.WAITING)
        Task.objects.ask_for(Kind.SUMMARISE, document)
    if is_new:
        notifications.notify(document)


def save_pages(version: Version, extraction: Extraction) -> None:
    pages = []
    goes_on = {place for place, page in enumerate(extraction.pages) if page.goes_on}
    starts = page_starts((page.text for page in extraction.pages), goes_on)
    for page, start in zip(extraction.pages, starts, strict=True):
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
                report=page.report,
            )
        )
    with transaction.atomic():
        if not Version.objects.select_for_update().filter(pk=version.pk).exists():
            raise Superseded  # deleted meanwhile
        version.pages.all().delete()
        Page.objects.bulk_create(pages, batch_size=200)
        version.page_count, version.is_partial = extraction.page_count, extraction.is_partial
        # Once added, attached files are not added again, as somebody may have deleted them.
        kept = {name: version.metadata[name] for name in ("attached",) if name in version.metadata}
        version.metadata, version.extracted_at = extraction.metadata | kept, timezone.now()
        version.report = report_of(extraction.pages, extraction.page_count, extraction.metadata)
        version.save(update_fields=["page_count", "is_partial", "metadata", "report", "extracted_at"])
        if not kept and attachments.are_wanted(version):
            Task.objects.ask_for(Kind.ATTACH, version.document)


def copy_chunks(run: Run, version: Version, passages: Sequence[Passage], vectors: np.ndarray) -> None:
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
                run.target.pk,
                run.document.pk,
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
