"""The rows of the list, which are kept once they are final: each shows what is stored now, to the person who looks."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils.safestring import SafeString

from documents.models import Collection, Document, Membership, Role
from documents.models.states import State, SummaryState
from documents.presentation import rows
from tests.support.factories import make_indexed

SCAN = {"total": 2, "readable": 1, "problems": {"no_text": [[1, 1]]}, "tables": 0}


@pytest.fixture
def document(alice):
    """One at rest."""
    document = make_indexed(alice)
    document._update(summary="It rains.", summary_state=SummaryState.NONE)
    document.tasks.all().delete()
    return document


@pytest.fixture
def shown(alice):
    """Call it for the list as Alice sees it."""
    client = Client()
    client.force_login(alice)

    def get(**cookies):
        client.cookies.load(cookies)
        return client.get("/documents/").text

    return get


def test_a_row_at_rest_is_rendered_once(document, shown):
    before = set(rows._kept)
    assert shown().count(f'id="document-{document.pk}"') == 1
    (key,) = set(rows._kept) - before
    rows._kept[key] = SafeString("<tr>Kept.</tr>")

    assert "<tr>Kept.</tr>" in shown()
    del rows._kept[key]
    assert shown().count(f'id="document-{document.pk}"') == 1


CHANGES = {
    "title": ({"title": "Fog in Trondheim"}, "Fog in Trondheim"),
    "tags": ({"tags": ["weather report"]}, "weather report"),
    "state": ({"state": State.FAILED, "failure": "It is damaged."}, "It is damaged."),
    "a summary on its way": ({"summary": "", "summary_state": SummaryState.WAITING}, "Summarizing"),
    "a summary that failed": ({"summary_state": SummaryState.FAILED}, "/retry/"),
    "sample": ({"is_sample": True}, "Remove the sample"),
    "work under way": ({"state": State.EXTRACTING, "progress_done": 3, "progress_total": 9}, "page 3 of 9"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_document_is_shown_at_once(document, shown, change):
    values, words = CHANGES[change]
    assert words not in shown()
    Document.objects.filter(pk=document.pk).update(**values)

    assert words in shown()


def test_what_others_changed_around_it_is_shown_at_once(document, shown, alice):
    shown()
    Collection.objects.filter(pk=document.collection_id).update(name="Weather")
    type(alice).objects.filter(pk=alice.pk).update(first_name="Alice", last_name="Liddell")
    type(document.serving).objects.filter(pk=document.serving_id).update(
        page_count=7, report=SCAN, is_partial=True
    )

    page = shown()
    assert all(
        words in page for words in ("Weather", "Alice Liddell", "7 pages", "some pages could not be read")
    )
    assert "1 of 2 pages" in page


def test_each_visitor_sees_times_of_their_zone(document, shown):
    Document.objects.filter(pk=document.pk).update(created_at=datetime(2026, 5, 17, 22, 30, tzinfo=UTC))
    pages = {zone: shown(timezone=zone) for zone in ("Asia/Tokyo", "America/New_York")}

    assert len(set(pages.values())) == 2
    assert "+09:00" in pages["Asia/Tokyo"]
    assert "-04:00" in pages["America/New_York"]
    assert "+09:00" not in pages["America/New_York"]


@pytest.mark.parametrize("first", ["alice", "bob"])
def test_who_may_only_read_gets_no_button_that_changes_it(document, client, alice, bob, first):
    Document.objects.filter(pk=document.pk).update(state=State.FAILED, failure="It is damaged.")
    Membership.objects.create(user=bob, collection=document.collection, role=Role.READER)
    pages = {}
    for person in (alice, bob) if first == "alice" else (bob, alice):
        client.force_login(person)
        pages[person.username] = client.get("/documents/").text

    assert f'id="choose-{document.pk}"' in pages["alice"]
    assert f'id="choose-{document.pk}"' in pages["bob"], "all that may be read can be asked"
    assert f"/documents/{document.pk}/retry/" in pages["alice"]
    assert f"/documents/{document.pk}/retry/" not in pages["bob"]


def test_nothing_of_a_kept_row_is_shown_to_who_may_not_read_it(document, shown, client, bob):
    assert document.title in shown()
    client.force_login(bob)

    assert f'id="document-{document.pk}"' not in client.get("/documents/").text


def test_no_token_of_a_visitor_is_kept(document, shown):
    shown()
    assert not any("csrfmiddlewaretoken" in row for row in rows._kept.values())
