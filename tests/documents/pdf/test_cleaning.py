import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from documents.extraction.cleanup.clean_pages import (
    clean_pages,
    clean_text,
    raw_range,
)
from documents.extraction.cleanup.fold import fold
from documents.extraction.cleanup.garbage import garbled_share
from documents.extraction.cleanup.headers_footers.find import find_headers_and_footers
from documents.extraction.raw_page import RawPage

# Letters that break lines, words and stores, more often than chance would bring them.
PIECES = st.sampled_from(
    [
        "\r\n",
        "\n",
        "\n\n",
        "-\n",
        "\ufffe",
        "\u00ad",
        "\x00",
        "\u0301",
        "ﬁ",
        "ﷲ",
        " ",
        "\t",
        "\u00a0",
        "\ud800",
        "12",
        "Page 3",
        "• item",
        "word",
        "Word.",
        "zahl",
        "的",
        "שלום",
        "a",
        "Z",
        "-",
        "10.5",
        "\ufeff",
        "\u2028",
        "\f",
    ]
)
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=60).map("".join)


@given(st.lists(TEXTS, min_size=1, max_size=5))
@settings(max_examples=300, deadline=None)
def test_runs_map_equal_characters_in_order_without_overlap(texts):
    for raw, page in zip(texts, clean_pages([RawPage(text) for text in texts])[0], strict=True):
        clean_end = raw_end = 0
        for clean, at, length in page.runs:
            assert length > 0
            assert clean >= clean_end
            assert at >= raw_end
            assert page.text[clean : clean + length] == raw[at : at + length]
            clean_end, raw_end = clean + length, at + length
        assert clean_end <= len(page.text)


@given(st.lists(TEXTS, min_size=1, max_size=5))
@settings(max_examples=200, deadline=None)
def test_nothing_that_cannot_be_stored_is_left_and_little_is_added(texts):
    for raw, page in zip(texts, clean_pages([RawPage(text) for text in texts])[0], strict=True):
        assert not set(page.text) & {"\x00", "\ufffe", "\uffff", "\u00ad", "\ud800", "\r", "\t", "\f"}
        page.text.encode()
        assert len(page.text) <= 18 * raw.count("ﷺ") + 5 * len(raw)
        assert page.text == page.text.strip()


@given(st.text())
def test_folding_twice_changes_nothing(text):
    assert fold(fold(text)) == fold(text)


@given(TEXTS, st.data())
@settings(max_examples=200, deadline=None)
def test_every_cleaned_range_leads_to_a_range_of_the_raw_text(raw, data):
    text, runs = clean_text(raw)
    if text:
        start = data.draw(st.integers(0, len(text) - 1))
        end = data.draw(st.integers(start + 1, len(text)))
        raw_start, raw_end = raw_range(runs, start, end)
        assert 0 <= raw_start <= raw_end <= len(raw)
        kept = [
            (clean, at)
            for clean, at, length in runs
            for clean, at in zip(range(clean, clean + length), range(at, at + length), strict=True)
        ]
        assert all(raw_start <= at < raw_end for clean, at in kept if start <= clean < end)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("a refract\ufffeing telescope", "a refracting telescope"),
        ("a refract-\r\ning telescope with a long line", "a refracting telescope with a long line"),
        ("a refract\u00ad\ning telescope with a long line", "a refracting telescope with a long line"),
        ("the Anglo-\nSaxon chronicle and what it tells", "the Anglo-Saxon chronicle and what it tells"),
        ("of the well-\nknown law, well as known as it is", "of the well-known law, well as known as it is"),
        ("a mid\u00adline soft hyphen was printed", "a mid-line soft hyphen was printed"),
        ("in 2019\ufffe2020 it was shut", "in 2019-2020 it was shut"),
        ("all of the owners \ufffean equal share", "all of the owners - an equal share"),
        ('they call it "pre"-\nschool in that town', 'they call it "pre"-school in that town'),
        ("of the region/\ncountry that they are in", "of the region/country that they are in"),
        ("of the whole region /\nof the country as it is", "of the whole region / of the country as it is"),
        ("eﬃcient ﬂow", "efficient flow"),
        ("cafe\u0301 society", "café society"),
        ("½ of 10² is 50", "½ of 10² is 50"),
        ("a\u00a0b \t c", "a b c"),
        ("nul\x00l", "null"),
        (
            "O\nver the past twenty years the art has changed",
            "Over the past twenty years the art has changed",
        ),
        ("A\nlong time ago there was a long silence", "A long time ago there was a long silence"),
    ],
)
def test_characters_and_words_are_mended(raw, clean):
    assert clean_text(raw)[0] == clean


