import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from documents.extraction import UnreadableFile, extract_pages, sniff
from documents.extraction.cleanup.garbage import PIECE, solid_length
from documents.extraction.text.markdown import headings
from documents.extraction.text.plain import PAGE_LENGTH, decode, page_ranges
from documents.structure.document_text import join_pages


def read(tmp_path, content, media_type="text/plain"):
    path = tmp_path / "file"
    path.write_bytes(content)
    return extract_pages(path, media_type=media_type)


def test_a_text_is_left_as_it_was_written(tmp_path):
    text = "  A line - with\n\n\n  odd  spaces-\nand ends. \n"
    pages = read(tmp_path, text.encode()).pages
    assert [page.text for page in pages] == [text]


def test_the_letters_of_a_long_text_are_counted_in_little_memory():
    text = "маяк порта\n" * (3 * PIECE // 11)
    tracemalloc.start()
    counted = solid_length(text)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert counted == len(text) - text.count(" ") - text.count("\n")
    assert peak < 30 * PIECE  # the words of all of it take 50 times


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252", "cp1251", "shift_jis", "gb18030"],
)
def test_common_encodings_are_made_out(encoding):
    samples = {
        "cp1251": "Обсерватория открыта для посетителей со среды по воскресенье. Билет стоит сорок два рубля.",
        "shift_jis": "天文台は水曜日から日曜日まで開いています。入場料は四百円です。ようこそいらっしゃいました。",
        "gb18030": "天文台每周三至周日对外开放。门票为四十二元。欢迎参观我们的大望远镜和图书馆。",
    }
    text = (
        samples.get(
            encoding,
            "Das Fernrohr ist größer, und der Eintritt für Schüler kostet 21 €. Öffnungszeiten früher.",
        )
        * 3
    )
    content = text.encode(encoding)
    if encoding == "utf-16-le":
        content = b"\xff\xfe" + content
    assert decode(content) == text


def test_line_ends_become_newlines_and_the_mark_goes():
    assert decode(b"\xef\xbb\xbfone\r\ntwo\rthree\n") == "one\ntwo\nthree\n"


@pytest.mark.parametrize("content", [b"\x00\x01\x02\x03" * 100, b"\xff\xfe\x00", bytes(range(256)) * 20])
def test_what_is_no_text_is_refused(content):
    with pytest.raises(UnreadableFile) as caught:
        decode(content)
    assert caught.value.kind == "encoding"


def test_a_stray_nul_is_no_reason_to_refuse_and_is_not_stored():
    assert decode(b"a" * 2000 + b"\x00" + b"b") == "a" * 2000 + " b"
    assert sniff(b"Log\x00 " + b"It rains in Bergen. " * 60, "rain.log") == "text/plain"
    with pytest.raises(UnreadableFile):
        sniff(b"Log\x00 " * 60, "rain.log")


@pytest.mark.parametrize("content", [b"", b"  \n \t\r\n"])
def test_a_text_of_nothing_is_empty(tmp_path, content):
    with pytest.raises(UnreadableFile) as caught:
        read(tmp_path, content)
    assert caught.value.kind == "empty"


def test_a_long_text_is_cut_into_pages_at_ends_of_paragraphs(tmp_path):
    text = "\n\n".join(f"Paragraph {n}. " + "word " * 50 for n in range(600))
    pages = read(tmp_path, text.encode()).pages
    assert len(pages) > 5
    assert all(page.text.startswith("Paragraph") and len(page.text) <= PAGE_LENGTH for page in pages)
    assert join_pages([page.text for page in pages]) == text


def test_a_form_feed_between_paragraphs_begins_a_page():
    text = "First page.\n\n\fSecond page.\n\n\fThird page."
    assert [text[start:end] for start, end in page_ranges(text)] == [
        "First page.",
        "\fSecond page.",
        "\fThird page.",
    ]


PIECES = st.sampled_from(["\n\n", "\n", "\f", "word ", "x" * 3000, "x" * 30_000, "\n\n\n"])


@given(st.lists(PIECES, max_size=30).map("".join))
@settings(deadline=None)
def test_pages_joined_by_blank_lines_are_the_text(text):
    assert join_pages([text[start:end] for start, end in page_ranges(text)]) == text


def test_markdown_headings_are_found_outside_code():
    text = (
        "# Observatory #\n\nIntro\n\nOpening hours\n=============\n\n```\n# a comment\n```\n\n### [Prices](x) of *all* kinds\n"
        "#hashtag\n\n- item\n---\n\nSub\n---\n    # indented code\n~~~python\n## no\n~~~\n## Last"
    )
    found = headings(text)
    titles = [(1, "Observatory"), (1, "Opening hours"), (3, "Prices of all kinds"), (2, "Sub"), (2, "Last")]
    assert [(heading.level, heading.title) for heading in found] == titles
    assert text[found[1].offset :].startswith("Opening hours\n===")


def test_markdown_headings_belong_to_their_page_and_give_the_title(tmp_path):
    text = "# Guide\n\n" + "\n\n".join(f"## Part {n}\n\n" + "word " * 500 for n in range(30))
    extraction = read(tmp_path, text.encode(), "text/markdown")
    assert extraction.title == "Guide"
    for page in extraction.pages:
        for heading in page.headings:
            assert page.text[heading.offset :].lstrip("# ").startswith(heading.title)
    assert sum(len(page.headings) for page in extraction.pages) == 31


def test_front_matter_gives_the_title_and_no_heading(tmp_path):
    text = '---\ntitle: "Keeper: a guide"\ntags:\n  - sea\n# a remark\ndate: 2024-03-01\n---\n\n# Lamps\n\nOil.\n'
    extraction = read(tmp_path, text.encode(), "text/markdown")
    (page,) = extraction.pages
    assert extraction.title == "Keeper: a guide"
    assert page.text == text
    assert [(heading.title, page.text[heading.offset :][:7]) for heading in page.headings] == [
        ("Lamps", "# Lamps")
    ]
    assert read(tmp_path, b"---\ndate: 2024\n---\n# Lamps\n", "text/markdown").title == "Lamps"


@pytest.mark.parametrize("text", ["---\nLamps\n---\n\nOil.", "---\n\nLamps\n-----\n\nOil: none."])
def test_a_rule_at_the_beginning_is_no_front_matter(text):
    assert [heading.title for heading in headings(text)] == ["Lamps"]


def test_plain_text_has_no_headings(tmp_path):
    assert read(tmp_path, b"# not a heading here").pages[0].headings == []


@given(st.text(alphabet="#=-`~ \nab*[]()|>1.", max_size=300))
def test_every_markdown_heading_stands_at_the_beginning_of_a_line(text):
    for heading in headings(text):
        assert heading.offset == 0 or text[heading.offset - 1] == "\n"
