from contextlib import suppress

import pytest

from documents.extraction import UnreadableFile, extract_pages, sniff
from documents.extraction.registry import RTF

HEAD = (
    rb"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fnil\fcharset0 Calibri;}{\f1\fswiss\fcharset204 Arial;}{\f2\fcharset128 MS;}}"
    rb"{\stylesheet{\s0 Normal;}{\s1\b heading 1;}{\s5\outlinelevel1 Ours;}}{\info{\title Fees}{\author X}}"
)


@pytest.fixture
def read(tmp_path):
    def reading(body, head=HEAD, end=b"}"):
        path = tmp_path / "a.rtf"
        path.write_bytes(head + body + end)
        assert sniff(path.read_bytes(), "a.rtf") == RTF
        return extract_pages(path, media_type=RTF)

    return reading


def test_headings_paragraphs_and_lists_keep_their_shape(read):
    extraction = read(
        rb"\pard\s1 Harbour\par\pard\plain Ships {\b pa}y\line 21.\par{\listtext\f0 \'b7\tab}One\par{\pntext 2.\tab}Two\par"
        rb"\pard\s5 More\par\pard Last"
    )
    page = extraction.pages[0]
    assert extraction.title == "Fees"
    assert page.text == "Harbour\n\nShips pay\n21.\n\n- One\n2. Two\n\nMore\n\nLast"
    assert [(heading.level, heading.title) for heading in page.headings] == [(1, "Harbour"), (2, "More")]


def test_letters_are_made_out_whatever_they_are_written_in(read):
    text = (
        read(
            rb"Gr\'f6\'dfe \u8364?21 {\f1 \'cf\'f0\'e8\'e2\'e5\'f2} {\f2 \'93\'56\'95\'b6} \uc2\u26085\'93\'fa\uc1 \u-10179?\u-8704?"
            rb"\ldblquote so\rdblquote\emdash\~x\-y\_z\{\}"
        )
        .pages[0]
        .text
    )
    assert text == "Größe €21 Привет 天文 日😀“so”— xy-z{}"


def test_hidden_text_fields_pictures_and_unknown_groups_are_left_out(read):
    page = read(
        rb"{\header Page 3}Seen{\v secret}{\*\unknown no}{\field{\*\fldinst HYPERLINK x}{\fldrslt  link}}{\pict\bin4 }}{{x}"
        rb"{\deleted gone}{\shp{\*\shpinst{\sp{\sn a}{\sv b}}{\shptxt Boxed\par}}}."
    ).pages[0]
    assert page.text == "Seen link\nBoxed\n\n."
    assert page.report["left_out"] == 6


def test_tables_are_rows_and_notes_stand_where_they_are_called(read):
    text = (
        read(
            rb"Free{\footnote \pard Since 1998.}\par\trowd\pard\intbl Ticket\cell Price\cell\row\trowd\pard\intbl Adult\cell 9\cell\row"
            rb"\pard After\par"
        )
        .pages[0]
        .text
    )
    assert text == "Free [1: Since 1998.]\n\nTicket | Price\nAdult | 9\n\nAfter"


def test_notes_are_read_where_older_programs_skip_them_and_do_not_part_the_sentence(read):
    text = (
        read(rb"\pard Free{\super{\*\footnote\pard Since 1998.\par Or so.\par}} of charge.\par").pages[0].text
    )
    assert text == "Free [1: Since 1998. Or so. ] of charge."


def test_a_file_that_was_cut_off_is_read_as_far_as_it_goes(read):
    extraction = read(rb"\pard Ships pay 21.\par And th", end=b"")
    assert extraction.pages[0].text == "Ships pay 21.\n\nAnd th"
    assert extraction.is_partial


@pytest.mark.parametrize(
    "body", [b"{" * 100_000, rb"\bin999999999 x", rb"\u \u99999999 \'zz \f99999 \s-5 \cell\row\cell", b"\\"]
)
def test_hostile_control_words_do_no_harm(read, body):
    with suppress(UnreadableFile):  # anything else would be an error of ours
        assert read(rb"Text.\par " + body).pages[0].text.startswith("Text.")