def test_a_compound_known_from_elsewhere_keeps_its_hyphen():
    raw = "The data-driven method is new to them.\nWhat follows of the data-\ndriven method is not all new."
    assert clean_text(raw)[0].count("data-driven") == 2


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("a short-\nlived plan", "a short-lived plan"),
        ("the fourth-\nround draft", "the fourth-round draft"),
        ("all the seven-\nteen of them", "all the seventeen of them"),
        ("in black-\nand-white prints", "in black-and-white prints"),
        ("of a thou-\nsand words", "of a thousand words"),
        ("an up-to-\ndate list", "an up-to-date list"),
        ("the state-\nof-the-art", "the state-of-the-art"),
        ("with a higher-\nlevel one", "with a higher-level one"),
        ("at https://gates.example/toll-\ngates and on", "at https://gates.example/toll-gates and on"),
        (
            "at https://gates.example/toll/\ngates.html and on",
            "at https://gates.example/toll/gates.html and on",
        ),
        ("at https://gates.\nexample/toll and on", "at https://gates.example/toll and on"),
        ("all files of /srv/gates/\nand none else", "all files of /srv/gates/ and none else"),
        ("all files of /srv/\ngates/toll there", "all files of /srv/gates/toll there"),
        ("they read and/\nor write there", "they read and/or write there"),
    ],
)
def test_a_hyphen_that_belongs_to_the_word_is_told_by_its_halves(broken, whole):
    assert clean_text(broken)[0] == whole


@pytest.mark.parametrize("hyphen", ["\ufffe", "-\r\n", "\u00ad\n"])
def test_a_word_that_a_page_breaks_stays_whole_on_the_first(hyphen):
    first = f"All of them were kept by the as{hyphen}3"
    pages, _ = clean_pages(
        [RawPage(first), RawPage("sistant, who went home.\n4"), RawPage("Then he slept.\n5")]
    )
    assert [page.text for page in pages][:2] == ["All of them were kept by the assistant,", "who went home."]


def test_a_footnote_is_not_joined_to_the_half_of_a_word_above_it():
    raw = "They were all kept by the assis\ufffe2 This is a footnote."
    lines = [[0, 31, 72, 300, 100, 13], [32, 54, 72, 250, 80, 10]]
    pages, _ = clean_pages([RawPage(raw, lines)])
    assert pages[0].text == "They were all kept by the assis-\n\n2 This is a footnote."


@pytest.mark.parametrize("hyphen", ["\r\n\ufffe", "\r\n\u00ad\r\n"])
def test_a_hyphen_for_which_pdfium_found_no_line_breaks_a_word(hyphen):
    assert clean_text(f"for we{hyphen}bcam users of them")[0] == "for webcam users of them"


@pytest.mark.parametrize(("left", "between"), [(101, ""), (103, " ")])
def test_pieces_of_one_printed_line_are_one_line(left, between):
    raw = "The wpa\r\n-psk can be long"
    geometry = [[0, 7, 60, 100, 700, 10], [9, 25, left, 200, 700, 10]]
    assert clean_pages([RawPage(raw, geometry)])[0][0].text == f"The wpa{between}-psk can be long"


def test_lines_of_a_paragraph_are_joined_and_paragraphs_kept_apart():
    raw = (
        "The first paragraph has lines that are about as long as this one,\nso that each of them was plainly broken for want of room\n"
        "and ends early.\nThe second one begins on a line of its own and goes on for a good\nwhile as well.\n"
    )
    first, second = clean_text(raw)[0].split("\n\n")
    assert first.endswith("for want of room and ends early.")
    assert second == "The second one begins on a line of its own and goes on for a good while as well."


