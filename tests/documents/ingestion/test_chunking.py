import re
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from documents.extraction import Heading, extract_pages
from documents.ingestion.sentences import sentences
from documents.ingestion.splitter import split_pages
from documents.structure.document_text import PageText, join_pages, page_starts
from tests.support.made.pdfs import SAMPLES


class Pieces:
    """Counts as word-piece tokenizers do: long words are several, so are signs."""

    def count(self, text):
        return len(re.findall(r"\w{1,4}|[^\w\s]", text))


class Bytes:
    """The worst there is: every byte a token, white space too."""

    def count(self, text):
        return len(text.encode("utf-8", "surrogatepass"))


def pages_of(*texts, headings=None):
    starts = page_starts(texts)
    found = headings or {}
    return [
        PageText(n + 1, text, start, found.get(n, []))
        for n, (text, start) in enumerate(zip(texts, starts, strict=True))
    ]


def test_chinese_and_japanese_go_on_over_a_page_without_a_space():
    texts = ["他们使用这个系", "统并且很满意。", "It is sold", "by weight."]
    starts = page_starts(texts, {1, 3})
    pages = [PageText(n + 1, text, start) for n, (text, start) in enumerate(zip(texts, starts, strict=True))]
    assert join_pages(pages) == "他们使用这个系统并且很满意。\n\nIt is sold by weight."
    chunks = split_pages(pages, Pieces(), tokens=40, overlap=0)
    assert [(p.text, p.page_start, p.page_end) for p in chunks] == [(join_pages(pages), 1, 4)]


def split(*texts, tokens=40, overlap=8, headings=None, tokenizer=None):
    pages = pages_of(*texts, headings=headings)
    return split_pages(pages, tokenizer or Pieces(), tokens=tokens, overlap=overlap)


def sentence_texts(text):
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It rains. It pours!", ["It rains.", "It pours!"]),
        (
            "Dr. Smith met J. R. Hale at 5 p.m. in St. Paul. They spoke.",
            ["Dr. Smith met J. R. Hale at 5 p.m. in St. Paul.", "They spoke."],
        ),
        ("See Fig. 3 and e.g. Table 2. It is so.", ["See Fig. 3 and e.g. Table 2.", "It is so."]),
        ("It costs 4.50 euros. Pay now.", ["It costs 4.50 euros.", "Pay now."]),
        ("Built in 1911. Its lens is old.", ["Built in 1911.", "Its lens is old."]),
        ("Am 3. Oktober ist zu. Danach offen.", ["Am 3. Oktober ist zu.", "Danach offen."]),
        ("He said “Stop.” Then he left.", ["He said “Stop.”", "Then he left."]),
        ("Was it? (Yes.) So it was.", ["Was it?", "(Yes.)", "So it was."]),
        ("As shown.[12] We go on.", ["As shown.[12]", "We go on."]),
        ("Wait... what?! no. Yes…", ["Wait... what?! no.", "Yes…"]),
        ("天文台开放。门票四十二元！欢迎", ["天文台开放。", "门票四十二元！", "欢迎"]),
        ("هل المرصد مفتوح؟ نعم. أهلا", ["هل المرصد مفتوح؟", "نعم.", "أهلا"]),
        ("वेधशाला खुली है। स्वागत है।", ["वेधशाला खुली है।", "स्वागत है।"]),
        ("Heading\n\nProse here.", ["Heading", "Prose here."]),
        (
            "Wrapped prose that goes on\nover the end of its line. Next\none.",
            ["Wrapped prose that goes on\nover the end of its line.", "Next\none."],
        ),
        ("- one\n- two\n- three", ["- one", "- two", "- three"]),
        (
            "Ticket Weekday\nAdult 9.00 11.50\nChild 4.00 5.25",
            ["Ticket Weekday", "Adult 9.00 11.50", "Child 4.00 5.25"],
        ),
        ("# Title\nProse.", ["# Title", "Prose."]),
        ("| a | b |\n| 1 | 2 |", ["| a | b |", "| 1 | 2 |"]),
        ("1. First thing. 2. Second thing.", ["1. First thing.", "2. Second thing."]),
        ("Visit example.com today. Bye.", ["Visit example.com today.", "Bye."]),
        ("", []),
        (" \n\n ", []),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text, expected):
    assert sentence_texts(text) == expected


