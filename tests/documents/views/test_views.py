import re
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.core.files.storage import FileSystemStorage
from django.urls import reverse
from django.utils import timezone

from documents.models import Attempt, Collection, Document, Page, State
from documents.models.states import SummaryState
from documents.models.task import Kind, TaskState
from documents.sources.uploads import clean_name
from tests.support.factories import make_document, make_indexed, make_user


@pytest.fixture
def alices(client, alice):
    client.force_login(alice)
    return client


def row(client, document, **query):
    return changed(client, f"row-{document.pk}", **query).text


def changed(client, *parts, **query):
    """What an open page is told of these parts, of which it knows nothing yet."""
    watch = [f"{part}-00000000" for part in parts]
    return client.get(reverse("documents:changes"), {"watch": watch, **query})


def words_of(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def add_pages(document, *texts, problems=()):
    """Pages as extraction leaves them, on the newest version, which then serves."""
    version, start = document.newest, 0
    for number, text in enumerate(texts, 1):
        problem = problems[number - 1] if problems else ""
        Page.objects.create(version=version, number=number, text=text, start=start, problem=problem)
        start += len(text) + 2
    version.page_count = len(texts)
    version.save()
    Document.objects.filter(pk=document.pk).update(serving=version, state=State.READY)
    document.refresh_from_db()
    return document


# What Bob may not see

URLS = ["document", "retry", "cancel", "delete", "replace", "download", "page", "keep"]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("name", URLS)
def test_another_persons_document_is_not_there_and_stays_as_it_is(client, alice, bob, name, method):
    document = add_pages(make_document(alice), "It rains in Bergen.")
    before = Document.objects.values().get()
    client.force_login(bob)
    args = [document.pk, 1] if name == "page" else [document.pk]
    response = getattr(client, method)(reverse(f"documents:{name}", args=args))
    assert response.status_code in ((404, 405) if name != "delete" else (404,))
    assert "Bergen" not in response.text
    assert Document.objects.values().get() == before
    assert document.versions.count() == 1


@pytest.mark.parametrize("action", ["delete", "retry"])
def test_choosing_another_persons_document_changes_nothing(client, alice, bob, action):
    document = make_document(alice, state=State.FAILED)
    client.force_login(bob)
    client.post(reverse("documents:selected"), {"action": action, "confirmed": "1", "chosen": [document.pk]})
    document.refresh_from_db()
    assert document.state == State.FAILED


def test_the_list_shows_a_persons_own_documents_only(client, alice, bob):
    make_document(alice, name="alices.txt")
    make_document(bob, "Sunny.", name="bobs.txt")
    client.force_login(bob)
    page = client.get(reverse("documents:list")).text
    assert "bobs" in page
    assert "alices" not in page


@pytest.mark.parametrize("name", URLS)
def test_who_is_not_signed_in_is_sent_to_sign_in(client, alice, name):
    document = make_document(alice)
    args = [document.pk, 1] if name == "page" else [document.pk]
    assert client.get(reverse(f"documents:{name}", args=args)).url.startswith(reverse("accounts:login"))


# The list


def test_an_empty_list_says_what_to_do(alices):
    page = alices.get(reverse("documents:list")).text
    assert "No documents yet" in page
    assert 'type="file"' in page


def test_the_list_is_searched_narrowed_and_sorted(alices, alice):
    make_document(alice, "One.", name="apples.txt", state=State.READY)
    make_document(alice, "Two.", name="Bananas.txt", state=State.FAILED)
    make_document(alice, "Three.", name="cherries.txt", state=State.EXTRACTING)

    def titles(**query):
        return [
            document.title for document in alices.get(reverse("documents:list"), query).context["documents"]
        ]

    assert titles() == ["cherries", "Bananas", "apples"]
    assert titles(sort="title") == ["apples", "Bananas", "cherries"]
    assert titles(q="AN") == ["Bananas"]
    assert titles(state="working") == ["cherries"]
    assert titles(state="failed", q="apple") == []
    assert titles(state="nonsense", sort="nonsense") == ["cherries", "Bananas", "apples"]


def test_nothing_found_is_not_the_same_as_nothing_there(alices, alice):
    make_document(alice)
    assert "No matching documents" in alices.get(reverse("documents:list"), {"q": "sunshine"}).text


def test_a_long_list_comes_in_pages_and_a_page_costs_a_fixed_number_of_queries(
    alices, alice, django_assert_max_num_queries
):
    first = make_document(alice)
    Document.objects.bulk_create(
        Document(collection=first.collection, title=f"Day {n}", sha256=f"{n:064}", state=State.READY)
        for n in range(120)
    )
    with django_assert_max_num_queries(20):
        page = alices.get(reverse("documents:list"), {"page": 2})
    assert len(page.context["documents"]) == 50
    assert "Page 2 of 3" in words_of(page.text)


# A row


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": State.WAITING}, "Waiting"),
        ({"state": State.EXTRACTING, "progress_done": 120, "progress_total": 300}, "Reading page 120 of 300"),
        ({"state": State.EMBEDDING, "progress_done": 37, "progress_total": 1200}, "Indexing: 37 of 1,200"),
        ({"state": State.READY}, "Ready"),
        ({"state": State.FAILED, "failure": "This PDF needs a password.", "remedy": "Upload a copy without one."},
         "This PDF needs a password. Upload a copy without one."),
        ({"state": State.CANCELLED}, "Cancelled"),
    ],
)  # fmt: skip
def test_a_row_says_in_words_what_is_being_done(alices, alice, fields, words):
    document = make_document(alice, **fields)
    assert words in words_of(row(alices, document))


