import pytest

from documents.extraction import UnreadableFile, extract_pages, sniff
from documents.extraction.wording import FORMATS, WORDINGS
from tests.documents.made_pdfs import SAMPLES


@pytest.mark.parametrize(
    ("first", "name", "media_type"),
    [
        (b"%PDF-1.7\n%\xe2\xe3", "report.pdf", "application/pdf"),
        (b"%PDF-1.7\n%\xe2\xe3", "report", "application/pdf"),
        (b"\r\n junk before\n%PDF-1.4", "REPORT.PDF", "application/pdf"),
        (b"%PDF-1.4 \x00\x01", "wrongly-named.txt", "application/pdf"),
        (b"plain words", "notes.txt", "text/plain"),
        (b"plain words", "README", "text/plain"),
        ("Grüße\n".encode("cp1252"), "brief.TXT", "text/plain"),
        ("wide".encode("utf-16"), "wide.txt", "text/plain"),
        (b"# Title", "notes.md", "text/markdown"),
        (b"<h1>html in markdown</h1>", "notes.markdown", "text/markdown"),
        (b"A PDF begins with %PDF- you know", "about.md", "text/markdown"),
        (b"MZ is what programs begin with", "about.txt", "text/plain"),
    ],
)
def test_what_can_be_read_is_recognised(first, name, media_type):
    assert sniff(first, name) == media_type


@pytest.mark.parametrize(
    ("first", "name", "kind", "says"),
    [
        (b"", "a.pdf", "empty", "no text"),
        (b"  \n", "a.txt", "empty", "no text"),
        (b"plain words", "a.pdf", "not_pdf", "not one"),
        (b"<!DOCTYPE html><p>404", "a.pdf", "not_pdf", "not one"),
        (b"<!-- x --><html>", "a.txt", "unsupported", "Web pages"),
        (b"<svg xmlns=", "a.svg", "unsupported", "Web pages"),
        (b"<?xml version='1.0'?>", "a.xhtml", "unsupported", "Web pages"),
        (b"PK\x03\x04....word/document.xml", "a.docx", "unsupported", "Word"),
        (b"PK\x03\x04....", "a.zip", "unsupported", "Archives"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.doc", "unsupported", "Word"),
        (b"\x89PNG\r\n\x1a\n", "a.png", "unsupported", "Pictures"),
        (b"\xff\xd8\xff\xe0", "a.jpg", "unsupported", "Pictures"),
        (b"MZ\x90\x00\x03\x00", "a.exe", "unsupported", "program"),
        (b"\x7fELF\x02\x01", "a", "unsupported", "program"),
        (b"\x00\x01\x02", "a.txt", "unsupported", "cannot be read"),
        (b"a,b\n1,2", "a.csv", "unsupported", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused_in_plain_words(first, name, kind, says):
    with pytest.raises(UnreadableFile) as caught:
        sniff(first, name)
    assert caught.value.kind == kind
    assert says in str(caught.value.sentence)
    assert str(caught.value.remedy)


def test_a_refusal_names_what_can_be_uploaded():
    with pytest.raises(UnreadableFile) as caught:
        sniff(b"a,b", "a.csv")
    assert "PDF" in str(caught.value.remedy)
    assert "Markdown" in str(caught.value.remedy)


def test_every_failure_has_a_sentence_and_a_remedy_without_jargon():
    for wording in (*WORDINGS.values(), *FORMATS.values()):
        for text in (str(wording.sentence), str(wording.remedy)):
            assert text.endswith((".", ".)"))
            assert not any(word in text for word in ("Error", "Exception", "PDFium", "pypdf", "None"))


def test_an_unknown_media_type_is_unsupported():
    with pytest.raises(UnreadableFile) as caught:
        extract_pages(SAMPLES / "handbook.txt", media_type="image/png")
    assert caught.value.kind == "unsupported"
