"""What the site says about scanned pages and offers to do: limits, passwords, repeated OCR, missing programs."""

from contextlib import nullcontext

import pytest
from django.core.cache import cache
from django.urls import reverse

from documents import shutdown
from documents.extraction.ocr import engines
from documents.extraction.ocr.result import OcrResult
from documents.ingestion import passwords
from documents.ingestion.ocr import run as ocr
from documents.models import Chunk, Document, Page, State, Task
from documents.models.page import TRIED
from documents.models.task import Kind, TaskState
from tests.support.factories import make_document
from tests.support.made.pdfs import encrypted, make_pdf
from tests.support.made.scans import several
from tests.support.ocr import PICTURE, needs_tesseract, set_engine
from tests.support.site import Site, wait_for

pytestmark = pytest.mark.django_db(transaction=True)

WORDS = ["The harbour opens at six o'clock in the morning."]


@pytest.fixture(autouse=True)
def _wanted(settings):
    settings.OCR = True


@pytest.fixture
def reads(monkeypatch):
    seen = []

    def read(picture, *, languages, seconds):
        seen.append(picture)
        return OcrResult(f"Picture {len(seen)} says that the lighthouse was painted white and red in 1911.")

    set_engine(monkeypatch, "tesseract")
    monkeypatch.setattr(ocr, "ocr_page", read)
    return seen


@pytest.fixture
def alices(client, alice):
    client.force_login(alice)
    return client


def made(alice, tmp_path, *contents, password=""):
    path = make_pdf(tmp_path / "made.pdf", contents)
    if password:
        path = encrypted(
            tmp_path / "locked.pdf", path, user_password=password, owner_password="o", algorithm="AES-256"
        )
    return make_document(alice, path.read_bytes(), name="made.pdf")


def done(work, document, times=4):
    for _ in range(times):
        work()
    document.refresh_from_db()
    return document


def page_of(client, document):
    return " ".join(client.get(document.get_absolute_url()).content.decode().split())


def give(client, document, password="open"):
    return client.post(reverse("documents:password", args=[document.pk]), {"password": password})


# Passwords


@needs_tesseract
def test_a_scan_under_a_password_is_read_with_the_one_that_was_given(alice, alices, work):
    document = make_document(alice, several(2, password="open"), name="scan.pdf")
    done(work, document, 1)
    assert document.failure_kind == "password"
    give(alices, document)
    done(work, document)

    assert document.state == State.READY
    assert "Wednesday" in Chunk.objects.filter(document=document).first().text
    assert passwords.get(document.serving) == ""


def test_a_consumed_password_is_asked_for_again_and_then_ocr_runs(alice, alices, work, reads, tmp_path):
    document = made(alice, tmp_path, WORDS, PICTURE, password="open")
    done(work, document, 1)
    give(alices, document)
    document.refresh_from_db()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ocr, "password_for", lambda version: nullcontext(""))
        done(work, document)
    assert (document.state, reads) == (State.READY, [])
    assert "needs the password of the file once more" in page_of(alices, document)

    give(alices, document)
    done(work, document)
    assert len(reads) == 1
    assert "lighthouse" in document.serving.text
    assert "once more" not in page_of(alices, document)


def test_a_wrong_password_for_ocr_is_asked_for_again(alice, alices, work, reads, tmp_path):
    document = made(alice, tmp_path, PICTURE, password="open")
    done(work, document, 1)
    give(alices, document)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ocr, "password_for", lambda version: nullcontext("wrong"))
        done(work, document)
    assert (document.state, document.failure_kind) == (State.FAILED, "password")
    assert 'name="password"' in page_of(alices, document)

    give(alices, document)
    done(work, document)
    assert (document.state, len(reads)) == (State.READY, 1)


def test_the_password_outlives_a_turn_in_the_cache_and_never_in_plain_words(
    alice, alices, work, reads, tmp_path, monkeypatch
):
    document = made(alice, tmp_path, *[PICTURE] * 3, password="open sesame")
    done(work, document, 1)
    give(alices, document, "open sesame")
    monkeypatch.setattr(ocr, "TURN_SECONDS", 0)
    done(work, document, 1)
    task = Task.objects.get(document=document, kind=Kind.OCR)
    with pytest.raises(shutdown.Stopped):
        ocr.run_ocr(task)
    version = document.newest
    assert passwords.get(version) == "open sesame"
    assert "open sesame" not in cache.get(passwords._key(version))
    redis = cache._cache.get_client(None)
    left = redis.ttl(cache.make_key(passwords._key(version)))
    assert passwords.TTL < left <= passwords.OCR_TTL

    ocr.run_ocr(task)
    assert passwords.get(version) == ""