def test_a_row_says_when_it_is_tried_again_and_why(alices, alice):
    document = make_document(alice, state=State.WAITING, failure="The provider is away.")
    document.tasks.filter(kind=Kind.INDEX).update(tries=2, next_try_at=timezone.now() + timedelta(seconds=40))
    assert re.search(
        r"Waiting to try again in (39|40) s \(attempt 3\). The provider is away.",
        words_of(row(alices, document)),
    )


@pytest.mark.parametrize("state", State.values)
def test_only_a_moving_row_is_kept_up_to_date(alices, alice, state):
    document = make_document(alice, state=state)
    assert ("data-watch=" in row(alices, document)) == (
        state in ("waiting", "fetching", "extracting", "ocr", "embedding")
    )


def test_a_row_that_is_rendered_again_stays_selected(alices, alice):
    document = make_document(alice)
    assert "checked" not in row(alices, document)
    assert "checked" in row(alices, document, chosen=document.pk)


def test_a_row_says_to_listeners_that_its_summary_is_being_written(alices, alice):
    document = make_document(alice, state=State.READY, summary_state=SummaryState.WAITING)
    assert "Summarizing …" in row(alices, document)


def test_a_documents_page_is_reloaded_once_the_work_is_done(alices, alice):
    document = make_document(alice)
    assert "HX-Refresh" not in changed(alices, f"state-{document.pk}").headers
    Document.objects.update(state=State.READY)
    assert changed(alices, f"state-{document.pk}")["HX-Refresh"] == "true"


# What a person does with a document


def test_retry_puts_a_failed_document_to_work_again(alices, alice):
    document = make_document(alice)
    document.tasks.update(state=TaskState.FAILED, tries=25)
    document.fail("damaged", "This file is damaged.", "")
    response = alices.post(reverse("documents:retry", args=[document.pk]), headers={"HX-Request": "true"})
    document.refresh_from_db()
    assert "Waiting" in response.text
    assert (document.state, document.failure, document.task.state, document.task.tries) == (
        "waiting",
        "",
        "open",
        0,
    )


def test_a_double_click_on_retry_asks_once(alices, alice):
    document = make_document(alice, state=State.FAILED)
    for _ in range(2):
        alices.post(reverse("documents:retry", args=[document.pk]))
    assert document.task.generation == 2