TEXTS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "\n\n",
                "\n",
                ". ",
                "。",
                "Dr. ",
                "word ",
                "Word",
                "x" * 50,
                "3. ",
                "? ",
                "- a\n",
                "# T\n",
                ") ",
                "\u0301",
            ]
        ),
        st.text(max_size=6),
    ),
    max_size=80,
).map("".join)


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_sentences_cover_everything_but_space(text):
    at = 0
    for start, end in sentences(text):
        assert text[at:start].strip() == ""
        assert text[start:end].strip() == text[start:end] != ""
        at = end
    assert text[at:].strip() == ""


@given(
    st.lists(TEXTS, min_size=1, max_size=5),
    st.integers(12, 80),
    st.integers(0, 40),
    st.sampled_from([Pieces(), Bytes()]),
    st.sampled_from(["A heading " * 3, "", "A title", "word " * 60]),
    st.data(),
)
@settings(max_examples=300, deadline=None)
def test_chunks_hold_every_word_within_the_limit_at_exact_places(
    texts, tokens, overlap, tokenizer, title, data
):
    headings = {}
    for number, text in enumerate(texts):
        offsets = sorted(data.draw(st.lists(st.integers(0, max(0, len(text) - 1)), max_size=3)))
        headings[number] = [Heading(offset, data.draw(st.integers(1, 3)), title) for offset in offsets]
    document = join_pages(pages_of(*texts))
    chunks = split(*texts, tokens=tokens, overlap=overlap, tokenizer=tokenizer, headings=headings)
    covered = bytearray(len(document))
    before = -1
    for chunk in chunks:
        assert document[chunk.start : chunk.end] == chunk.text
        assert chunk.text.strip() == chunk.text != ""
        assert chunk.tokens == tokenizer.count(chunk.embedding_text) <= tokens
        assert chunk.end > before
        assert 1 <= chunk.page_start <= chunk.page_end <= len(texts)
        covered[chunk.start : chunk.end] = b"\x01" * len(chunk.text)
        before = chunk.end
    assert all(covered[i] for i, character in enumerate(document) if not character.isspace())


