import pkgutil

import pytest

from documents.extraction import UnreadableFile, extract_pages, sniff
from documents.extraction.registry import LOADERS
from documents.failure_messages import FORMATS, WORDINGS
from tests.support.made.files import made_ole, made_zip
from tests.support.made.pdfs import SAMPLES


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
        (b"<!-- x --><html>", "a.txt", "text/html"),
        (b"<?xml version='1.0'?>\n<html xmlns='x'>", "a.xhtml", "text/html"),
        (b"<p>A fragment", "a.htm", "text/html"),
        (b"<table><tr><td>1", "export.xls", "text/csv"),
        (b"<html><table>", "export.xls", "text/html"),
        (b"a,b\n1,2", "a.csv", "text/csv"),
        (b"a\tb\n1\t2", "a.TSV", "text/csv"),
        (b"{\\rtf1\\ansi", "letter.doc", "application/rtf"),
        (b"Received: by\nFrom: a@example.org", "a.eml", "message/rfc822"),
        (b"ID3 is a tag", "a.txt", "text/plain"),
    ],
)
def test_the_media_type_of_a_supported_file_is_detected(first, name, media_type):
    assert sniff(first, name) == media_type


@pytest.mark.parametrize(
    ("first", "name", "kind", "says"),
    [
        (b"", "a.pdf", "empty", "no text"),
        (b"  \n", "a.txt", "empty", "no text"),
        (b"plain words", "a.pdf", "not_pdf", "not a PDF"),
        (b"<!DOCTYPE html><p>404", "a.pdf", "not_pdf", "not a PDF"),
        (b"<svg xmlns=", "a.svg", "unsupported", "Images"),
        (b"<?xml version='1.0'?><svg>", "a.html", "unsupported", "Images"),
        (b"PK\x03\x04....", "a.docx", "damaged", "damaged or incomplete"),
        (made_zip({"notes.txt": "x"}), "a.zip", "unsupported", "Archives"),
        (made_zip({"notes.txt": "x"}), "a.docx", "unsupported", "does not match its name"),
        (made_zip({"[Content_Types].xml": "", "xl/workbook.bin": ""}), "a.xlsb", "unsupported", "xlsb"),
        (made_zip({"Index/Document.iwa": ""}), "a.pages", "unsupported", "Pages"),
        (made_ole("WordDocument"), "a.doc", "unsupported", "old Word file"),
        (made_ole("Root Entry", "Workbook"), "a.doc", "unsupported", "old Excel file"),
        (made_ole("PowerPoint Document"), "a.ppt", "unsupported", "old PowerPoint file"),
        (made_ole("EncryptionInfo", "EncryptedPackage"), "a.docx", "unsupported", "needs a password"),
        (made_ole(*"abcdefgh", "__properties_version1.0"), "a.msg", "unsupported", "Outlook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.xls", "unsupported", "old Excel file"),
        (
            b'<?xml version="1.0"?>\r\n<?mso-application progid="Excel.Sheet"?><Workbook/>',
            "a.xls",
            "unsupported",
            "old Excel file",
        ),
        (
            b'<?xml version="1.0"?>\n\n<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"/>',
            "a.fodt",
            "unsupported",
            "flat XML",
        ),
        (
            b'<?xml version="1.0"?><?mso-application progid="Word.Document"?><w/>',
            "a.xml",
            "unsupported",
            "old Word file",
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a", "unsupported", "old Office file"),
        (b"plain words", "a.docx", "unsupported", "does not match its name"),
        (b"\x01\x02\x03" * 50, "a.xyz", "unsupported", "not supported"),
        (b"ID3\x04\x00\x00", "a.mp3", "unsupported", "Audio and video"),
        (b"\x00\x00\x00\x20ftypisom", "a.mp4", "unsupported", "Audio and video"),
        (b"\x00\x00\x00\x20ftypheic", "a.heic", "unsupported", "Images"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "a.webp", "unsupported", "Images"),
        (b"\x89PNG\r\n\x1a\n", "a.png", "unsupported", "Images"),
        (b"\xff\xd8\xff\xe0", "a.jpg", "unsupported", "Images"),
        (b"MZ\x90\x00\x03\x00", "a.exe", "unsupported", "program"),
        (b"\x7fELF\x02\x01", "a", "unsupported", "program"),
        (b"\x00\x01\x02", "a.txt", "unsupported", "not supported"),
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
        sniff(b"\x01\x02\x03", "a.xyz")
    assert "PDF" in str(caught.value.remedy)
    assert "Markdown" in str(caught.value.remedy)
    assert "Word" in str(caught.value.remedy)


def test_every_kind_that_is_offered_has_a_loader_that_is_there():
    for path in LOADERS.values():
        assert callable(pkgutil.resolve_name(path))


def test_every_failure_has_a_sentence_and_a_remedy_without_jargon():
    for wording in (*WORDINGS.values(), *FORMATS.values()):
        for text in (str(wording.sentence), str(wording.remedy)):
            assert text.endswith((".", ".)"))
            assert not any(word in text for word in ("Error", "Exception", "PDFium", "pypdf", "None"))


def test_an_unknown_media_type_is_unsupported():
    with pytest.raises(UnreadableFile) as caught:
        extract_pages(SAMPLES / "handbook.txt", media_type="image/png")
    assert caught.value.kind == "unsupported"
