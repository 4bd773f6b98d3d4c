"""Web pages as documents: fetched by a worker, refreshed, and replaced only if they changed."""

import time
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse
from django.utils import timezone

from documents.models import Collection, Document, Notice, State, Task
from documents.models.task import Kind, TaskState
from documents.sources.web import network
from tests.support.factories import FILES, make_document, make_indexed
from tests.support.web_site import answer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alices(client, alice):
    client.force_login(alice)
    return client


def add(alice, url):
    return Document.objects.add_page(Collection.objects.private_to(alice), url, user=alice)[0]


def fresh(document):
    return Document.objects.get(pk=document.pk)


def fetch_task(document):
    return Task.objects.get(document=document, kind=Kind.FETCH)


def test_addresses_become_documents_that_a_worker_fetches_and_reads(alices, own_site, work):
    own_site.pages["/rain.txt"] = answer("It rains in Bergen.")
    own_site.pages["/handbook"] = answer((FILES / "handbook.pdf").read_bytes(), kind="application/pdf")
    response = alices.post(
        "/documents/pages/", {"urls": f"{own_site.url}/rain.txt\n {own_site.url}/handbook "}
    )

    assert response.url == reverse("documents:list")
    assert own_site.connections == 0, "nothing is fetched while a person waits"
    work()
    rain, handbook = Document.objects.order_by("url").reverse()
    assert [rain.state, handbook.state] == [State.READY, State.READY]
    assert (rain.source, rain.url, rain.serving.file.read()) == (
        "web",
        f"{own_site.url}/rain.txt",
        b"It rains in Bergen.",
    )
    assert handbook.serving.media_type == "application/pdf"
    assert rain.checked_at
    assert [attempt.stage for attempt in rain.attempts.order_by("pk")][:2] == ["fetch", "extract"]


def test_an_invalid_address_is_reported_and_the_others_are_added(alices, own_site):
    said = alices.post(
        "/documents/pages/",
        {
            "urls": f"ftp://example.org/x\nhttp://169.254.169.254/latest\nhttps://me:word@example.org/\n{own_site.url}/rain"
        },
    ).text
    assert "This is not a web address." in said
    assert "not on the public internet" in said
    assert "contains a username or password" in said
    assert "me:word" not in said
    assert [document.url for document in Document.objects.all()] == [f"{own_site.url}/rain"]


def test_an_address_is_kept_once(alices, alice, bob, own_site):
    url = f"{own_site.url}/rain"
    add(alice, url)
    assert "You have this already" in alices.post("/documents/pages/", {"urls": url + "#part"}).text
    assert Document.objects.count() == 1
    add(bob, url)
    assert Document.objects.count() == 2


def test_without_the_operators_leave_nothing_of_the_own_network_is_fetched(alice, web_site, work):
    document = add(alice, web_site.url)
    work()
    document = fresh(document)
    assert (document.state, document.failure_kind) == (State.FAILED, "page_private")
    assert "public internet" in document.failure
    assert web_site.connections == 0
    assert Notice.objects.get().is_failure


def test_a_page_that_is_gone_fails_for_good_in_words_and_can_be_tried_again(alices, alice, own_site, work):
    document = add(alice, f"{own_site.url}/rain")
    work()
    document = fresh(document)
    assert (document.state, document.failure) == (State.FAILED, "There is no page at this address.")
    assert fetch_task(document).state == TaskState.FAILED

    own_site.pages["/rain"] = answer("It rains in Bergen.")
    alices.post(reverse("documents:retry", args=[document.pk]))
    work()
    assert fresh(document).state == State.READY


def test_a_busy_site_is_asked_again_when_it_wants_to_be(alice, own_site, work):
    own_site.pages["/rain"] = answer(status=429, Retry_After="300")
    document = add(alice, f"{own_site.url}/rain")
    work()
    task = fetch_task(document)
    assert fresh(document).state == State.WAITING
    assert fresh(document).failure == "The page's site is busy."
    assert task.next_try_at > timezone.now() + timedelta(seconds=280)
    assert fresh(document).task == task


def test_a_page_is_given_up_within_an_hour_or_so_not_after_weeks(alice, own_site, work):
    own_site.pages["/rain"] = answer(status=500)
    document = add(alice, f"{own_site.url}/rain")
    Task.objects.update(tries=8)
    work()
    assert fresh(document).state == State.FAILED