def prose(count, words=9):
    return " ".join(f"Sentence {n} " + "has plain words " * (words // 3) + "now." for n in range(count))


def test_chunks_end_where_sentences_do():
    chunks = split(prose(30), tokens=60, overlap=0)
    assert len(chunks) > 5
    assert all(chunk.text.endswith("now.") and chunk.text.startswith("Sentence") for chunk in chunks)


def test_whole_sentences_are_repeated_up_to_the_overlap():
    tokenizer = Pieces()
    chunks = split(prose(30), tokens=60, overlap=25)
    for one, two in pairwise(chunks):
        repeated = one.text[two.start - one.start :]
        assert repeated.startswith("Sentence")
        assert 0 < tokenizer.count(repeated) <= 25


def test_no_overlap_repeats_nothing():
    chunks = split(prose(30), tokens=60, overlap=0)
    assert all(one.end < two.start for one, two in pairwise(chunks))


def test_a_heading_begins_a_chunk_once_the_present_one_is_a_third_full():
    text = f"{prose(4)}\n\nPrices\n\n{prose(2)}\n\nHours\n\nOpen late."
    headings = {0: [Heading(text.index("Prices"), 1, "Prices"), Heading(text.index("Hours"), 1, "Hours")]}
    chunks = split(text, tokens=120, overlap=20, headings=headings)
    starts = [chunk.text.split("\n")[0] for chunk in chunks]
    assert starts[1] == "Prices"
    assert chunks[1].heading_path == ["Prices"]


def test_a_heading_is_not_left_behind_at_the_end_of_a_chunk():
    text = f"{prose(2)}\n\nPrices\n\n{prose(6)}"
    headings = {0: [Heading(text.index("Prices"), 1, "Prices")]}
    for tokens in range(40, 120, 7):
        for chunk in split(text, tokens=tokens, overlap=0, headings=headings):
            assert not chunk.text.endswith("Prices")


def test_the_heading_path_is_put_before_the_text_for_the_embedder_only():
    text = f"Guide\n\nMoney\n\n{prose(20)}"
    headings = {0: [Heading(0, 1, "Guide"), Heading(7, 2, "Money")]}
    chunks = split(text, tokens=80, overlap=0, headings=headings)
    assert chunks[-1].heading_path == ["Guide", "Money"]
    assert chunks[-1].embedding_text == f"Guide > Money\n\n{chunks[-1].text}"
    assert "Guide >" not in chunks[-1].text


def test_headings_of_the_same_level_replace_each_other():
    text = f"A\n\n{prose(6)}\n\nB\n\n{prose(6)}"
    headings = {0: [Heading(0, 2, "A"), Heading(text.index("B\n"), 2, "B")]}
    assert [p.heading_path for p in split(text, tokens=200, overlap=0, headings=headings)] == [["A"], ["B"]]


def test_a_chunk_may_cross_pages_and_says_which():
    chunks = split(
        "The first page ends in a sentence that goes", "on over here. And then it stops.", tokens=60
    )
    assert len(chunks) == 1
    assert (chunks[0].page_start, chunks[0].page_end) == (1, 2)
    assert chunks[0].text == "The first page ends in a sentence that goes\n\non over here. And then it stops."


def test_empty_pages_are_counted_but_hold_nothing():
    chunks = split("", "Words.", "", prose(1), "", tokens=30, overlap=0)
    assert [(p.page_start, p.page_end) for p in chunks] == [(2, 4)]


def test_nothing_gives_no_chunks():
    assert split("", "  \n ") == []


def test_a_sentence_that_is_too_long_is_cut_at_clauses():
    long = "Bring " + ", ".join(f"a thing with the number {n}" for n in range(60)) + "."
    chunks = split(long, tokens=100, overlap=0)
    assert all(chunk.text.endswith((",", ".")) for chunk in chunks)


def test_a_string_without_a_break_is_cut():
    chunks = split("A" * 5000, tokens=50, overlap=10)
    assert all(chunk.tokens <= 50 for chunk in chunks)
    assert "".join(dict.fromkeys(p.text for p in split("A" * 5000, tokens=50, overlap=0)))


def test_pages_that_start_elsewhere_are_refused():
    with pytest.raises(ValueError, match="start"):
        split_pages([PageText(1, "a", 0), PageText(2, "b", 7)], Pieces(), tokens=20, overlap=0)


def test_the_handbooks_answer_is_in_one_chunk():
    pages = extract_pages(SAMPLES / "handbook.pdf", media_type="application/pdf").pages
    starts = page_starts(page.text for page in pages)
    texts = [
        PageText(page.number, page.text, start, page.headings)
        for page, start in zip(pages, starts, strict=True)
    ]
    found = [p for p in split_pages(texts, Pieces(), tokens=150, overlap=30) if "21 euros" in p.text]
    assert found[0].heading_path == ["Membership"]
    assert "students contribute 21 euros" in found[0].text
    assert found[0].page_start == found[0].page_end == 1


@pytest.mark.parametrize(
    "piece", ["word ", "Word. ", "x", "\n", "\n\n", "a\n", "。", "3. ", ". ", "Dr. A. ", "(", "- a\n", "12\n"]
)
def test_splitting_is_linear(piece):
    def seconds(length):
        text = piece * (length // len(piece))
        started = time.process_time()
        split(text, tokens=200, overlap=40)
        return time.process_time() - started

    small = max(seconds(20_000), 0.02)
    # A square would be 64 times, and hundreds of seconds; the wide margin is for a busy machine.
    assert seconds(160_000) < 60 * small + 2


def test_a_thousand_pages_split_in_seconds():
    chunks = split(*[prose(40)] * 1000, tokens=200, overlap=40)
    assert len(chunks) > 3000


@pytest.mark.parametrize("run", [".", "?.?.…", "。", "।", ".)", "…”"])
def test_endless_full_stops_cost_no_more_than_their_length(run):
    """Two hundred thousand of them took minutes when each was tried as the beginning of an end."""
    assert sentences("Word " + run * (200_000 // len(run)) + "x")[0][0] == 0
