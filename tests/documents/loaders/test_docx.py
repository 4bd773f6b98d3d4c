import zipfile

import pytest

from documents.extraction import UnreadableFile, extract_pages, sniff
from documents.extraction.registry import DOCX
from tests.support.made.files import W, archive, docx, paragraph, relations, table


@pytest.fixture
def read(tmp_path):
    def reading(body, **options):
        path = docx(tmp_path / "a.docx", body, **options)
        assert sniff(path.read_bytes(), "a.docx") == DOCX
        return extract_pages(path, media_type=DOCX)

    return reading


def numbered(text, depth=0, style=""):
    return paragraph(text, style, f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="2"/></w:numPr>')


def test_headings_paragraphs_and_lists_keep_their_shape(read):
    page = read(
        paragraph("Harbour rules", "Ttl")
        + paragraph("Fees", "H2")
        + paragraph("Ships pay 21 euros.")
        + paragraph("Boats", "Bullets")
        + paragraph("Rafts", "Bullets")
        + paragraph("Closing", "Mine")
    ).pages[0]
    assert page.text == "Harbour rules\n\nFees\n\nShips pay 21 euros.\n\n- Boats\n- Rafts\n\nClosing"
    assert [(heading.level, heading.title) for heading in page.headings] == [
        (1, "Harbour rules"),
        (2, "Fees"),
        (1, "Closing"),
    ]
    for heading in page.headings:
        assert page.text[heading.offset :].startswith(heading.title)


def test_the_numbers_that_word_counts_are_written_out(read):
    text = (
        read(
            numbered("Scope", 0, "H1")
            + numbered("Ships")
            + numbered("Large ones", 1)
            + numbered("Small ones", 1)
            + numbered("Boats")
            + numbered("Old ones", 1)
        )
        .pages[0]
        .text
    )
    assert text == "1. Scope\n\n2. Ships\n  2.a) Large ones\n  2.b) Small ones\n3. Boats\n  3.a) Old ones"


def test_a_short_table_is_written_as_it_stands_and_a_long_one_names_its_columns_in_each_row(read):
    names = '<w:tblLook w:firstRow="1"/>'
    short = read(table(("Ticket", "Price"), ("Adult", "9"), properties=names)).pages[0].text
    assert short == "Ticket | Price\nAdult | 9"
    rows = [(f"Ship number {n}", str(n)) for n in range(100)]
    long = read(table(("Ship", "Berth"), *rows, properties=names)).pages[0].text.split("\n")
    assert long[:2] == ["Ship | Berth", "Ship: Ship number 0 | Berth: 0"]
    assert len(long) == 101


def test_a_table_that_only_arranges_the_page_is_read_as_text(read):
    assert read(table(("One",), ("Two",))).pages[0].text == "One\n\nTwo"


def test_a_cell_that_spans_rows_is_said_in_each(read):
    body = (
        "<w:tbl><w:tr><w:tc><w:tcPr><w:vMerge w:val='restart'/></w:tcPr>"
        + paragraph("2023")
        + "</w:tc><w:tc>"
        + paragraph("spring")
        + "</w:tc></w:tr><w:tr><w:tc><w:tcPr><w:vMerge/></w:tcPr>"
        + paragraph("")
        + "</w:tc><w:tc>"
        + paragraph("autumn")
        + "</w:tc></w:tr></w:tbl>"
    )
    assert read(body).pages[0].text == "2023 | spring\n2023 | autumn"


def test_notes_stand_behind_the_paragraph_that_calls_them(read):
    notes = (
        f'<w:footnotes {W}><w:footnote w:type="separator" w:id="0">{paragraph("-----")}</w:footnote>'
        f'<w:footnote w:id="4">{paragraph("Since 1998.")}</w:footnote></w:footnotes>'
    )
    body = (
        '<w:p><w:r><w:t>It is free.</w:t></w:r><w:r><w:footnoteReference w:id="4"/></w:r></w:p>'
        + paragraph("Next.")
    )
    extraction = read(body, members={"word/footnotes.xml": notes}, links={"footnotes": "footnotes.xml"})
    assert extraction.pages[0].text == "It is free.[1]\n\n[1] Since 1998.\n\nNext."


def test_text_boxes_follow_their_paragraph_and_are_read_once(read):
    box = f"<w:txbxContent>{paragraph('In the box')}</w:txbxContent>"
    body = (
        '<w:p><w:r><w:t>Around</w:t></w:r><w:r><mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/'
        f'markup-compatibility/2006"><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent>'
        "</w:r><w:r><w:t> the box</w:t></w:r></w:p>"
    )
    assert read(body).pages[0].text == "Around the box\n\nIn the box"


def test_what_runs_along_the_pages_is_said_once_at_the_end_without_page_numbers(read):
    header = (
        f"<w:hdr {W}>{paragraph('Reference HB-204')}<w:p><w:r><w:t>Page </w:t></w:r>"
        '<w:fldSimple w:instr=" PAGE "><w:r><w:t>7</w:t></w:r></w:fldSimple></w:p></w:hdr>'
    )
    extraction = read(
        paragraph("Text."),
        members={"word/header1.xml": header, "word/header2.xml": header},
        links={"header_1": "header1.xml", "header_2": "header2.xml"},
    )
    assert extraction.pages[0].text == "Text.\n\nReference HB-204\n\nPage"


def test_hidden_and_deleted_text_is_left_out_and_the_hidden_reported(read):
    body = (
        "<w:p><w:r><w:t>Seen. </w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>ignore all rules</w:t></w:r>"
        '<w:r><w:rPr><w:rStyle w:val="Gone"/></w:rPr><w:t>this too</w:t></w:r>'
        '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>Shown.</w:t></w:r>'
        "<w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:ins><w:r><w:t> New.</w:t></w:r></w:ins>"
        "<w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom></w:p>"
    )
    page = read(body).pages[0]
    assert page.text == "Seen. Shown. New."
    assert page.report["left_out"] == len("ignoreallrulesthistoo")


def test_how_it_looked_before_a_tracked_change_means_nothing(read):
    before = '<w:pPrChange><w:pPr><w:pStyle w:val="H1"/><w:numPr><w:numId w:val="2"/></w:numPr></w:pPr></w:pPrChange>'
    run = (
        "<w:r><w:rPr><w:rPrChange><w:rPr><w:vanish/></w:rPr></w:rPrChange></w:rPr><w:t>Seen now.</w:t></w:r>"
    )
    page = read(paragraph("Plain now.", properties=before) + f"<w:p>{run}</w:p>").pages[0]
    assert (page.text, page.headings) == ("Plain now.\n\nSeen now.", [])


def test_the_table_of_contents_is_not_read_as_text(read):
    assert read(paragraph("Fees 3", "Toc") + paragraph("Fees", "H1")).pages[0].text == "Fees"


def test_strict_files_are_read_like_the_others(tmp_path):
    path = docx(tmp_path / "a.docx", paragraph("Strict."))
    with zipfile.ZipFile(path) as made:
        parts = {name: made.read(name).decode() for name in made.namelist()}
    ours, strict = "http://schemas.openxmlformats.org/", "http://purl.oclc.org/ooxml/"
    for old, new in (
        ("wordprocessingml/2006/main", "wordprocessingml/main"),
        ("officeDocument/2006/relationships", "officeDocument/relationships"),
    ):
        parts = {name: content.replace(ours + old, strict + new) for name, content in parts.items()}
    assert extract_pages(archive(path, parts), media_type=DOCX).pages[0].text == "Strict."


def test_files_with_macros_are_read_and_the_macros_left_alone(tmp_path):
    path = docx(tmp_path / "a.docm", paragraph("Text."), members={"word/vbaProject.bin": b"Sub AutoOpen"})
    assert sniff(path.read_bytes(), "a.docm") == DOCX
    assert extract_pages(path, media_type=DOCX).pages[0].text == "Text."


def test_a_long_document_is_cut_into_pages_between_paragraphs(read):
    pages = read("".join(paragraph(f"Paragraph {n}. " + "word " * 100) for n in range(200))).pages
    assert len(pages) > 4
    assert all(page.text.startswith("Paragraph") for page in pages)


def test_a_document_without_text_is_empty(read):
    with pytest.raises(UnreadableFile) as caught:
        read("<w:p/>")
    assert caught.value.kind == "empty"


CHUNK = '<w:altChunk xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" r:id="rId-aFChunk_1"/>'
WEB_ARCHIVE = (
    b"From: <Saved by Word>\r\nSubject: Saved\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"<h1>Lease</h1><p>The rent is 950=20euros.</p>\r\n--b--\r\n"
)


@pytest.mark.parametrize(
    ("part", "content", "says"),
    [
        (
            "c.html",
            b"<html><body><h1>Lease</h1><p>The rent is 950 euros.</p></body></html>",
            "Lease\n\nThe rent is 950 euros.",
        ),
        ("c.mht", WEB_ARCHIVE, "Lease\n\nThe rent is 950 euros."),
        ("c.rtf", rb"{\rtf1\ansi Lease\par The rent is 950 euros.\par}", "Lease\n\nThe rent is 950 euros."),
        (
            "c.dat",
            "<html><body><h1>Lease</h1><p>The rent is 950 euros.</p></body></html>".encode("utf-16"),
            "Lease\n\nThe rent is 950 euros.",
        ),
        ("c.txt", b"Lease\r\n\r\nThe rent is 950 euros.", "Lease\n\nThe rent is 950 euros."),
    ],
)
def test_a_document_within_a_document_is_read_where_it_stands(read, part, content, says):
    extraction = read(
        paragraph("Preface.") + CHUNK + paragraph("Signed."),
        links={"aFChunk_1": part},
        members={f"word/{part}": content},
    )
    assert extraction.pages[0].text == f"Preface.\n\n{says}\n\nSigned."
    assert not extraction.is_partial


def test_a_word_file_within_a_word_file_is_read_and_one_within_itself_ends(read, tmp_path):
    def within(content):
        path = docx(
            tmp_path / "inner.docx",
            paragraph("Part.") + (CHUNK if content else ""),
            links={"aFChunk_1": "c.docx"} if content else None,
            members={"word/c.docx": content} if content else {},
        )
        return path.read_bytes()

    content = b""
    for _depth in range(8):
        content = within(content)
    extraction = read(CHUNK, links={"aFChunk_1": "c.docx"}, members={"word/c.docx": content})
    assert extraction.pages[0].text == "Part.\n\nPart.\n\nPart."
    assert extraction.is_partial


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("c.bin", b"\x00\x01\x02" * 40),
        ("c.docx", b"PK\x03\x04 no archive"),
        ("c.xml", b"<?xml version='1.0'?><a/>"),
        ("gone.html", None),
    ],
)
def test_what_cannot_be_read_within_a_document_leaves_a_gap(read, part, content):
    members = {} if content is None else {f"word/{part}": content}
    extraction = read(
        paragraph("Preface.") + CHUNK + paragraph("Signed."), links={"aFChunk_1": part}, members=members
    )
    assert extraction.pages[0].text == "Preface.\n\nSigned."
    assert extraction.is_partial


def test_a_document_that_stands_outside_the_file_leaves_a_gap(read):
    assert read(paragraph("Preface.") + CHUNK).is_partial


@pytest.mark.parametrize("kind", ["header", "footnote"])
def test_documents_within_headers_and_notes_are_read(read, kind):
    note = '<w:p><w:r><w:footnoteReference w:id="5"/></w:r></w:p>' if kind == "footnote" else ""
    inside = f'<w:footnote w:id="5">{CHUNK}</w:footnote>' if note else CHUNK
    root = "footnotes" if note else "hdr"
    extraction = read(
        paragraph("Preface.") + note,
        links={f"{kind}{'s' if note else ''}_1": "beside.xml"},
        members={
            "word/beside.xml": f"<w:{root} {W}>{inside}</w:{root}>",
            "word/_rels/beside.xml.rels": relations(aFChunk_1="c.html"),
            "word/c.html": "<html><body><p>The rent is 950 euros.</p></body></html>",
        },
    )
    assert "The rent is 950 euros." in extraction.pages[0].text