def test_an_unchanged_page_is_left_alone_by_its_sites_word(alices, alice, own_site, work):
    own_site.pages["/rain"] = answer("It rains in Bergen.", ETag='"1"')
    document = add(alice, f"{own_site.url}/rain")
    work()
    before, own_site.pages["/rain"] = fresh(document), answer(status=304)
    alices.post(reverse("documents:refresh", args=[document.pk]))
    assert fresh(document).state == State.WAITING
    work()

    after = fresh(document)
    assert own_site.asked[-1][1]["if-none-match"] == '"1"'
    assert (after.state, after.serving_id) == (State.READY, before.serving_id)
    assert after.checked_at > before.checked_at
    assert document.versions.count() == 1
    assert document.attempts.filter(stage="embed").count() == 1
    assert Notice.objects.count() == 1


def test_an_unchanged_page_is_left_alone_by_its_bytes_and_says_since_when(alices, alice, own_site, work):
    own_site.pages["/rain"] = answer("It rains in Bergen.")
    document = add(alice, f"{own_site.url}/rain")
    work()
    document.versions.update(created_at=timezone.now() - timedelta(days=3))
    fresh(document).fetch()
    work()
    assert document.versions.count() == 1
    assert "unchanged since" in alices.get(document.get_absolute_url()).text


def test_a_changed_page_takes_the_place_of_the_old_one_once_it_is_ready(alice, own_site, work):
    own_site.pages["/rain"] = answer("It rains in Bergen.")
    document = add(alice, f"{own_site.url}/rain")
    work()
    own_site.pages["/rain"] = answer("It is dry in Bergen.")
    task = fresh(document).fetch()
    from documents.ingestion import fetch

    fetch.fetch_document(task)
    assert fresh(document).serving.text == "It rains in Bergen."
    work()
    assert fresh(document).serving.text == "It is dry in Bergen."
    assert document.versions.count() == 2


def test_a_page_that_fails_to_come_again_leaves_the_old_one_answering(alice, own_site, work):
    own_site.pages["/rain"] = answer("It rains in Bergen.")
    document = add(alice, f"{own_site.url}/rain")
    work()
    del own_site.pages["/rain"]
    fresh(document).fetch()
    work()
    document = fresh(document)
    assert (document.state, document.serving.text) == (State.FAILED, "It rains in Bergen.")


def test_what_is_in_the_collection_already_is_no_second_document(alice, own_site, work):
    make_indexed(alice, "It rains in Bergen.")
    own_site.pages["/rain"] = answer("It rains in Bergen.")
    document = add(alice, f"{own_site.url}/rain")
    work()
    assert (fresh(document).state, fresh(document).failure_kind) == (State.FAILED, "page_known")


def test_a_cancelled_fetch_stores_nothing(alice, own_site, work):
    document = add(alice, f"{own_site.url}/rain")

    def cancel_meanwhile(handler):
        fresh(document).cancel()
        answer("It rains.")(handler)

    own_site.pages["/rain"] = cancel_meanwhile
    work()
    assert fresh(document).state == State.CANCELLED
    assert not document.versions.exists()


def test_a_page_that_drips_is_not_waited_for_once_it_is_cancelled(alice, own_site, work, monkeypatch):
    monkeypatch.setattr(network, "CHECK_SECONDS", 0)
    document = add(alice, f"{own_site.url}/slow")
    dripped = []

    def drip(handler):
        handler.send_response(200)
        handler.end_headers()
        fresh(document).cancel()
        for _ in range(200):
            handler.wfile.write(b"x")
            dripped.append("x")
            time.sleep(0.02)

    own_site.pages["/slow"] = drip
    work()
    assert len(dripped) < 200
    assert fresh(document).state == State.CANCELLED


def test_a_document_deleted_while_it_is_fetched_leaves_no_file(alice, own_site, work, settings):
    document = add(alice, f"{own_site.url}/rain")

    def delete_meanwhile(handler):
        fresh(document).delete()
        answer("It rains.")(handler)

    own_site.pages["/rain"] = delete_meanwhile
    work()
    assert not Document.objects.exists()
    assert [path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()] == []