def test_a_password_goes_with_its_document(alice):
    document = make_document(alice, several(1, password="open"), name="scan.pdf")
    version = document.newest
    passwords.store(version, "open")
    key = passwords._key(version)
    assert cache.get(key)
    document.delete()
    assert cache.get(key) is None


# How much is read


def test_a_document_that_is_deleted_during_ocr_leaves_nothing(alice, work, tmp_path, monkeypatch, reads):
    read = ocr.ocr_page
    document = made(alice, tmp_path, PICTURE, PICTURE)

    def read_and_delete(picture, **options):
        Document.objects.filter(pk=document.pk).delete()
        return read(picture, **options)

    monkeypatch.setattr(ocr, "ocr_page", read_and_delete)
    for _ in range(3):
        work()
    assert len(reads) == 1
    assert not Page.objects.exists()
    assert not Task.objects.exists()


def test_above_the_cap_the_page_says_how_many_were_read_and_how_many_left(
    alice, alices, work, reads, tmp_path, settings
):
    settings.OCR_MAX_PAGES = 2
    document = done(work, made(alice, tmp_path, *[PICTURE] * 5))
    said = page_of(alices, document)
    assert "OCR has read the first 2 scanned pages. 3 more are over this site’s limit" in said
    assert "OCR_MAX_PAGES" not in said
    assert "Run OCR" not in said

    alice.is_superuser = True
    alice.save()
    assert "raise OCR_MAX_PAGES" in page_of(alices, document)
    settings.OCR_MAX_PAGES = 4
    assert "Run OCR" in page_of(alices, document)


def test_ocr_of_a_partly_ready_document_runs_on_request(
    alice, bob, alices, work, tmp_path, monkeypatch, reads
):
    set_engine(monkeypatch, "")
    document = done(work, made(alice, tmp_path, WORDS, PICTURE))
    address = reverse("documents:run_ocr", args=[document.pk])
    assert address not in page_of(alices, document)

    set_engine(monkeypatch, "tesseract")
    assert address in page_of(alices, document)
    alices.force_login(bob)
    assert alices.post(address).status_code == 404
    alices.force_login(alice)
    for _ in range(2):
        alices.post(address)
    assert Task.objects.get(document=document, kind=Kind.OCR).generation == 1  # asked for once
    document.refresh_from_db()
    assert document.state == State.READY  # it answers meanwhile
    said = page_of(alices, document)
    assert "OCR of the scanned pages: 0 of 1 done" in said
    assert "Stop OCR" in said
    done(work, document)
    assert "lighthouse" in document.serving.text
    assert address not in page_of(alices, document)


def test_ocr_of_a_ready_document_can_be_stopped(alice, alices, work, reads, tmp_path):
    document = made(alice, tmp_path, WORDS, PICTURE)
    document.index()
    alices.post(reverse("documents:stop_ocr", args=[document.pk]))
    done(work, document)

    assert (document.state, reads) == (State.READY, [])
    assert Task.objects.get(document=document, kind=Kind.OCR).state == TaskState.CANCELLED
    assert "Run OCR" in page_of(alices, document)


def test_what_was_read_in_vain_is_read_again_when_asked_for(alice, alices, work, tmp_path, monkeypatch):
    set_engine(monkeypatch, "tesseract")

    def too_long(*args, **kwargs):
        raise engines.OcrFailed("timeout")

    monkeypatch.setattr(ocr, "ocr_page", too_long)
    document = done(work, made(alice, tmp_path, WORDS, PICTURE))
    assert "OCR found no text on 1 scanned page, so search cannot find anything on it" in page_of(
        alices, document
    )
    assert "1 took too long" in page_of(alices, document)
    index = Task.objects.get(document=document, kind=Kind.INDEX)
    assert index.generation == 1  # nothing was read, and nothing is embedded again

    words = OcrResult("The lamp of the lighthouse burns from dusk till dawn.")
    monkeypatch.setattr(ocr, "ocr_page", lambda *args, **kwargs: words)
    alices.post(reverse("documents:run_ocr", args=[document.pk]))
    done(work, document)
    assert "dusk till dawn" in document.serving.text


# What follows


def test_a_new_summary_includes_the_ocr_text(alice, work, reads, tmp_path):
    document = made(alice, tmp_path, WORDS, PICTURE)
    document.index()
    work()  # its summary, and then its pictures
    document.refresh_from_db()
    assert "harbour" in document.summary
    done(work, document)

    assert "lighthouse" in document.summary


# Missing programs and languages


