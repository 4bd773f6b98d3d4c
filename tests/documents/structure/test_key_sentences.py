"""The outline of a text, and its key sentences."""

import time

import pytest

from documents.extraction.pages import Heading
from documents.structure.key_sentences import choose
from documents.structure.outline import Outline

REPORT = """Contents
Boats . . . . . . . . . . . . 3
Harbour . . . . . . . . . . . 4

Dear reader,

I thank you. This report tells what the harbour did in 2025.

Boats

The harbour counted 412 boats, more than ever. It was a good summer for boats.

Boat | Length
Heron | 12

- Oars
- Two sails

Harbour

The harbour wall was repaired for 90,000 euros. The wall is now 40 metres longer.

Kind regards
Odile
"""


@pytest.fixture
def outline():
    headings = [Heading(REPORT.index(f"\n\n{title}\n") + 2, 1, title) for title in ("Boats", "Harbour")]
    return Outline(REPORT, headings)


def words(statements):
    return [statement.words for statement in statements]


def test_headings_rows_contents_and_greetings_are_no_statements(outline):
    assert words(outline.statements) == [
        "I thank you.",
        "This report tells what the harbour did in 2025.",
        "The harbour counted 412 boats, more than ever.",
        "It was a good summer for boats.",
        "Two sails",
        "The harbour wall was repaired for 90,000 euros.",
        "The wall is now 40 metres longer.",
    ]


def test_statements_are_exact_stretches_of_the_text(outline):
    assert all(" ".join(REPORT[each.start : each.end].split()) == each.words for each in outline.statements)


def test_the_key_sentences_begin_with_what_the_text_says_it_is_and_cover_its_sections(outline):
    prose = [each for each in outline.statements if not each.is_item]
    chosen = choose(prose, outline.sections, max_words=30, max_count=3, opening=True)
    assert words(chosen) == [
        "This report tells what the harbour did in 2025.",
        "The harbour counted 412 boats, more than ever.",
        "The harbour wall was repaired for 90,000 euros.",
    ]


def test_key_sentences_keep_to_their_length(outline):
    assert (
        sum(len(each.words.split()) for each in choose(outline.statements, outline.sections, max_words=12))
        <= 12
    )
    assert choose([], [], max_words=80) == []


def test_a_section_ends_where_the_next_of_its_level_begins():
    text = "A\n\nOne two three.\n\nB\n\nFour five six.\n\nC\n\nSeven eight nine."
    headings = [Heading(0, 1, "A"), Heading(text.index("B"), 2, "B"), Heading(text.index("C"), 1, "C")]
    sections = Outline(text, headings).sections
    assert [text[section.body : section.end].count(".") for section in sections] == [2, 1, 1]


def test_a_long_text_is_read_in_proportion():
    started = time.monotonic()
    outline = Outline("The harbour counted 412 boats in the year.\n\n" * 8_000)
    assert len(outline.statements) == 8_000
    assert time.monotonic() - started < 20