def test_items_of_a_list_stay_on_lines_of_their_own():
    raw = "You should bring the following things with you to the gate:\n• a lamp\n• a coat\n• the letter that we sent"
    assert clean_text(raw)[0].endswith("gate:\n• a lamp\n• a coat\n• the letter that we sent")


def test_chinese_lines_are_joined_without_a_space():
    raw = "天文台每周三至周日十时至十七时对外开放欢迎参观\n每月第一个星期五大折射望远镜开放至午夜只要天气\n晴朗。"
    assert " " not in clean_text(raw)[0]
    assert "\n" not in clean_text(raw)[0]


def test_gaps_of_a_japanese_line_that_was_spread_are_no_spaces():
    raw = "探しているものが正しいか確認するために短い説 明 文は見た い と い う場 合 、 単 純に whatis を使うとよい。"
    assert clean_text(raw)[0] == raw.replace(" ", "").replace("whatis", " whatis ")
    assert clean_text("山田 太郎と 佐藤 花子")[0] == "山田 太郎と 佐藤 花子"


def test_a_latin_word_follows_a_japanese_comma_without_a_space():
    assert (
        "には、HTTP"
        in clean_text("ウェブサーバの挙動を確認するには、\nHTTP リクエストを使って調べる方法があります")[0]
    )


def pages_with(header, count=6, footer="{n}"):
    return [
        [
            header.format(n=n),
            *(f"Sentence {i} of page {n} says {n * i % 7}." for i in range(8)),
            footer.format(n=n),
        ]
        for n in range(1, count + 1)
    ]


@pytest.mark.parametrize(
    "header", ["The Tollgate Review", "The Tollgate Review | page {n}", "{n}   Introduction"]
)
@pytest.mark.parametrize("footer", ["{n}", "- {n} -", "Page {n} of 6", "{n} | Draft, do not cite"])
def test_headers_and_footers_are_found(header, footer):
    running, _ = find_headers_and_footers(pages_with(header, footer=footer))
    assert running == [{0, 9}] * 6


def test_headers_that_differ_on_left_and_right_pages_are_found():
    pages = pages_with("", 12)
    for number, page in enumerate(pages):
        page[0] = "The Tollgate Review" if number % 2 else "An essay on gates"
    assert all({0, 9} == found for found in find_headers_and_footers(pages)[0])


def test_roman_page_numbers_are_found():
    pages = pages_with("Preface of the review", 5)
    for page, numeral in zip(pages, ["i", "ii", "iii", "iv", "v"], strict=True):
        page[-1] = numeral
    assert all(9 in found for found in find_headers_and_footers(pages)[0])


def test_the_header_of_a_chapter_is_found():
    pages = pages_with("", 40)
    for number, page in enumerate(pages):
        page[0] = f"On the {'makers' if number < 20 else 'keepers' if number < 30 else 'breakers'} of gates"
    assert all(0 in found for found in find_headers_and_footers(pages)[0])


def test_the_header_of_a_section_of_one_page_is_found_by_its_number():
    """Left pages name the chapter, right pages the section: some sections have their line once."""
    sections = ["Tolls", "Keys", "Hinges", "Locks", "Bolts"]
    pages = pages_with("", 10)
    for number, page in enumerate(pages, 1):
        page[0] = f"{number} Chapter {1 + number // 4}. On gates"
        if number % 2:
            page[0] = f"3.{number}. {sections[number // 2]} {number}"
    assert all(0 in found for found in find_headers_and_footers(pages)[0])


@pytest.mark.parametrize("footer", ["Page 1 of 2", "- page 3 of 12 -", "Seite 1 von 1"])
def test_the_page_number_of_a_single_page_is_known_by_its_words(footer):
    assert find_headers_and_footers(pages_with("", 1, footer=footer))[0] == [{9}]


@pytest.mark.parametrize("footer", ["1", "1 / 2", "Page 3 of 2", "We paid page 1 of 2", "Page 7"])
def test_what_may_be_no_page_number_of_a_single_page_stays(footer):
    assert find_headers_and_footers(pages_with("", 1, footer=footer))[0] == [set()]


def test_counted_titles_of_slides_stay():
    titles = ["Why gates", "Who pays", "What it costs", "Where they stand", "How they fail", "What is next"]
    slides = [[f"{n} {title}", f"A point about {title}", "A point"] for n, title in enumerate(titles, 1)]
    assert all(0 not in found for found in find_headers_and_footers(slides)[0])