def test_cancel_stops_the_work_and_keeps_what_was_found_before(alices, alice):
    document = make_indexed(alice)
    document.replay()
    alices.post(reverse("documents:cancel", args=[document.pk]))
    document.refresh_from_db()
    assert (document.state, document.task.state, document.chunk_count) == ("cancelled", "cancelled", 1)


def test_cancelling_what_is_ready_changes_nothing(alices, alice):
    document = make_document(alice, state=State.READY)
    alices.post(reverse("documents:cancel", args=[document.pk]))
    document.refresh_from_db()
    assert document.state == State.READY


def test_deleting_is_asked_first_and_takes_the_file_along(
    alices, alice, settings, django_capture_on_commit_callbacks
):
    document = make_document(alice)
    url = reverse("documents:delete", args=[document.pk])
    assert "permanently deletes" in alices.get(url).text
    with django_capture_on_commit_callbacks(execute=True):
        alices.post(url)
    assert not Document.objects.exists()
    assert not [path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()]


def test_several_are_deleted_after_they_were_named(alices, alice):
    documents = [make_document(alice, f"Rain {n}.", name=f"day {n}.txt") for n in range(3)]
    chosen = [document.pk for document in documents[:2]]
    asked = alices.post(reverse("documents:selected"), {"action": "delete", "chosen": chosen}).text
    assert "Delete these 2 documents?" in asked
    assert "day 0" in asked
    assert Document.objects.count() == 3
    alices.post(reverse("documents:selected"), {"action": "delete", "chosen": chosen, "confirmed": "1"})
    assert Document.objects.get() == documents[2]


def test_several_are_put_to_work_again_those_that_need_it(alices, alice):
    failed = make_document(alice, "One.", state=State.FAILED)
    ready = make_document(alice, "Two.", state=State.READY)
    alices.post(reverse("documents:selected"), {"action": "retry", "chosen": [failed.pk, ready.pk]})
    assert set(Document.objects.values_list("pk", "state")) == {(failed.pk, "waiting"), (ready.pk, "ready")}


@pytest.mark.parametrize("chosen", [[], ["x"], ["9" * 40], ["-1"]])
def test_choosing_nonsense_says_to_choose_first(alices, alice, chosen):
    response = alices.post(reverse("documents:selected"), {"action": "delete", "chosen": chosen}, follow=True)
    assert "Select some documents first." in response.text


# One document


def test_a_documents_page_tells_how_much_of_it_is_readable(alices, alice):
    document = add_pages(
        make_document(alice), "Rain.", "", "Snow.", "x", problems=["", "no_text", "", "garbled"]
    )
    page = words_of(alices.get(document.get_absolute_url()).text)
    assert "2 of 4 pages readable; 1 looks scanned (page 2); 1 has unreadable letters (page 4)" in page


def test_words_are_found_on_their_pages_across_line_ends_and_marked(alices, alice):
    document = add_pages(make_document(alice), "Sun.", "The (old)\nharbour & <town>.")
    page = alices.get(document.get_absolute_url(), {"q": "(OLD) harbour"})
    assert [hit.number for hit in page.context["hits"]] == [2]
    assert "<mark>(old) harbour</mark> &amp; &lt;town&gt;." in page.text
    assert "No match for “" in alices.get(document.get_absolute_url(), {"q": "a.b*[\\"}).text


def test_a_page_of_text_has_its_own_address(alices, alice):
    document = add_pages(make_document(alice), "One <b>.", "Two.", "Three.")
    page = alices.get(reverse("documents:page", args=[document.pk, 2])).text
    assert "Two." in page
    assert reverse("documents:page", args=[document.pk, 1]) in page
    assert reverse("documents:page", args=[document.pk, 3]) in page
    assert "One &lt;b&gt;." in alices.get(reverse("documents:page", args=[document.pk, 1])).text
    assert alices.get(reverse("documents:page", args=[document.pk, 4])).status_code == 404


