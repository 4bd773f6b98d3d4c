import pytest

from qa.answering.citing.citations import (
    cite,
    cite_quotes,
    find_claims,
    from_cache,
    save_citations,
    to_cache,
)
from qa.answering.citing.markers import numbers_in, plain_markers
from qa.answering.quoting import Quote
from qa.models import Citation
from qa.retrieval.chunk import RetrievedChunk
from tests.support.factories import make_document, make_indexed, make_question

pytestmark = pytest.mark.django_db

TEXT = "The office is open on weekdays. Membership costs 42 euros a year. Students pay 21 euros. Dogs are not allowed."


def source(text=TEXT, number=1, start=100, **fields):
    values = {
        "page_start": 2,
        "page_end": 2,
        "page_label": "",
        "heading_path": [],
        "tokens": 10,
        "score": 1.0,
        **fields,
    }
    return RetrievedChunk(
        1, 1, "Handbook", text=text, start=start, end=start + len(text), number=number, **values
    )


def test_the_sentence_that_supports_the_answer_is_quoted_with_its_place():
    (row,) = cite("A student pays 21 euros [1].", "What do students pay?", [source()])
    assert row.quote == "Students pay 21 euros."
    assert TEXT[row.quote_start - 100 : row.quote_end - 100] == row.quote
    assert (row.is_cited, row.is_confirmed) == (True, True)


def test_a_source_that_is_not_named_is_kept_as_read_only():
    first, second = cite("It costs 42 euros [2].", "Cost?", [source(), source(number=2)])
    assert (first.is_cited, first.quote) == (False, "")
    assert second.is_cited


def test_a_number_that_was_never_given_becomes_no_row():
    rows = cite("It costs 42 euros [9].", "Cost?", [source(number=number) for number in range(1, 6)])
    assert [row.number for row in rows if row.is_cited] == []
    assert len(rows) == 5


def test_words_in_quotation_marks_must_stand_in_the_passage():
    (honest,) = cite("It says “Membership costs 42 euros a year” [1].", "Cost?", [source()])
    (forged,) = cite("It says “Membership is free for everybody” [1].", "Cost?", [source()])
    assert (honest.is_confirmed, forged.is_confirmed) == (True, False)


def test_quoted_words_may_be_broken_and_spaced_otherwise():
    (row,) = cite(
        'It says "membership   costs 42 Euros" [1].', "Cost?", [source(TEXT.replace("costs 42", "costs\n42"))]
    )
    assert row.is_confirmed


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("a [1] b [2]", [1, 2]),
        ("a [1][3]", [1, 3]),
        ("a [1, 2; 4]", [1, 2, 4]),
        ("[1](http://x)", []),
        ("[x] [12345]", []),
        ("[2] [2]", [2]),
    ],
)
def test_numbers_are_read_as_models_write_them(text, numbers):
    assert numbers_in(text) == numbers


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("It rains [1](#source-1) [[2]](http://x).", "It rains [1] [2]."),
        ("It rains <sup>1</sup><sup>[2]</sup>.", "It rains [1][2]."),
        ("It rains 【1:0†source】 ⟦2⟧.", "It rains [1] [2]."),
        ("It rains [S1] [source-2].", "It rains [1] [2]."),
        ("It rains (Source 1, page 3).", "It rains [1]."),
        ("It rains often (1). Seldom (2, 3).", "It rains often [1]. Seldom [2, 3]."),
        ("It rains.¹ Seldom.² ³", "It rains.[1] Seldom.[2, 3]"),
        ("The room has 50 m² [1]; see § 5 (2).", "The room has 50 m² [1]; see § 5 (2)."),
        ("The room has 50 m². See § 5 (2).", "The room has 50 m². See § 5 (2)."),
        ("Either (1) go or (2) stay.", "Either (1) go or (2) stay."),
        ("See [9](http://x) and (9).", "See [9](http://x) and (9)."),
    ],
)
def test_references_are_put_as_they_were_asked_for(written, plain):
    assert plain_markers(written, {1, 2, 3}) == plain


def test_a_number_after_the_full_stop_belongs_to_the_sentence_before():
    claims = find_claims("Students pay 21 euros. [1] Dogs are not allowed. [2]")
    assert {number for claim in claims for number in claim.numbers} == {1, 2}
    (row, _) = cite("Students pay 21 euros. [1]", "Cost?", [source(), source(number=2)])
    assert row.quote == "Students pay 21 euros."


def test_a_citation_of_a_chunk_across_pages_names_the_page_of_its_quote(alice):
    document = make_document(alice)
    version = document.newest
    for number, text in enumerate(["One page of text.", "Another page of text.", "Third page."], start=1):
        start = sum(len(page.text) + 2 for page in version.pages.all())
        version.pages.create(number=number, text=text, start=start, label=f"p{number}")
    whole = version.text
    spread = RetrievedChunk(
        document.pk, version.pk, "T", 1, 3, "p1", [], whole, 0, len(whole), 10, 1.0, number=1
    )

    at = whole.index("Another")
    (row,) = cite_quotes([Quote(1, at, at + 7, "Another")], [spread])

    assert (row.page, row.page_end, row.page_label) == (2, 2, "p2")


def test_a_citation_outlives_its_document(alice):
    document = make_indexed(alice, TEXT)
    question = make_question(alice)
    handed = RetrievedChunk(
        document.pk, document.serving_id, "T", 1, 1, "", [], TEXT, 0, len(TEXT), 10, 1.0, number=1
    )
    save_citations(question, cite("Students pay 21 euros [1].", "", [handed]))
    document.delete()
    row = Citation.objects.get()
    assert (row.document, row.quote) == (None, "Students pay 21 euros.")


def test_a_document_deleted_while_the_answer_was_written_leaves_its_text(alice):
    question = make_question(alice)
    save_citations(question, cite("Students pay 21 euros [1].", "", [source()]))
    row = Citation.objects.get()
    assert (row.document_id, row.version_id, row.excerpt) == (None, None, TEXT)


def test_saving_twice_leaves_one_row_each(alice):
    question = make_question(alice)
    rows = cite("Students pay 21 euros [1].", "", [source()])
    save_citations(question, rows)
    save_citations(question, rows)
    assert Citation.objects.count() == 1


def test_what_is_cached_comes_back_the_same():
    (row,) = cite("Students pay 21 euros [1].", "", [source()])
    assert to_cache(from_cache(to_cache(row))) == to_cache(row)
