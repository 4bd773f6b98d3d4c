"""Sentences of the question pages that depend on several conditions."""

import pytest

from documents.models import Page, Version
from qa import sentences
from qa.models import Citation, Question
from qa.source_view import Passage

OFFICE = "application/vnd.openxmlformats-officedocument"
SLIDES = f"{OFFICE}.presentationml.presentation"
SHEETS = f"{OFFICE}.spreadsheetml.sheet"


@pytest.mark.parametrize(
    ("can_ask", "llm_mode", "begins"),
    [
        (False, "written", "Add a document to start."),
        (True, "quoted", "Answers are exact quotes"),
        (True, "written", "Every answer names its sources"),
    ],
)
def test_the_ask_page_says_what_an_answer_will_be(can_ask, llm_mode, begins):
    assert sentences.home_lead(can_ask=can_ask, llm_mode=llm_mode).startswith(begins)


@pytest.mark.parametrize(
    ("count", "can_ask", "no_worker", "said"),
    [
        (1, False, False, ["A document is being processed."]),
        (2, False, False, ["Some documents are being processed."]),
        (
            1,
            True,
            False,
            ["A document is being processed.", "already ask about the documents that are ready"],
        ),
        (1, False, True, ["A document is being processed.", "Processing is paused"]),
        (1, False, None, ["A document is being processed.", "can’t be checked right now"]),
    ],
)
def test_the_ask_page_says_whether_documents_are_processed_now(count, can_ask, no_worker, said):
    notice = sentences.processing_notice(count, can_ask=can_ask, no_worker=no_worker)
    assert len(notice.split(". ")) == len(said)
    for words in said:
        assert words in notice


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ("complete", ""),
        ("failed", "Not answered."),
        ("stopped", "Unfinished."),
        ("interrupted", "Unfinished."),
    ],
)
def test_a_notice_begins_with_how_the_answer_ended(state, verdict):
    assert sentences.verdict(Question(state=state)) == verdict


@pytest.mark.parametrize(
    ("fields", "origin"),
    [
        ({"kind": "quoted"}, "Exact quotes. No AI wrote this"),
        ({"kind": "nothing"}, ""),
        ({"kind": "written", "model": "gpt"}, "Written by gpt"),
        ({"kind": "written", "model": "gpt", "host": "a.example"}, "Written by gpt at a.example"),
    ],
)
def test_an_answer_names_its_origin(fields, origin):
    assert sentences.answer_origin(Question(**fields)) == origin


@pytest.mark.parametrize(
    ("media_type", "page", "end", "label", "name"),
    [
        ("application/pdf", 3, 3, "", "page 3"),
        ("application/pdf", 3, 3, "3", "page 3"),
        ("application/pdf", 3, 3, "iv", "page iv (3)"),
        ("application/pdf", 3, 4, "iv", "pages 3–4"),
        (None, 3, 3, "", "page 3"),
        (SLIDES, 1, 1, "New shop at the station", "slide 1 · New shop at the station"),
        (SLIDES, 2, 2, "", "slide 2"),
        (SLIDES, 1, 2, "New shop at the station", "slides 1–2"),
        (SHEETS, 2, 2, "Suppliers", "sheet Suppliers"),
        (SHEETS, 2, 2, "", "sheet 2"),
        (SHEETS, 1, 2, "Suppliers", "sheets 1–2"),
        ("application/vnd.oasis.opendocument.presentation", 1, 1, "Prices", "slide 1 · Prices"),
        ("application/vnd.oasis.opendocument.spreadsheet", 1, 1, "Prices", "sheet Prices"),
    ],
)
def test_a_source_is_named_as_its_kind_of_file_counts(media_type, page, end, label, name):
    citation = Citation(page=page, page_end=end, page_label=label)
    citation.media_type = media_type
    assert sentences.page_name(citation) == name


@pytest.mark.parametrize(
    ("media_type", "label", "place"),
    [
        ("application/pdf", "<i>", "Page <bdi>&lt;i&gt; (3)</bdi> of 12"),
        (SLIDES, "Prices", "Slide 3 · Prices"),
        (SHEETS, "Prices", "Sheet Prices"),
    ],
)
def test_the_panel_names_the_page_that_it_shows(media_type, label, place):
    page = Page(number=3, label=label, version=Version(media_type=media_type))
    assert sentences.panel_place(Passage(Citation(), page=page, last=12)) == place


def test_tokens_are_counted_in_and_out():
    assert sentences.token_counts(Question(input_tokens=1234)) == "1,234 in, 0 out"