@pytest.mark.parametrize("number", ["3", "99999999999999999999"])
def test_a_page_is_reached_by_its_number(alices, alice, number):
    document = add_pages(make_document(alice), "One.", "Two.", "Three.")
    response = alices.get(document.get_absolute_url(), {"page": number}, follow=True)
    assert response.status_code == (200 if number == "3" else 404)


def test_the_history_shows_tries_and_never_a_traceback(alices, alice):
    document = make_document(alice)
    Attempt.objects.create(
        document=document,
        stage="extract",
        number=2,
        outcome="failed",
        traceback="Traceback: secret",
        error_class="KeyError",
    )
    page = alices.get(document.get_absolute_url()).text
    assert "Reading the file (attempt 2) Failed" in words_of(page)
    assert "secret" not in page
    assert "KeyError" not in page


async def test_a_download_is_the_file_as_it_was_and_never_a_page(async_client, transactional_db):
    alice = await sync_to_async(make_user)("alice")
    await async_client.aforce_login(alice)
    document = await sync_to_async(make_document)(alice, "<script>alert(1)</script>", name="naïve “rain”.txt")
    response = await async_client.get(reverse("documents:download", args=[document.pk]))
    assert b"".join([piece async for piece in response.streaming_content]) == b"<script>alert(1)</script>"
    assert response["Content-Disposition"].startswith("attachment;")
    assert response["Content-Length"] == "25"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"].startswith("sandbox")


def test_a_file_that_is_no_longer_stored_is_a_plain_404(alices, alice):
    document = make_document(alice)
    document.newest.file.storage.delete(document.newest.file.name)
    response = alices.get(reverse("documents:download", args=[document.pk]))
    assert response.status_code == 404
    assert "no longer in the site’s storage" in response.text


def test_a_storage_that_is_away_is_a_plain_503(alices, alice, monkeypatch):
    document = make_document(alice)
    monkeypatch.setattr(FileSystemStorage, "_open", fail_to_open)
    response = alices.get(reverse("documents:download", args=[document.pk]))
    assert response.status_code == 503
    assert "file storage is not responding" in response.text


def fail_to_open(*args):
    raise RuntimeError("the secret key of the bucket")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ('a "b" \\c.txt', 'filename="c.txt"'),
        ('x"; filename="evil.exe', 'filename="x\\"; filename=\\"evil.exe"'),
        ("rain\r\nSet-Cookie: a=b.txt", 'filename="rainSet-Cookie: a=b.txt"'),
        ("gpj\u202etxt.exe", 'filename="gpjtxt.exe"'),
        ("dåligt väder.txt", "filename*=utf-8''d%C3%A5ligt%20v%C3%A4der.txt"),
        ("a" * 300 + ".txt", 'filename="' + "a" * 255 + '"'),
    ],
    ids=["backslash", "quotes", "newline", "right to left", "letters", "long"],
)
def test_a_downloads_name_says_one_thing_only(alices, alice, name, told):
    document, _new = Document.objects.add_text(
        Collection.objects.private_to(alice), "x", "It rains.", user=alice
    )
    document.versions.update(file_name=clean_name(name))
    response = alices.head(reverse("documents:download", args=[document.pk]))
    assert response["Content-Disposition"] == f"attachment; {told}"


# All pages


def test_no_page_holds_inline_script_or_style(alices, alice):
    document = add_pages(make_document(alice), "Rain.", "Snow.")
    for url in (reverse("documents:list"), document.get_absolute_url(), reverse("documents:page", args=[document.pk, 1]),
                reverse("accounts:account"), "/nowhere/"):  # fmt: skip
        page = alices.get(url).text
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|hx-on|hx-vals=.js:", page)
        assert page.count("<h1") == 1
        assert page.count("<main") == 1


def test_error_pages_need_neither_request_nor_database():
    from django.template.loader import render_to_string

    for name in ("404", "403", "403_csrf", "413", "500", "503"):
        assert "<h1>" in render_to_string(f"{name}.html")
