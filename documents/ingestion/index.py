"""Indexes one document, stage by stage: extract pages, split them into chunks, embed these, store them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np
from django.db import transaction

from documents import shutdown
from documents.extraction import Extraction, Heading, UnreadableFile, extract_pages
from documents.ingestion import passwords
from documents.ingestion.ocr.status import are_scans, failure_without_text, is_needed
from documents.ingestion.ocr.text import merge_ocr_text, save_ocr_text
from documents.ingestion.splitter import ChunkText, split_pages
from documents.ingestion.store import replace_chunks, save_pages, serve
from documents.models import Attempt, Document, Index, Page, Task, Version
from documents.models.index import IndexState
from documents.models.states import State
from documents.models.task import Kind, Stage, Superseded
from documents.sources.metadata import EmbeddedMetadata
from documents.structure.document_text import PageText
from documents.work import patience
from ragsite import llm

PROGRESS_SECONDS = 0.5


@dataclass
class Run:
    """One attempt to index a document into one index."""

    task: Task
    document: Document
    target: Index
    is_seen: bool = False  # as of the last change of state
    has_shown: bool = False
    shown_at: float = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Record a stage as an attempt. Raises Superseded before the stage if the task is outdated."""
        self.task.check_run()
        with Attempt.objects.record(self.task, name, self.task.job_under_way):
            yield

    def show_state(self, state: State, done: int = 0, total: int = 0) -> None:
        """Update the document's row. Raises Superseded if the task is outdated: the row is then up to date."""
        self.has_shown, self.shown_at = False, monotonic()
        with self.task.fence():
            self.is_seen = self.task.is_seen
            if self.is_seen:
                self.document.move_to(state, done=done, total=total)

    def show_progress(self, done: int, total: int) -> None:
        """Update the progress on the document's row, at most twice a second. Raises Stopped and Superseded."""
        shutdown.check()
        is_end = done == total and self.has_shown
        if not is_end and monotonic() < self.shown_at + PROGRESS_SECONDS:
            return
        self.has_shown, self.shown_at = True, monotonic()
        self.task.check_run()
        if self.is_seen:
            self.document.progress(done, total)


def index_document(task: Task) -> None:
    """Index the document's newest version into the task's index. Safe to run twice.

    Readers see the old chunks or the new ones, never a mixture. Raises UnreadableFile for a faulty file,
    ProviderError for a faulty embedder, and Superseded for an outdated task; nothing is written in these cases.
    """
    task.assign_index()
    if task.document is None or task.index is None or (version := task.document.newest) is None:
        raise Superseded
    run = Run(task, task.document, task.index)
    pages = load_pages(run, version)
    changed = merge_ocr_text(pages)
    needs_ocr = task.is_seen and is_needed(version)
    if needs_ocr and are_scans(pages):
        run_ocr_first(run)
        return
    chunks = split_into_chunks(run, version, pages)
    vectors = embed_chunks(run, chunks)
    with run.stage("store"), transaction.atomic():
        store_chunks(run, version, chunks, vectors, has_new_text=bool(changed))
        # Only in the live index: chunks of the others keep the offsets of the text that is stored here.
        if run.target.is_live:
            save_ocr_text(version, pages, changed)
        if needs_ocr:
            Task.objects.request(Kind.OCR, run.document)


def run_ocr_first(run: Run) -> None:
    """Finish this task and request OCR, which requests indexing again once it has the text."""
    with run.task.fence():
        run.task.finish()
        run.document.move_to(State.OCR)
        Task.objects.request(Kind.OCR, run.document)


def load_pages(run: Run, version: Version) -> list[Page]:
    """The version's pages from the database; extracted from the file if they are not stored yet."""
    if run.task.start_at == Stage.EXTRACT or version.extracted_at is None:
        run.show_state(State.EXTRACTING)
        with (
            run.stage("extract"),
            version.local_path() as path,
            passwords.consume(version) as password,
        ):
            extraction = extract(run, version, path, password)
            save_pages(version, extraction)
            run.document.describe(EmbeddedMetadata.of(extraction))
        if password and is_needed(version):
            passwords.store(version, password, passwords.OCR_TTL)
    return list(version.pages.order_by("number").defer("word_places"))


def extract(run: Run, version: Version, path: Path, password: str) -> Extraction:
    try:
        return extract_pages(
            path,
            media_type=version.media_type,
            name=version.file_name,
            password=password,
            on_progress=run.show_progress,
        )
    except UnreadableFile as error:
        # An email without text may have attachments with text.
        if error.details.get("attachments"):
            Task.objects.request(Kind.ATTACH, run.document)
        raise


def split_into_chunks(run: Run, version: Version, pages: Sequence[Page]) -> list[ChunkText]:
    with run.stage("chunk"):
        texts = [
            PageText(page.number, page.text, page.start, [Heading(*heading) for heading in page.headings])
            for page in pages
        ]
        tokenizer = llm.tokenizer_for(run.target.embedding_model)
        chunks = split_pages(
            texts, tokenizer, tokens=run.target.chunk_tokens, overlap=run.target.chunk_overlap
        )
        if not chunks or are_scans(pages):
            raise failure_without_text(version)
        return chunks


def embed_chunks(run: Run, chunks: Sequence[ChunkText]) -> np.ndarray:
    """Vectors in the order of the chunks. Vectors computed within the last day come from the cache."""
    count = len(chunks)
    run.show_state(State.EMBEDDING, 0, count)
    turn = patience.Patience(run.task)

    def on_progress(done: int) -> None:
        run.show_progress(done, count)
        if done < count and turn.is_over():
            raise shutdown.Stopped

    with run.stage("embed"):
        return run.target.embed_passages([chunk.embedding_text for chunk in chunks], on_progress=on_progress)


def store_chunks(
    run: Run, version: Version, chunks: Sequence[ChunkText], vectors: np.ndarray, *, has_new_text: bool
) -> None:
    """Make the new chunks searchable and the old ones not, in one short transaction."""
    with run.task.fence():
        replace_chunks(version, run.target, chunks, vectors)
        run.task.finish()
        # The lock serializes runs that finish together, and keeps the index's state until the commit.
        target = Index.objects.select_for_update(no_key=True).get(pk=run.target.pk)
        run.target.state = target.state  # the index may have gone live since the run began
        if target.is_live:
            serve(run.document, version, len(chunks), vectors, has_new_text=has_new_text)
            request_vector_index(target)
        elif is_last_of_build(target):
            Task.objects.request(Kind.BUILD, None, target)


def request_vector_index(index: Index) -> None:
    """Have it built, unless that is requested already. Building it after the first load is faster than growing it."""
    is_requested = index.tasks.open().filter(kind=Kind.BUILD).exists()
    if not is_requested and index.needs_vector_index:
        Task.objects.request(Kind.BUILD, None, index)


def is_last_of_build(index: Index) -> bool:
    """Whether the index is being built and no document is left to index."""
    return index.state == IndexState.BUILDING and not index.tasks.open().filter(kind=Kind.INDEX).exists()
