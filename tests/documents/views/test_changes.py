"""Polling: one request for all that an open page watches, and for its reader's notices."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from documents.models import Document, Notice, State
from documents.presentation.watched import MAX_WATCHED, PARTS
from tests.support.factories import make_document

URL = reverse("documents:changes")


@pytest.fixture
def alices(client, alice):
    client.force_login(alice)
    return client


def watched_on(html):
    return re.findall(r'data-watch="([^"]+)"', html)


def rows(owner, count, **fields):
    return [make_document(owner, f"Day {n}.", name=f"{n}.txt", **fields) for n in range(count)]


def test_a_page_names_what_moves_and_its_rows_ask_for_nothing_themselves(alices, alice):
    moving, *_others = rows(alice, 3)
    Document.objects.exclude(pk=moving.pk).update(state=State.READY)
    page = alices.get(reverse("documents:list")).text
    assert [mark.rpartition("-")[0] for mark in watched_on(page)] == [f"row-{moving.pk}"]
    assert "every " not in page


def test_what_looks_as_it_did_is_not_sent_again(alices, alice):
    rows(alice, 3)
    marks = watched_on(alices.get(reverse("documents:list")).text)
    assert alices.get(URL, {"watch": marks}).status_code == 204


@pytest.mark.parametrize(
    "change",
    [{"progress_done": 3, "progress_total": 9}, {"state": "ready"}, {"state": "failed", "failure": "No."}, {"title": "Night"}],
)  # fmt: skip
def test_only_what_changed_is_sent_each_to_its_place(alices, alice, change):
    first, second = rows(alice, 2)
    marks = watched_on(alices.get(reverse("documents:list")).text)
    Document.objects.filter(pk=second.pk).update(**change)
    news = alices.get(URL, {"watch": marks})
    assert news.status_code == 200
    place = f"outerHTML:[data-watch^=&#x27;row-{second.pk}-&#x27;]"
    assert re.findall(r'hx-swap-oob="([^"]+)"', news.text) == [place]
    assert f'id="document-{first.pk}"' not in news.text


@pytest.mark.parametrize("part", PARTS)
def test_every_part_finds_its_place_and_says_what_it_shows_now(alices, alice, part):
    document = make_document(alice, summary_state="waiting")
    news = alices.get(URL, {"watch": f"{part}-{document.pk}-00000000"}).text
    assert f"outerHTML:[data-watch^=&#x27;{part}-{document.pk}-&#x27;]" in news
    [mark] = watched_on(news)
    assert alices.get(URL, {"watch": mark}).status_code == 204


def test_fifty_moving_rows_cost_as_many_queries_as_three(alices, alice):
    pks = [document.pk for document in rows(alice, 50)]

    def queries(count):
        with CaptureQueriesContext(
            connection,
        ) as seen:
            news = alices.get(URL, {"watch": [f"row-{pk}-00000000" for pk in pks[:count]]})
        assert news.text.count("<tr") == count
        return len(seen)

    queries(3)
    assert queries(3) == queries(50)


def test_a_row_whose_document_is_gone_leaves_the_page(alices, alice):
    pk = make_document(alice).pk
    Document.objects.filter(pk=pk).delete()
    news = alices.get(URL, {"watch": f"row-{pk}-00000000"}).text
    assert f"delete:[data-watch^=&#x27;row-{pk}-&#x27;]" in news


def test_another_persons_document_is_as_one_that_is_gone(client, alice, bob):
    document = make_document(alice, "Alice's canary.", name="canary.txt")
    client.force_login(bob)
    marks = [f"{part}-{document.pk}-00000000" for part in PARTS]
    news = client.get(URL, {"watch": marks})
    assert "canary" not in news.text
    missing = client.get(URL, {"watch": [mark.replace(str(document.pk), "999999") for mark in marks]})
    assert news.text.replace(str(document.pk), "999999") == missing.text


def test_nonsense_is_left_out(alices, alice):
    document = make_document(alice)
    marks = ["", "row", "row-1", f"../../settings-{document.pk}-00000000", f"row-{document.pk}-xyz", "row-" + "9" * 30 + "-00000000"]  # fmt: skip
    assert alices.get(URL, {"watch": marks}).status_code == 204


def test_a_page_cannot_poll_more_parts_than_it_can_show(alices, alice):
    make_document(alice)
    marks = [f"row-{pk}-00000000" for pk in range(10**6, 10**6 + 3 * MAX_WATCHED)]
    assert alices.get(URL, {"watch": marks}).text.count("delete:") == MAX_WATCHED


def test_a_page_stops_asking_once_nothing_is_under_way(alices, alice):
    document = make_document(alice)
    assert alices.get(URL).status_code == 204, "a notice is to be expected"
    Document.objects.filter(pk=document.pk).update(state=State.READY)
    assert alices.get(URL).status_code == 286


def test_a_page_that_shows_a_colleagues_moving_document_keeps_polling(client, alice, bob):
    document = make_document(alice)
    document.collection.everyone_reads = True
    document.collection.save()
    client.force_login(bob)
    marks = watched_on(client.get(reverse("documents:list")).text)
    assert client.get(URL, {"watch": marks}).status_code == 204


def test_a_page_whose_reader_signed_out_stops_asking(client, db):
    assert client.get(URL).status_code == 286


# Notices


def test_a_document_that_became_ready_is_told_once_and_to_its_owner(client, alice, bob):
    document = make_document(alice, name="<i>Handbook</i>.txt", state=State.READY)
    Notice.objects.create(user=alice, document=document)
    client.force_login(bob)
    assert client.get(URL).status_code == 286
    client.force_login(alice)
    told = client.get(URL).text
    assert 'hx-swap-oob="beforeend:#toasts"' in told
    assert "is ready." in told
    assert f"?document={document.pk}" in told
    assert "<i>" not in told
    assert client.get(URL).status_code == 286


def test_a_failure_is_told_with_its_reason_and_a_way_on(alices, alice):
    document = make_document(alice, failure="This PDF needs a password.", state=State.FAILED)
    Notice.objects.create(user=alice, document=document, is_failure=True)
    told = alices.get(URL).text
    assert "could not be read. <bdi>This PDF needs a password.</bdi>" in told
    assert document.get_absolute_url() in told


def test_several_at_once_share_one_toast_that_replaces_the_one_before(alices, alice):
    documents = [make_document(alice, f"It rains {n}.", name=f"{n}.txt", state=State.READY) for n in range(4)]
    for document in documents[:2]:
        Notice.objects.create(user=alice, document=document)
    assert "2 documents are ready." in alices.get(URL).text
    Notice.objects.create(user=alice, document=documents[2])
    Notice.objects.create(user=alice, document=documents[3], is_failure=True)
    told = alices.get(URL).text
    assert told.count('class="toast ') == 1
    assert "3 documents are ready." in told
    assert "1 could not be read." in told
    assert "toast-together" in told


# What was added together


def batch(client, alice, **query):
    mark = f"row-{Document.objects.filter(uploaded_by=alice).first().pk}-00000000"
    return client.get(URL, {"watch": mark, **query}).text


def test_what_was_added_together_has_one_line(alices, alice, bob):
    states = [State.READY, State.READY, State.FAILED, State.EXTRACTING]
    for n, state in enumerate(states):
        make_document(alice, f"It rains {n}.", name=f"{n}.txt", state=state)
    make_document(bob, "It snows.", state=State.READY)
    page = alices.get(reverse("documents:list")).text
    assert 'data-title="2/4"' in page
    line = batch(alices, alice, batch="1")
    assert "2 of 4 ready" in line
    assert "1 needs you" in line
    assert 'id="batch"' not in batch(alices, alice)
    Document.objects.filter(state=State.EXTRACTING).update(state=State.READY)
    line = batch(alices, alice, batch="1")
    assert "3 of 4 ready" in line
    assert "data-title" not in line


def test_one_document_or_an_old_batch_has_none(alices, alice):
    make_document(alice, state=State.EXTRACTING)
    old = make_document(alice, "It rained.", name="old.txt", state=State.READY)
    Document.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(hours=3))
    assert "data-title" not in alices.get(reverse("documents:list")).text
