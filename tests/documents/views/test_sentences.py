"""Sentences that depend on several conditions: status, scanned pages, page report, archives, page names, actions."""

from types import SimpleNamespace

import pytest

from documents.ingestion.ocr.status import OcrStatus
from documents.models import Document, State
from documents.models.states import SummaryState
from documents.page_report import PageReport
from documents.presentation.actions import action_for
from documents.presentation.page_names import page_name, page_range_name
from documents.presentation.scanned_pages import scanned_pages_advice
from documents.presentation.status import status_line, summary_status, worker_notice
from documents.sources.upload_results import UploadResult

PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.mark.parametrize(
    ("number", "label", "media_type", "name"),
    [
        (3, "3", "application/pdf", "page 3"),
        (3, "", "application/pdf", "page 3"),
        (4, "iv", "application/pdf", "page iv (4)"),
        (1, "New shop at the station", PPTX, "slide 1 · New shop at the station"),
        (2, "2", "application/vnd.oasis.opendocument.presentation", "slide 2"),
        (1, "Suppliers", XLSX, "sheet Suppliers"),
        (2, "100%", "application/vnd.oasis.opendocument.spreadsheet", "sheet 100%"),
        (1, "", XLSX, "sheet 1"),
    ],
)
def test_a_page_a_slide_and_a_sheet_have_the_names_their_readers_use(number, label, media_type, name):
    assert page_name(number, label, media_type) == name


def test_several_pages_have_one_name():
    names = [page_range_name("3–4", kind) for kind in ("application/pdf", PPTX, XLSX)]
    assert names == ["pages 3–4", "slides 3–4", "sheets 3–4"]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"state": State.WAITING}, "Waiting to start"),
        ({"state": State.FETCHING}, "Fetching the web page"),
        ({"state": State.EXTRACTING}, "Reading the file"),
        ({"state": State.OCR}, "Scanned document: OCR is next"),
        ({"state": State.OCR, "progress_done": 3, "progress_total": 1200}, "OCR: page 3 of 1,200"),
        ({"state": State.EMBEDDING}, "Indexing"),
        ({"state": State.EMBEDDING, "progress_done": 3, "progress_total": 12}, "Indexing: 3 of 12"),
        ({"state": State.FAILED}, "This document could not be read."),
        ({"state": State.FAILED, "failure": "It is 100% damaged.", "remedy": "Save it again."}, "It is 100% damaged. Save it again."),
        ({"state": State.CANCELLED}, "Cancelled"),
    ],
)  # fmt: skip
def test_every_state_has_a_line(fields, line):
    assert status_line(Document(**fields)) == line


def test_a_waiting_line_says_that_no_worker_is_running():
    assert "not being processed" in status_line(Document(state=State.WAITING), no_worker=True)
    assert "bin/dev" in worker_notice(True, is_operator=True)
    assert "bin/dev" not in worker_notice(True, is_operator=False)
    assert "cannot check" in worker_notice(None, is_operator=False)
    assert worker_notice(False, is_operator=True) == ""


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"state": State.READY, "summary": "Rain."}, ""),
        ({"state": State.READY, "summary_state": SummaryState.WAITING}, "Summarizing …"),
        ({"state": State.EMBEDDING, "summary_state": SummaryState.WAITING}, "The summary follows when the document is ready."),
        ({"state": State.READY}, "No summary yet."),
    ],
)  # fmt: skip
def test_a_summary_that_is_missing_is_explained(fields, sentence):
    assert summary_status(Document(**fields)) == sentence


def scans(**counts):
    return OcrStatus(**{"tried": 0, "without_text": 0, "timed_out": 0, "pending": 0, "over_limit": 0, "can_run": False} | counts)  # fmt: skip


def scanned(**fields):
    quiet = {"is_ocr_running": False, "needs_password_for_ocr": False, "state": "ready"}
    return SimpleNamespace(**quiet | {"failure_kind": ""} | fields)


def test_scanned_pages_over_the_limit_name_the_setting_to_operators_only():
    status = scans(tried=2, pending=3, over_limit=3)
    [person] = scanned_pages_advice(scanned(), status, is_operator=False)
    [operator] = scanned_pages_advice(scanned(), status, is_operator=True)
    assert person.startswith("OCR has read the first 2 scanned pages. 3 more are over this site’s limit")
    assert "OCR_MAX_PAGES" not in person
    assert "OCR_MAX_PAGES" in operator


def test_scanned_pages_show_progress_alone_while_ocr_runs():
    [sentence] = scanned_pages_advice(
        scanned(is_ocr_running=True), scans(tried=4, pending=8, without_text=1), is_operator=False
    )
    assert "4 of 12 done" in sentence


def test_scanned_pages_without_text_come_before_those_that_wait():
    first, second = scanned_pages_advice(
        scanned(), scans(tried=2, without_text=2, timed_out=1, pending=1, can_run=True), is_operator=False
    )
    assert "on 2 scanned pages" in first
    assert "1 took too long." in first
    assert "1 scanned page has not been through OCR yet" in second


def test_a_page_report_is_one_line_and_lists_its_omissions():
    report = PageReport.stored(
        {
            "total": 1200,
            "readable": 1197,
            "problems": {"no_text": [[3, 3], [7, 8]]},
            "hidden_slides": [[2, 2]],
            "hidden_sheets": ["100% secret"],
            "attachments": ["a.xlsx"],
        }
    )
    assert report.summary() == "1,197 of 1,200 pages readable; 3 look scanned (pages 3, 7–8)"
    assert report.summary(with_details=True).endswith(
        "; 1 slide is hidden and was left out; 1 sheet is hidden and was left out; 1 attached file"
    )
    assert report.omissions == [
        "1 slide is hidden and was left out (slide 2).",
        "1 sheet is hidden and was left out (100% secret).",
    ]
    assert report.hidden_text_warning == ""


def test_an_archive_is_summed_up_in_one_line():
    document = Document(title="Rain")
    added, known = UploadResult("a", document, is_new=True), UploadResult("b", document)
    result = UploadResult(
        "a.zip", members=[added, added, known, UploadResult("c", sentence="No.")], left_out=3
    )
    assert result.summary == "2 added, 1 skipped, 1 already there, 3 hidden files ignored"
    assert UploadResult("b.zip", members=[added]).summary == "1 added"


@pytest.mark.parametrize(
    ("fields", "kind", "label"),
    [
        ({"state": State.READY}, "link", "Ask"),
        ({"state": State.READY, "is_sample": True}, "post", "Remove the sample"),
        ({"state": State.READY, "summary_state": SummaryState.FAILED}, "post", "Retry"),
        ({"state": State.EXTRACTING}, "post", "Cancel"),
        ({"state": State.WAITING, "failure": "The provider is away."}, "post", "Try now"),
        ({"state": State.CANCELLED}, "post", "Retry"),
        ({"state": State.FAILED, "failure_kind": "password"}, "password", "Unlock"),
        ({"state": State.FAILED, "failure_kind": "damaged"}, "link", "Replace"),
        ({"state": State.FAILED, "failure_kind": "timeout"}, "post", "Retry"),
    ],
)
def test_each_state_has_the_one_button_that_fits(fields, kind, label):
    document = Document(pk=1, **fields)
    document.can_edit = True
    action = action_for(document, in_list=True)
    assert (action.kind, action.label) == (kind, label)


def test_a_reader_may_ask_and_nothing_else():
    for state in State:
        document = Document(pk=1, state=state)
        document.can_edit = False
        action = action_for(document, in_list=True)
        assert (action and action.label) == ("Ask" if state == State.READY else None)
