"""Refreshing web pages concurrently, and when it fails."""

import threading

import pytest
from django.db import connections
from django.urls import reverse

from documents.ingestion import fetch
from documents.models import Collection, Document, State, Task
from documents.models.collection import Membership, Role
from documents.models.task import Kind, TaskState
from documents.work import runner
from qa.retrieval.retriever import find_sources
from tests.support.web_site import answer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alices(client, alice):
    client.force_login(alice)
    return client


@pytest.fixture
def page(alice, own_site, work):
    own_site.pages["/rain"] = answer("It rains in Bergen on 240 days.", ETag='W/"1"')
    shelf = Collection.objects.private_to(alice)
    document, _ = Document.objects.add_page(shelf, f"{own_site.url}/rain", user=alice)
    work()
    document.refresh_from_db()
    return document


def task_of(page):
    return Task.objects.get(document=page, kind=Kind.FETCH)


@pytest.mark.parametrize(
    "gone",
    [answer(status=404), answer("", kind="text/html"), answer("<html><script>x</script>", kind="text/html"), answer(b"\x89PNG\r\n\x1a\n")],
    ids=["gone", "empty", "script only", "another kind"],
)  # fmt: skip
def test_a_page_that_is_no_longer_what_it_was_says_so_and_its_earlier_content_answers(
    alices, alice, own_site, page, work, gone
):
    own_site.pages["/rain"] = gone
    alices.post(reverse("documents:refresh", args=[page.pk]))
    work()
    page.refresh_from_db()
    assert (page.state, page.serving.text) == (State.FAILED, "It rains in Bergen on 240 days.")
    assert [source.document_id for source in find_sources("Does it rain in Bergen?", user=alice)] == [page.pk]
    said = alices.get(page.get_absolute_url()).text
    assert page.failure in said
    assert "previous version" in said


def test_a_weak_mark_is_sent_back_as_it_came_and_a_page_that_lies_about_its_age_is_read_again(
    own_site, page, work
):
    own_site.pages["/rain"] = answer(
        "It is dry.", ETag='W/"2"', Last_Modified="Thu, 01 Jan 1970 00:00:00 GMT"
    )
    page.fetch()
    work()
    page.refresh_from_db()
    assert own_site.asked[-1][1]["if-none-match"] == 'W/"1"'
    assert page.serving.text == "It is dry."


def test_two_concurrent_refreshes_fetch_once(own_site, page):
    """The second finds the task locked."""
    asked, task = len(own_site.asked), page.fetch()

    def refresh_meanwhile(handler):
        other = threading.Thread(target=look)
        other.start()
        other.join()
        answer("It is dry.")(handler)

    def look():
        runner.run(Task.objects.get(pk=task.pk))
        connections.close_all()

    own_site.pages["/rain"] = refresh_meanwhile
    runner.run(task)
    assert len(own_site.asked) == asked + 1
    assert page.versions.count() == 2


def test_a_page_that_is_asked_for_again_while_it_is_read_ends_with_its_newest_content(own_site, page, work):
    for number in range(3):
        own_site.pages["/rain"] = answer(f"It rained on {number} days.")
        fetch.fetch_document(page.fetch())
    work()
    page.refresh_from_db()
    assert (page.state, page.serving.text) == (State.READY, "It rained on 2 days.")
    assert task_of(page).state == TaskState.DONE


def test_a_person_who_may_no_longer_edit_a_collection_cannot_refresh_its_pages(client, bob, own_site, page):
    member = Membership.objects.create(collection=page.collection, user=bob, role=Role.EDITOR)
    client.force_login(bob)
    member.role = Role.READER
    member.save()
    assert client.post(reverse("documents:refresh", args=[page.pk])).status_code == 404
    client.post(reverse("documents:selected"), {"action": "refresh", "chosen": [page.pk]})
    client.post("/documents/pages/", {"urls": f"{own_site.url}/x", "collection": page.collection.pk})
    assert not Task.objects.open().exists()
    assert Document.objects.count() == 1
