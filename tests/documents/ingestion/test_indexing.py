import threading

import pytest
from django.core.files.base import ContentFile
from django.db import connections

from documents.extraction import UnreadableFile
from documents.ingestion import index, store
from documents.models import Attempt, Chunk, Collection, Document, Notice, Page, Posting, State, Task
from documents.models.states import SummaryState
from documents.models.task import Kind, Stage, Superseded, TaskState
from documents.work import runner
from ragsite import llm
from tests.support.factories import make_document, make_indexed, make_pdf

pytestmark = pytest.mark.django_db


def test_a_document_becomes_searchable_with_exact_offsets(alice):
    document = make_indexed(alice, "It rains in Bergen.\n\nIt snows in Tromsø.")

    chunks = Chunk.objects.searchable().filter(document=document)
    assert document.state == State.READY
    assert document.chunk_count == len(chunks) == 1
    text = document.serving.text
    assert all(text[chunk.start : chunk.end] == chunk.text for chunk in chunks)
    assert len(chunks[0].embedding) == 384


def test_a_pdf_keeps_its_pages_and_each_chunk_knows_its_own(alice):
    document = make_pdf("handbook.pdf", alice)
    document.index()

    assert document.state == State.READY
    chunk = Chunk.objects.searchable().filter(text__contains="21 euros").first()
    pages = Page.objects.filter(version=document.serving, number__range=(chunk.page_start, chunk.page_end))
    assert any("21 euros" in page.text for page in pages)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("handbook-scan.pdf", "ocr_off"),
        ("handbook-truncated.pdf", "damaged"),
        ("password-asdfzxcv.pdf", "password"),
    ],
)
def test_a_file_that_cannot_be_read_fails_for_good_in_plain_words(alice, name, kind):
    document = make_pdf(name, alice)
    with pytest.raises(UnreadableFile):
        document.index()

    document.refresh_from_db()
    assert (document.state, document.failure_kind) == (State.FAILED, kind)
    assert document.failure.endswith(".")
    assert document.remedy
    assert "Error" not in document.failure + document.remedy
    assert document.task.state == TaskState.FAILED
    assert Attempt.objects.filter(document=document, outcome="failed").exclude(traceback="").exists()


def test_indexing_twice_leaves_the_same_chunks_once(alice):
    document = make_indexed(alice)
    before = list(Chunk.objects.values_list("text", flat=True))
    document.index()

    assert list(Chunk.objects.values_list("text", flat=True)) == before


def test_a_run_that_was_superseded_writes_nothing(alice):
    document = make_document(alice)
    outdated = Task.objects.get(document=document, kind=Kind.INDEX)
    document.replay()

    with pytest.raises(Superseded):
        index.index_document(outdated)
    assert not Chunk.objects.exists()


def test_a_run_finds_out_at_its_last_moment_that_it_was_superseded(alice, monkeypatch):
    document = make_document(alice)
    task = Task.objects.get(document=document, kind=Kind.INDEX)
    embed = llm.embed_documents

    def embed_while_someone_replays(*args, **kwargs):
        vectors = embed(*args, **kwargs)
        document.replay()
        return vectors

    monkeypatch.setattr(llm, "embed_documents", embed_while_someone_replays)
    with pytest.raises(Superseded):
        index.index_document(task)
    assert not Chunk.objects.exists()


def test_a_document_deleted_in_the_middle_leaves_nothing_behind(alice, monkeypatch):
    document = make_document(alice)
    task = Task.objects.select_related("document", "index").get(document=document, kind=Kind.INDEX)
    embed = llm.embed_documents

    def embed_while_someone_deletes(*args, **kwargs):
        Document.objects.get(pk=document.pk).delete()
        return embed(*args, **{**kwargs, "on_progress": None})

    monkeypatch.setattr(llm, "embed_documents", embed_while_someone_deletes)
    with pytest.raises(Superseded):
        index.index_document(task)
    assert [model.objects.count() for model in (Chunk, Page, Task)] == [0, 0, 0]