def test_rows_and_sentences_that_count_are_no_headers():
    rows = [
        [f"Item {n * 3} sold {n * n % 11} times", *["text"] * 7, f"The code of page {n} is K{n}."]
        for n in range(1, 9)
    ]
    assert find_headers_and_footers(rows)[0] == [set()] * 8


def test_a_number_that_does_not_count_with_the_pages_stays():
    pages = pages_with("", 6)
    for page, number in zip(pages, [1911, 42, 7, 1974, 12, 3], strict=True):
        page[-1] = str(number)
    assert all(9 not in found for found in find_headers_and_footers(pages)[0])


def test_two_pages_are_enough_when_a_line_is_outermost_on_both():
    running, _ = find_headers_and_footers(pages_with("The Tollgate Review", 2))
    assert running == [{0, 9}] * 2


def test_pages_of_one_line_keep_it():
    assert find_headers_and_footers([[f"Slide {n}"] for n in range(9)])[0] == [set()] * 9


def set_out(page, gaps, sizes=(), top=800, usual=14):
    """Baseline and height of each line; `gaps` are the distances that are not the usual one, by line above."""
    places, baseline = [], top
    for line in range(len(page)):
        places.append((baseline, dict(sizes).get(line, 10.0)))
        baseline -= dict(gaps).get(line, usual)
    return places


def measured(pages, gaps, sizes=()):
    return find_headers_and_footers(pages, [set_out(page, gaps, sizes) for page in pages])[0]


ROWS = [[f"Item {n * i % 17} of the list {n * i % 31}" for i in range(1, 12)] for n in range(1, 7)]


def test_the_head_of_a_table_that_comes_again_on_every_page_stays_and_the_header_goes():
    pages = [["Annual figures", "Item Units", *rows, f"Page {n} of 6"] for n, rows in enumerate(ROWS, 1)]
    assert measured(pages, {0: 40, 12: 40}) == [{0, 13}] * 6


def test_the_head_of_a_table_at_the_top_of_every_page_stays():
    assert measured([["Item Units", *rows] for rows in ROWS], {}) == [set()] * 6


def test_a_refrain_and_what_each_invoice_says_at_its_end_stay():
    pages = [[*page[1:-1], "And the river runs on.", str(n)] for n, page in enumerate(pages_with(""), 1)]
    assert measured(pages, {8: 40}) == [{9}] * 6


def test_a_refrain_at_the_end_of_the_first_verse_stays():
    pages = [[*page[1:4], "And the river runs on.", *page[4:]] for page in pages_with("", 6)]
    assert measured(pages, {3: 26, 8: 40}) == [{9}] * 6


def test_a_letterhead_and_small_print_of_many_lines_go():
    head = ["Acme Tools", "12 Mill Lane", "Oldtown", "Telephone 01234", "acme.example"]
    pages = [[*head, *page[1:-1], *head[::-1]] for page in pages_with("", 4)]
    assert measured(pages, {4: 40, 12: 40}) == [{*range(5), *range(13, 18)}] * 4


def test_titles_of_slides_that_come_again_stay():
    slides = [
        [f"{'Results' if n % 3 else 'Agenda'}", f"A point {n}", "Another", f"The team {n}"]
        for n in range(1, 9)
    ]
    assert measured(slides, {0: 40, 2: 60}, {0: 16.0}) == [{3}] * 8


def test_what_certificates_have_in_common_stays():
    pages = [
        [
            "Certificate of attendance",
            "This is to certify that",
            name,
            "has taken part in the course",
            "Given in May",
        ]
        for name in ("Ann Lee", "Bo Chan", "Cy Young", "Di Moss")
    ]
    assert find_headers_and_footers(pages)[0] == [set()] * 4


def test_short_chapters_titles_above_their_pages_are_found():
    pages = pages_with("", 12)
    for number, page in enumerate(pages):
        page[0] = f"On the {'abcdef'[number // 2]} of gates"
        page[5:5] = [f"More of it, {number * 5 % 7}"] * 6
    assert measured(pages, {0: 40}) == [{0, 15}] * 12


