"""Pages in older encodings: stored in UTF-8, within the limits on size and memory."""

import tracemalloc
from tempfile import NamedTemporaryFile

import pytest

from documents.extraction import UnreadableFile
from documents.extraction.text.encodings import decode
from documents.sources.web.naming import foreign_encoding
from documents.sources.web.recoding import in_utf8

GERMAN = "Das Maß fällt über die Größe."


def recoded(content, encoding, max_bytes=1_000_000):
    with NamedTemporaryFile() as file:
        file.write(content)
        size = in_utf8(file, encoding, max_bytes)
        file.seek(0)
        stored = file.read()
    assert size == len(stored)
    return stored


@pytest.mark.parametrize(
    "encoding", ["cp1252", "utf-16-be", "utf-16-le", "iso-8859-15", "koi8-r", "iso2022_jp"]
)
def test_a_text_is_kept_in_utf_8_wherever_its_pieces_are_cut(encoding, monkeypatch):
    monkeypatch.setattr("documents.sources.web.recoding.CHUNK_SIZE", 3)
    text = {"koi8-r": "Он идёт.", "iso2022_jp": "天文台は水曜日。"}.get(encoding, GERMAN)
    assert recoded(text.encode(encoding), encoding).decode("utf-8-sig") == text


@pytest.mark.parametrize("content", [GERMAN.encode(), GERMAN.encode("utf-8-sig"), GERMAN.encode("utf-16")])
def test_a_page_that_is_not_in_the_encoding_its_site_names_stays_as_it_is(content):
    assert recoded(content, "cp1252") == content


def test_recoding_a_large_page_takes_little_memory():
    content = ("Bergen. " * 500_000).encode("utf-16-le")
    tracemalloc.start()
    try:
        with NamedTemporaryFile() as file:
            file.write(content)
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            assert in_utf8(file, "utf-16-le", 5_000_000) == 3 + len(content) // 2
            assert tracemalloc.get_traced_memory()[1] - before < 1_000_000
    finally:
        tracemalloc.stop()


def test_the_limit_holds_for_the_recoded_text_too():
    content = ("天" * 400).encode("utf-16-le")
    with pytest.raises(UnreadableFile) as refused:
        recoded(content, "utf-16-le", max_bytes=1000)
    assert refused.value.kind == "page_large"


@pytest.mark.parametrize(
    "name",
    ["zip", "bz2", "hex", "base64", "rot13", "idna", "punycode", "unicode_escape", "raw-unicode-escape", "undefined", "uu", "mbcs"],
)  # fmt: skip
def test_what_no_text_is_written_in_is_no_encoding(name):
    assert foreign_encoding(f"text/html; charset={name}") == ""
    for spelling in (name, name.replace("_", ":").replace("-", " ")):
        assert decode(b"caf\\u00e9 xn--bcher-kva 6869", spelling) == "caf\\u00e9 xn--bcher-kva 6869"


@pytest.mark.parametrize("declared", ["iso-8859-1", "windows-1252", "us-ascii", "koi8-r", "utf-8", ""])
def test_a_text_in_utf_8_is_read_as_such_whatever_it_declares(declared):
    assert decode(GERMAN.encode(), declared) == GERMAN
    assert decode(GERMAN.encode("utf-8-sig"), declared) == GERMAN


@pytest.mark.parametrize("declared", ["iso-8859-1", "iso8859-1", "latin1"])
def test_a_text_that_is_not_in_utf_8_is_read_as_it_declares(declared):
    assert decode("Maß – „fällt“".encode("cp1252"), declared) == "Maß – „fällt“"


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-8"])
@pytest.mark.parametrize("text", [GERMAN, "Он идёт.", "天文台は水曜日。"])
def test_a_damaged_byte_in_utf_8_costs_one_letter(text, mark):
    assert decode((text * 60).encode(mark) + b"\xff") == text * 60 + "\ufffd"
    assert decode((text * 60).encode(mark) + b"\xc3") == text * 60 + "\ufffd"