def test_the_old_content_answers_until_the_new_one_is_ready(alice):
    document = make_indexed(alice, "It rains in Bergen.")
    old = document.serving
    document.replace(ContentFile(b"It is dry in Bergen.", name="weather.txt"))
    document.refresh_from_db()

    assert document.serving == old
    assert Chunk.objects.searchable().get().text == "It rains in Bergen."
    index.index_document(document.task)
    document.refresh_from_db()
    assert document.serving != old
    assert Chunk.objects.get().text == "It is dry in Bergen."


def test_what_changes_a_collections_content_changes_its_stamp(alice):
    shelf = Collection.objects.private_to(alice)
    stamps = [shelf.stamp]
    document = make_indexed(alice)
    for change in (lambda: None, document.delete):
        change()
        shelf.refresh_from_db()
        stamps.append(shelf.stamp)

    assert len(set(stamps)) == 3


def test_postings_count_the_stems_of_each_chunk_and_go_with_it(alice):
    document = make_indexed(alice, "Raining cats. It rains dogs.")

    assert Posting.objects.get(lexeme="rain").unpacked["tf"].tolist() == [2]
    document.delete()
    assert not Posting.objects.exists()


def test_pages_are_read_from_the_file_only_once(alice):
    document = make_indexed(alice)
    document.serving.file.storage.delete(document.serving.file.name)

    document.index()
    assert document.state == State.READY


def test_reading_the_file_again_can_be_asked_for(alice):
    document = make_indexed(alice)
    Page.objects.update(text="spoilt")
    task = Task.objects.request(Kind.INDEX, document, document.task.index, start_at=Stage.EXTRACT)

    index.index_document(task)
    assert Page.objects.get().text == "It rains in Bergen."


def test_a_file_that_vanished_is_a_plain_failure(alice):
    document = make_document(alice)
    version = document.newest
    version.file.storage.delete(version.file.name)

    with pytest.raises(UnreadableFile):
        document.index()
    document.refresh_from_db()
    assert document.failure_kind == "missing"
    assert "no longer in" in document.failure


def test_each_stage_is_recorded_with_its_duration(alice):
    document = make_indexed(alice)

    stages = list(document.attempts.order_by("pk").values_list("stage", "outcome"))
    assert stages == [("extract", "done"), ("chunk", "done"), ("embed", "done"), ("store", "done")]
    assert all(attempt.duration is not None for attempt in document.attempts.all())


def test_the_uploader_is_told_once_that_a_document_is_ready(alice):
    document = make_indexed(alice)
    document.index()

    notice = Notice.objects.get()
    assert (notice.user, notice.document, notice.is_failure) == (alice, document, False)


def test_a_ready_document_asks_for_its_summary(alice):
    document = make_indexed(alice)
    document.refresh_from_db()

    assert document.summary_state == SummaryState.WAITING
    assert Task.objects.open().filter(kind=Kind.SUMMARISE, document=document).exists()


def test_related_documents_are_alike_and_such_as_the_reader_may_see(alice, bob):
    cats = make_indexed(alice, "Cats purr and hunt mice at night.")
    make_indexed(alice, "Kittens are young cats that purr.", name="kittens.txt")
    make_indexed(alice, "The parliament passed a tax law.", name="law.txt")
    make_indexed(bob, "Cats purr and sleep all day.", name="secret.txt")
    cats.refresh_from_db()

    assert [document.title for document in Document.objects.visible_to(alice).related_to(cats)] == ["kittens"]


def test_the_same_file_is_kept_once_in_a_collection_but_each_person_may_have_it(alice, bob):
    first, again = make_document(alice), make_document(alice)

    assert first == again
    assert make_document(bob) != first
    assert Document.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_document_deleted_while_its_chunks_are_stored_is_gone_and_stays_gone(alice, monkeypatch):
    document = make_document(alice)
    real, faults = store.insert_postings, []

    def delete():
        try:
            Document.objects.get(pk=document.pk).delete()
        except Exception as error:
            faults.append(error)
        finally:
            connections.close_all()

    deleting = threading.Thread(target=delete)

    def while_storing(*arguments):
        deleting.start()
        deleting.join(0.7)  # it waits for this transaction
        real(*arguments)

    monkeypatch.setattr(store, "insert_postings", while_storing)
    runner.run(Task.objects.get(document=document, kind=Kind.INDEX))
    deleting.join(20)

    assert faults == []
    assert not Document.objects.exists()
    assert not Chunk.objects.exists()
