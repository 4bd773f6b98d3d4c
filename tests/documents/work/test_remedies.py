"""The button offered after a failure: a retry is not offered if it would fail the same way."""

import re

import pytest
from django.urls import reverse

from documents import failure_messages
from documents.models import Document, State, Task
from documents.models.task import Kind, TaskState
from documents.work import remedies
from documents.work.remedies import Remedy, remedy_of
from tests.support.factories import make_document

pytestmark = pytest.mark.django_db


def failed(owner, kind, name="weather.txt", **fields):
    """A document that failed so, its text its own."""
    document = make_document(owner, f"It rains: {kind} {name}.", name=name, **fields)
    words = failure_messages.WORDINGS[kind]
    document.fail(kind, str(words.sentence), str(words.remedy))
    Task.objects.filter(document=document).update(
        state=TaskState.FAILED, error_kind=kind, error=f"UnreadableFile({kind!r})", tries=1
    )
    return document


@pytest.fixture
def without_ocr(settings):
    settings.OCR = False


@pytest.fixture
def with_ocr(settings, monkeypatch):
    settings.OCR, settings.OCR_LANGUAGES = True, "eng"
    monkeypatch.setattr(remedies, "engine", lambda: "tesseract")
    monkeypatch.setattr(remedies, "usable_languages", lambda _wanted: ["eng"])


BUTTONS = {
    Remedy.UNLOCK: "documents:password",
    Remedy.REPLACE: "documents:replace",
    Remedy.REFRESH: "documents:refresh",
    Remedy.REPLAY: "documents:retry",
}


@pytest.mark.parametrize(
    ("kind", "fields", "fitting"),
    [
        ("password", {}, Remedy.UNLOCK),
        ("damaged", {}, Remedy.REPLACE),
        ("empty", {}, Remedy.REPLACE),
        ("unsupported", {}, Remedy.REPLACE),
        ("missing", {}, Remedy.REPLACE),
        ("no_text", {}, Remedy.REPLACE),
        ("ocr_off", {}, Remedy.REPLACE),
        ("timeout", {}, Remedy.REPLAY),
        ("crashed", {}, Remedy.REPLAY),
        ("damaged", {"source": "web", "url": "https://example.com/"}, Remedy.REFRESH),
        ("page_gone", {"source": "web", "url": "https://example.com/"}, Remedy.REPLAY),
        ("page_private", {"source": "web", "url": "https://10.0.0.1/"}, Remedy.REPLACE),
    ],
)
@pytest.mark.parametrize("page", ["list", "document"])
def test_the_button_fits_the_failure(client, alice, without_ocr, page, kind, fields, fitting):
    document = failed(alice, kind, **fields)
    client.force_login(alice)

    where = "documents:list" if page == "list" else "documents:document"
    html = client.get(reverse(where, args=[] if page == "list" else [document.pk])).text

    offered = {remedy for remedy, name in BUTTONS.items() if f'"{reverse(name, args=[document.pk])}"' in html}
    if page == "document":
        offered -= {Remedy.REPLACE, Remedy.REFRESH} - {fitting}  # there for every document, or web page
    assert offered == {fitting}


@pytest.mark.parametrize("kind", remedies.NEEDS_OCR)
def test_a_scan_is_retried_once_ocr_is_available(client, alice, with_ocr, kind):
    document = failed(alice, kind)
    client.force_login(alice)

    html = client.get(reverse("documents:list")).text

    assert "Run OCR" in html
    assert reverse("documents:retry", args=[document.pk]) in html


def test_every_failure_has_a_remedy_and_every_kind_of_file_failure_is_known(without_ocr):
    assert {kind for kind in failure_messages.WORDINGS if remedy_of(kind) == Remedy.REPLAY} == {
        *remedies.RETRYABLE,
        *(
            kind
            for kind in failure_messages.WORDINGS
            if kind.startswith("page_") and kind not in remedies.NEVER_FETCHED
        ),
    }


def test_operators_see_what_each_failure_needs_and_a_replay_of_all_leaves_the_rest_alone(
    client, operator, alice, without_ocr, django_capture_on_commit_callbacks
):
    for kind in ("password", "damaged", "no_text", "crashed"):
        failed(alice, kind, name=f"{kind}.txt")
    client.force_login(operator)

    activity = client.get(reverse("operations:activity")).text
    assert len(re.findall(r"Retry all\s*<", activity)) == 1
    assert "needs its password" in activity
    assert "needs another file" in activity

    work = client.get(reverse("operations:work")).text
    assert len(re.findall(r">\s*Retry\s*<span", work)) == 1

    client.post(reverse("operations:replay"), {"scope": "group", "state": "failed"})
    assert list(Document.objects.filter(state=State.WAITING).values_list("title", flat=True)) == ["crashed"]


@pytest.mark.parametrize("path", ["operations:activity", "operations:work"])
def test_no_page_shows_what_python_calls_a_failure(client, operator, alice, path):
    document = failed(alice, "damaged")
    task = Task.objects.get(document=document, kind=Kind.INDEX)
    document.attempts.create(
        task=task, stage="extract", outcome="failed", error_class="UnreadableFile", error_message="damaged"
    )
    client.force_login(operator)

    page = client.get(reverse(path)).text
    admin = client.get(reverse("admin:documents_task_change", args=[task.pk])).text

    for html in (page, admin):
        assert "UnreadableFile" not in html
        assert "This file is damaged or incomplete." in html


def test_those_that_were_chosen_are_tried_and_it_is_said_which_need_more(client, alice, without_ocr):
    documents = [failed(alice, kind, name=f"{kind}.txt") for kind in ("password", "damaged", "crashed")]
    client.force_login(alice)

    page = client.post(
        reverse("documents:selected"),
        {"action": "retry", "chosen": [document.pk for document in documents]},
        follow=True,
    ).text

    assert "Retrying 3 documents." in page
    assert "2 of them will probably fail again" in page
