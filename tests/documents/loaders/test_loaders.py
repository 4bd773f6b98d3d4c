import logging

import pytest
from django.core.checks import run_checks
from django.core.files.uploadedfile import SimpleUploadedFile

from documents.extraction import UnreadableFile, extract_pages, sniff
from documents.extraction.registry import DOCX, LOADERS, accepted_types, loader_for
from documents.models import Document
from qa.retrieval.retriever import find_sources
from tests.support.made.files import docx, paragraph

OURS = "tests.support.subtitles"
CUES = b"1\n00:01 --> 00:02\nThe fee is 21 euros.\n\n2\n00:03 --> 00:04\nGoodbye."


@pytest.fixture
def read(settings, tmp_path):
    """A file of a kind that only a loader from the settings reads, read by that loader."""

    def reading(function, content=CUES):
        settings.DOCUMENT_LOADERS = {".vtt": f"{OURS}.{function}"}
        path = tmp_path / "a.vtt"
        path.write_bytes(content)
        return extract_pages(path, media_type=sniff(content, path.name), name=path.name)

    return reading


def test_a_loader_from_the_settings_reads_what_nothing_else_does(read):
    extraction = read("load")
    assert extraction.title == "Subtitles"
    assert [page.text for page in extraction.pages] == [
        "00:01 --> 00:02\nThe fee is 21 euros.",
        "00:03 --> 00:04\nGoodbye.",
    ]


def test_without_that_loader_such_a_file_is_a_plain_text():
    assert sniff(CUES, "a.vtt") == "text/plain"


def test_a_loader_for_a_media_type_from_the_settings_reads_texts_of_that_type(settings):
    settings.DOCUMENT_LOADERS = {"text/vtt": f"{OURS}.load"}
    assert loader_for(sniff(CUES, "a.vtt"), "a.vtt") == f"{OURS}.load"


def test_a_reader_of_llama_index_fits_in_a_few_lines(read):
    assert read("load_by_reader", b"First\n\nSecond").pages[1].text == "Second"


def test_a_loader_from_the_settings_may_take_the_place_of_ours(settings):
    settings.DOCUMENT_LOADERS = {"text/csv": f"{OURS}.load", ".docx": f"{OURS}.load"}
    assert loader_for("text/csv", "a.csv") == f"{OURS}.load"
    assert loader_for(DOCX, "A.DOCX") == f"{OURS}.load"
    assert loader_for(DOCX, "renamed.bin") == LOADERS[DOCX]
    assert ".docx" in accepted_types()


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        ("stumbling", "damaged"),
        ("dying", "limit"),
        ("greedy", "limit"),
        ("busy", "timeout"),
        ("missing", "no_loader"),
    ],
)
def test_whatever_becomes_of_a_loader_is_a_plain_failure(read, function, kind, caplog):
    with caplog.at_level(logging.WARNING), pytest.raises(UnreadableFile) as caught:
        read(function, b"a secret word")
    assert caught.value.kind == kind
    assert str(caught.value.remedy)
    assert "secret" not in caplog.text


def test_a_loaders_own_error_is_told_to_the_operator_by_type_and_place(read, caplog):
    with caplog.at_level(logging.WARNING), pytest.raises(UnreadableFile):
        read("stumbling")
    assert "KeyError at subtitles.py:" in caplog.text


def test_what_a_loader_says_is_made_storable(read):
    extraction = read("nonsense")
    first, second = extraction.pages
    assert first.text == "a" + 5 * " " + "b", "each bad character gives way to one that can be stored"
    assert first.headings == [(0, 9, "here")]
    assert (second.problem, len(second.label) <= 40) == ("unreadable", True)
    assert (extraction.title, extraction.metadata) == ("t", {"key ": ["value ", 5]})


def test_a_loader_sees_no_keys(read, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert "OPENAI_API_KEY" not in read("reveals_environment").pages[0].text


def test_progress_is_told_at_the_end(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("text")
    told = []
    extract_pages(path, media_type="text/plain", on_progress=lambda *counts: told.append(counts))
    assert told[-1] == (1, 1)


def test_a_check_names_a_loader_that_is_not_installed(settings):
    settings.DOCUMENT_LOADERS = {".vtt": "no_such_package.load", ".srt": f"{OURS}.load"}
    found = [message for message in run_checks() if message.id == "ragsite.E002"]
    assert len(found) == 1
    assert "no_such_package.load" in found[0].msg


def test_a_word_file_is_searchable_after_its_upload(
    client, alice, bob, work, tmp_path, django_capture_on_commit_callbacks
):
    path = docx(
        tmp_path / "a.docx",
        paragraph("Harbour fees", "H1") + paragraph("Ships longer than 20 metres pay 21 euros a day."),
    )
    client.force_login(alice)
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/documents/upload/", {"files": SimpleUploadedFile("fees.docx", path.read_bytes())})
    work()
    document = Document.objects.get()
    assert document.state == "ready"
    source = find_sources("What do long ships pay?", user=alice)[0]
    assert "21 euros" in source.text
    assert source.heading_path == ["Harbour fees"]
    assert find_sources("What do long ships pay?", user=bob) == []


def test_an_old_word_file_is_refused_with_what_to_do_about_it(client, alice):
    client.force_login(alice)
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    page = client.post("/documents/upload/", {"files": SimpleUploadedFile("letter.doc", old)}).text
    assert "This is an old Word file (.doc)." in page
    assert "save it as .docx" in page
    assert not Document.objects.exists()