def test_several_pages_are_refreshed_at_once(alices, alice, own_site, work):
    own_site.pages["/rain"] = answer("It rains in Bergen.")
    page, file = add(alice, f"{own_site.url}/rain"), make_document(alice, "A file.")
    work()
    alices.post(reverse("documents:selected"), {"action": "refresh", "chosen": [page.pk, file.pk]})
    assert [task.document for task in Task.objects.open()] == [page]


def test_a_page_replaced_by_a_file_is_read_from_the_file(alice, own_site, work):
    document = add(alice, f"{own_site.url}/rain")
    work()
    document = fresh(document)
    document.replace(ContentFile(b"It snows in Bergen.", name="snow.txt"))
    work()
    assert fresh(document).serving.text == "It snows in Bergen."


def test_a_waiting_page_is_not_read_before_it_is_fetched(alice, own_site):
    document = add(alice, f"{own_site.url}/rain")
    own_site.pages["/rain"] = answer("It rains in Bergen.")
    document.index()
    assert (document.state, document.serving.text) == (State.READY, "It rains in Bergen.")


def html(visit, text="It rains in Bergen on 240 days a year, and nobody there minds it at all."):
    return f"""<!doctype html><html><head><title>Weather &amp; rain</title></head><body><nav><a href=/>Home</a> visit {visit}</nav>
        <main><h1>Rain</h1><p>{text}</p></main><footer>{visit} visitors</footer></body></html>"""


def test_a_page_of_html_is_read_by_its_main_text_and_called_by_its_title(alices, alice, own_site, work):
    own_site.pages["/rain"] = answer(html(1), kind="text/html; charset=utf-8")
    document = add(alice, f"{own_site.url}/rain")
    work()
    document = fresh(document)
    assert (document.state, document.title) == (State.READY, "Weather & rain")
    assert (
        document.serving.text
        == "Rain\n\nIt rains in Bergen on 240 days a year, and nobody there minds it at all."
    )
    assert document.serving.media_type == "text/html"
    assert b"visitors" in document.serving.file.read(), "the page is kept as it came"
    page = alices.get(document.get_absolute_url()).text
    assert f'href="{document.url}"' in page


def test_a_page_that_changed_around_its_text_only_is_left_alone(alice, own_site, work):
    own_site.pages["/rain"] = answer(html(1), kind="text/html")
    document = add(alice, f"{own_site.url}/rain")
    work()
    own_site.pages["/rain"] = answer(html(2), kind="text/html")
    fresh(document).fetch()
    work()
    assert (document.versions.count(), fresh(document).state) == (1, State.READY)
    own_site.pages["/rain"] = answer(
        html(3, "It is dry in Bergen, for once, and everybody is out in the sun."), kind="text/html"
    )
    fresh(document).fetch()
    work()
    assert document.versions.count() == 2
    assert "dry" in fresh(document).serving.text


def test_a_page_in_another_encoding_is_read_by_its_sites_word(alice, own_site, work):
    own_site.pages["/rain"] = answer(
        html(1, "Der Regen fällt.").encode("latin-1"), kind="text/html; charset=iso-8859-1"
    )
    document = add(alice, f"{own_site.url}/rain")
    work()
    assert "Der Regen fällt." in fresh(document).serving.text


def test_one_page_under_several_addresses_is_one_document(alices, own_site):
    ways = ["/rain", "/rain#part", "/./rain", "/x/../rain", "/%72ain"]
    alices.post("/documents/pages/", {"urls": "\n".join(own_site.url + way for way in ways)})
    assert [document.url for document in Document.objects.all()] == [f"{own_site.url}/rain"]


def test_an_address_that_is_too_long_once_it_is_escaped_is_said(alices):
    said = alices.post("/documents/pages/", {"urls": "https://example.org/" + "ä" * 900}).text
    assert "This is not a web address." in said


def test_a_pdf_is_read_as_one_and_a_page_as_one_whatever_their_site_says(alice, own_site, work):
    own_site.pages["/a"] = answer((FILES / "handbook.pdf").read_bytes(), kind="text/html")
    own_site.pages["/b.pdf"] = answer(html(1), kind="application/pdf")
    pdf, page = add(alice, f"{own_site.url}/a"), add(alice, f"{own_site.url}/b.pdf")
    work()
    assert fresh(pdf).serving.media_type == "application/pdf"
    assert (fresh(page).state, fresh(page).serving.media_type) == (State.READY, "text/html")