def test_who_runs_the_site_is_told_how_to_add_the_program_and_a_reader_is_not(
    alice, alices, work, tmp_path, monkeypatch
):
    set_engine(monkeypatch, "")
    whole = done(work, made(alice, tmp_path, PICTURE))
    part = done(work, made(alice, tmp_path, WORDS, PICTURE))
    for address in (reverse("documents:list"), whole.get_absolute_url(), part.get_absolute_url()):
        said = alices.get(address).content.decode()
        assert "apt-get" not in said
        assert "scan" in said
    assert "ask the operator" in page_of(alices, part)

    alice.is_superuser = True
    alice.save()
    for address in (reverse("documents:list"), whole.get_absolute_url(), part.get_absolute_url()):
        assert alices.get(address).content.decode().count("apt-get install tesseract-ocr") == 1


def test_however_many_scans_wait_for_a_program_each_row_says_it_in_a_line(
    alice, alices, work, tmp_path, monkeypatch
):
    set_engine(monkeypatch, "")
    for number in range(3):
        done(work, make_document(alice, several(1) + b"%" * number, name=f"scan-{number}.pdf"))
    said = alices.get(reverse("documents:list")).content.decode()
    assert said.count("This PDF looks scanned") == 3
    assert "Upload a copy" not in said

    alice.is_superuser = True
    alice.save()
    assert alices.get(reverse("documents:list")).content.decode().count("apt-get") == 1


def test_where_ocr_is_switched_off_no_program_is_called_missing(alice, alices, work, tmp_path, settings):
    settings.OCR = False
    whole = done(work, make_document(alice, several(1), name="scan.pdf"))
    part = done(work, made(alice, tmp_path, WORDS, PICTURE))
    assert (whole.state, whole.failure_kind) == (State.FAILED, "ocr_off")
    for address in (reverse("documents:list"), whole.get_absolute_url(), part.get_absolute_url()):
        said = alices.get(address).content.decode()
        assert "tesseract" not in said
        assert "OCR=False" not in said
    assert "switched off on this site" in whole.remedy
    assert "switched off on this site" in page_of(alices, part)

    alice.is_superuser = True
    alice.save()
    for address in (reverse("documents:list"), whole.get_absolute_url(), part.get_absolute_url()):
        said = alices.get(address).content.decode()
        assert "tesseract" not in said
        assert "remove OCR=False" in said


def test_queued_ocr_does_not_run_once_it_is_switched_off(alice, work, settings, reads):
    document = make_document(alice, several(1), name="scan.pdf")
    document.index()
    settings.OCR = False
    document = done(work, document)
    assert (document.failure_kind, reads) == ("ocr_off", [])


@needs_tesseract
def test_a_language_that_is_not_installed_fails_no_page(alice, work, settings):
    settings.OCR_LANGUAGES = "xyz+eng"
    document = done(work, make_document(alice, several(1), name="scan.pdf"))
    assert document.state == State.READY


@needs_tesseract
def test_without_any_language_the_pages_wait_for_it(alice, work, settings):
    settings.OCR_LANGUAGES = "xyz"
    document = done(work, make_document(alice, several(1), name="scan.pdf"))
    assert (document.state, document.failure_kind) == (State.FAILED, "no_language")
    assert "OCR_LANGUAGES" in document.remedy

    settings.OCR_LANGUAGES = "eng"
    document.replay()
    assert done(work, document).state == State.READY


# Workers


def test_a_program_that_is_killed_from_outside_reads_the_page_once_more(
    alice, work, tmp_path, monkeypatch, reads
):
    read = ocr.ocr_page
    killed = iter([True])

    def killed_once(picture, **options):
        if next(killed, False):
            raise engines.OcrFailed("failed")
        return read(picture, **options)

    monkeypatch.setattr(ocr, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(ocr, "ocr_page", killed_once)
    document = done(work, made(alice, tmp_path, PICTURE))
    assert (document.state, len(reads)) == (State.READY, 1)


@needs_tesseract
@pytest.mark.slow
def test_a_worker_killed_at_the_third_of_five_scans_leaves_two_and_the_next_reads_three(
    alice, tmp_path, settings
):
    with Site(tmp_path, lines=("worker", "clock"), OCR="True") as site:
        settings.MEDIA_ROOT = site.folder / "files"
        document = make_document(alice, several(5), name="scan.pdf")
        tried = Page.objects.filter(version__document=document, report__has_key=TRIED)
        wait_for(lambda: tried.count() >= 2)
        site.kill("worker")
        kept = {page.pk: page.word_places for page in tried}
        assert 2 <= len(kept) < 5
        site.start("worker")
        wait_for(lambda: Document.objects.ready().filter(pk=document.pk).exists(), seconds=120)

    pages = list(Page.objects.filter(version__document=document))
    assert [page.number for page in pages] == [1, 2, 3, 4, 5]
    assert [page.text.count("Wednesday") for page in pages] == [1] * 5
    assert {page.pk: page.word_places for page in pages if page.pk in kept} == kept
    assert tried.all().count() == 5
