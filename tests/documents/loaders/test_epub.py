import pytest

from documents.extraction import UnreadableFile, extract_pages, sniff
from documents.extraction.registry import EPUB
from tests.support.made.files import epub

TITLES = '<nav><a href="text/c0%20x.xhtml">One</a><a href="text/c1%20x.xhtml#a">Two, or more</a></nav>'


def read(tmp_path, *chapters, **options):
    path = epub(tmp_path / "a.epub", *chapters, **options)
    assert sniff(path.read_bytes(), "a.epub") == EPUB
    return extract_pages(path, media_type=EPUB)


def test_chapters_are_pages_in_reading_order_under_their_titles(tmp_path):
    extraction = read(
        tmp_path, "<h1>One</h1><p>Text.", "<p>Plain&nbsp;text.", "<div/>", "<h2>Last</h2>z", contents=TITLES
    )
    assert (extraction.title, extraction.metadata["author"]) == ("The Harbour", "A. Writer")
    assert [(page.label, page.text) for page in extraction.pages] == [
        ("One", "One\n\nText."),
        ("Two, or more", "Two, or more\n\nPlain text."),
        ("Last", "Last\n\nz"),
    ]
    assert [page.headings[0].title for page in extraction.pages] == ["One", "Two, or more", "Last"]


def test_a_chapter_in_letters_that_nobody_can_make_out_does_not_cost_the_others(tmp_path):
    extraction = read(tmp_path, "<h1>One</h1>", b"\xff\xfe\x00\xd8\x00\xd8<p>", "<h1>Three</h1>")
    assert [page.text for page in extraction.pages] == ["One", "Three"]
    assert extraction.is_partial


def test_older_books_have_another_table_of_contents(tmp_path):
    ncx = (
        '<?xml version="1.0"?><!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "http://www.daisy.org/z3986/2005/ncx-2005-1.dtd">'
        '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel><text>Begin</text></navLabel>'
        '<content src="text/c0%20x.xhtml"/></navPoint></navMap></ncx>'
    )
    book = (
        '<package xmlns="http://www.idpf.org/2007/opf"><manifest><item id="n" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
        '<item id="c" href="text/c0%20x.xhtml" media-type="application/xhtml+xml"/></manifest><spine toc="n"><itemref idref="c"/></spine></package>'
    )
    members = {"OEBPS/book.opf": book, "OEBPS/toc.ncx": ncx}
    assert read(tmp_path, "<p>Text.", members=members).pages[0].text == "Begin\n\nText."


def test_a_long_chapter_is_cut_into_pages_of_the_same_name(tmp_path):
    pages = read(tmp_path, "<h1>Long</h1>" + "<p>word</p>" * 10 + f"<p>{'word ' * 200}</p>" * 100).pages
    assert len(pages) > 3
    assert {page.label for page in pages} == {"Long"}


@pytest.mark.parametrize(
    ("algorithm", "is_read"),
    [("http://www.idpf.org/2008/embedding", True), ("http://www.w3.org/2001/04/xmlenc#aes256-cbc", False)],
)
def test_scrambled_fonts_are_no_protection_but_encrypted_chapters_are(tmp_path, algorithm, is_read):
    encryption = (
        '<encryption xmlns:e="http://www.w3.org/2001/04/xmlenc#"><e:EncryptedData><e:EncryptionMethod Algorithm="'
        f'{algorithm}"/><e:CipherData><e:CipherReference URI="OEBPS/text/c0%20x.xhtml"/></e:CipherData></e:EncryptedData></encryption>'
    )
    members = {"META-INF/encryption.xml": encryption}
    if is_read:
        assert read(tmp_path, "<p>Text.", members=members).pages[0].text == "Text."
    else:
        with pytest.raises(UnreadableFile) as caught:
            read(tmp_path, "<p>Text.", members=members)
        assert "copy protection" in str(caught.value.sentence)


def test_a_book_that_points_nowhere_is_damaged(tmp_path):
    members = {"META-INF/container.xml": "<container/>"}
    with pytest.raises(UnreadableFile) as caught:
        read(tmp_path, "<p>Text.", members=members)
    assert caught.value.kind == "damaged"