def test_the_end_of_a_table_beside_the_number_of_its_page_stays():
    pages = pages_with("", 12)
    pages[6][-1] = "Significant at one in twenty. 7"
    assert 9 not in find_headers_and_footers(pages)[0][6]


def test_the_titles_of_sections_of_one_page_are_found_by_their_place_and_number():
    pages = pages_with("", 6)
    for number, page in enumerate(pages):
        page[0] = f"On the {'abcdef'[number]} of gates {number + 1}"
        page[5:5] = [f"More of it, {number * 5 % 7}"] * 6
    assert measured(pages, {0: 40}) == [{0, 15}] * 6


@pytest.mark.parametrize(
    ("text", "is_garbled"),
    [
        ("Ordinary words on 3/14/2026 and 10/12/2012, see a/b and /usr/bin.", False),
        ("/g18/g19/g20/g21 /D9/D1/D2", True),
        ("\x04\x05\x06\x07 \x10\x11\x12", True),
        ("(cid:12)(cid:45)(cid:7)", True),
        ("\ufffd\ufffd\ufffd ok", True),
        ("", False),
    ],
)
def test_garbled_text_is_detected(text, is_garbled):
    assert (garbled_share(text) > 0.1) is is_garbled


@pytest.mark.parametrize(
    "piece",
    [
        "a\n",
        "-\n",
        "12\n",
        "• a\n",
        "a ",
        "\ufffe",
        "a\u0301",
        "ﬁ",
        "\n",
        "/g1",
        "(cid:",
        "A\nb\n",
        "word-\nword\n",
        "a",
        "a-",
        ". ",
        "1 ",
        "-",
        ")",
        "\x00a",
        "\ufffe\n",
        "a\ufffe",
    ],
)
def test_cleaning_is_linear(piece):
    def seconds(length):
        text = piece * (length // len(piece))
        started = time.process_time()
        clean_text(text)
        garbled_share(text)
        return time.process_time() - started

    small = max(seconds(20_000), 0.01)
    # A square would be 64 times, and hundreds of seconds; the wide margin is for a busy machine.
    assert seconds(160_000) < 60 * small + 2


def hyphenated_page(*endings):
    """Lines that PDFium has found broken at a hyphen; `told`: the PDF gives the hyphen's text."""
    text, geometry = "", []
    for number, (line, told) in enumerate(endings):
        geometry.append(
            [len(text), len(text) + len(line), 50, 300, 700 - 14 * number, 10, *([1] if told else [])]
        )
        text += line + "\ufffe"
    return RawPage(text + "ending of it all", [*geometry, [len(text), len(text) + 16, 50, 130, 100, 10]])


def test_hyphens_that_the_pdf_tells_from_most_others_are_kept():
    soft = [(f"er line {letter} was broken with", False) for letter in "abcd"]
    found = clean_pages([hyphenated_page(*soft[:2], ("the first machine", True), *soft[2:])])[0][0].text
    assert "machine-er" in found
    assert "wither line" in found
    known = clean_pages(
        [hyphenated_page(*soft[:2], ("the first machine", True), *soft[2:]), RawPage("a machineer")]
    )
    assert "machineer line" in known[0][0].text
    turned = [(line, not told) for line, told in [*soft[:2], ("the first machine", True), *soft[2:]]]
    assert clean_pages([hyphenated_page(*turned)])[0][0].text == found


def test_a_document_that_breaks_no_words_keeps_its_hyphens_at_line_ends():
    prose = "\n".join(f"Line {n} of a text in which no word is broken" for n in range(80))
    assert "re-ordered" in clean_text(f"{prose}\nand all of them are re-\nordered by size.")[0]
    broken = prose.replace("broken", "bro-\nken")
    assert "reordered" in clean_text(f"{broken}\nand all of them are re-\nordered by size.")[0]


def test_where_soft_hyphens_are_a_character_of_their_own_the_plain_ones_are_kept():
    lines = "\n".join(f"number {n} of a se\u2010\nries in all" for n in range(4))
    text = clean_text(f"{lines}\nfrom a source-\nonly upload by Apple\u2010\nTalk.")[0]
    assert "a series in" in text
    assert "source-only" in text
    assert "AppleTalk" in text
