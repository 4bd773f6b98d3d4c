"""The order of work: small files and other people's first; slow work never occupies all workers."""

import os
import subprocess
import sys
from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from documents.models import Attempt, Collection, Document, Index, State, Task
from documents.models.index import IndexState
from documents.models.task import Kind, TaskState
from documents.sources.web import SiteUnavailable
from documents.work import fairness, locks, patience, retries, runner
from documents.work import queue as jobs
from documents.work.fairness import Limits, arrange
from documents.work.locks import advisory_lock
from tests.support.factories import make_document
from tests.support.site import ROOT, database_url

QUEUES = ["documents", "fetch", "ocr", "summaries"]

pytestmark = pytest.mark.django_db(transaction=True)


def make_page(owner, url):
    return Document.objects.add_page(Collection.objects.private_to(owner), url, user=owner)[0]


def task_of(document, kind=Kind.INDEX):
    return Task.objects.get(document=document, kind=kind)


def front(queue="documents", *, workers=2):
    """The titles of the documents whose work comes first on that queue; None where no worker may take from it now."""
    names, jobs_first = arrange(QUEUES, workers=workers)
    titles = {task.job_id: task.document.title for task in Task.objects.select_related("document")}
    return [titles[job_id] for job_id in jobs_first[queue]] if queue in names else None


def note_turn(person, seconds_ago):
    document = make_document(person, f"Noted {seconds_ago} s ago.", name="noted.txt")
    task = task_of(document)
    Task.objects.filter(pk=task.pk).update(state=TaskState.DONE)
    Attempt.objects.create(
        task=task,
        document=document,
        stage="extract",
        started_at=timezone.now() - timedelta(seconds=seconds_ago),
    )


def test_a_letter_goes_before_the_books_that_came_earlier(alice):
    make_document(alice, "A long book. " * 20_000, name="book.txt")
    make_document(alice, "A longer book. " * 30_000, name="longer book.txt")
    make_document(alice, "Dear Sir.", name="letter.txt")

    assert front() == ["letter", "book", "longer book"]


def test_a_document_that_crashed_a_worker_goes_after_others_of_its_person(alice, bob):
    for name in ("crashing", "sound", "other"):
        make_document(alice, "Dear Sir.".ljust(20, name[0]), name=f"{name}.txt")
    Task.objects.filter(document__title="crashing").update(crashes=1)
    assert front() == ["sound", "other", "crashing"]

    make_document(bob, "Dear Madam.", name="bob.txt")
    assert set(front()[:2]) == {"sound", "bob"}


def test_a_person_with_one_file_does_not_wait_for_all_of_a_person_with_many(alice, bob):
    for number in range(6):
        make_document(alice, f"Small file {number}.", name=f"small {number}.txt")
    make_document(bob, "Bob's file is by far the longest of them. " * 100, name="bob.txt")

    assert "bob" in front()[:2]


def test_whose_turn_was_longest_ago_comes_first(alice, bob):
    note_turn(bob, 60)
    note_turn(alice, 1)
    make_document(alice, "Short.", name="alice.txt")
    make_document(bob, "Not quite as short as the other.", name="bob.txt")
    assert front() == ["bob", "alice"]

    note_turn(bob, 0)
    assert front() == ["alice", "bob"]


def test_an_index_that_is_built_behind_the_live_one_comes_after_what_somebody_waits_for(alice, bob):
    first = make_document(alice, "Short.", name="rebuilt.txt")
    first.index()
    Task.objects.all().delete()
    other = Index.objects.create(
        embedding_model="other", dimensions=8, chunk_tokens=200, chunk_overlap=0, state=IndexState.BUILDING
    )
    Task.objects.request(Kind.INDEX, first, other)
    make_document(bob, "Something that is longer than the other one. " * 50, name="new.txt")

    assert front() == ["new", "new", "rebuilt"]  # the second is for the index behind, too


def test_one_of_two_workers_is_always_free_for_anything_but_slow_work(alice, bob):
    pages = [make_page(alice, f"https://slow.example/{number}") for number in range(60)]
    make_page(bob, "https://quick.example/")
    note_turn(alice, 1)
    make_document(bob, "Dear Sir.", name="letter.txt")

    task = task_of(pages[0], Kind.FETCH)
    with advisory_lock(task.pk), fairness.turn(task, workers=2) as is_its_turn:
        assert is_its_turn
        assert front() == ["letter"]
        assert front("fetch") is front("ocr") is front("summaries") is None
        with fairness.turn(task_of(pages[1], Kind.FETCH), workers=2) as is_second:
            assert not is_second

    assert front("fetch")[0] == "quick.example"


def test_a_worker_that_is_alone_fetches_only_when_nothing_else_waits(alice, bob):
    note_turn(bob, 1)
    make_page(alice, "https://slow.example/")
    make_document(bob, "Dear Sir.", name="letter.txt")

    assert arrange(QUEUES, workers=1)[0][0] == "documents"
    assert (
        arrange(QUEUES, workers=2)[0][0] == "fetch"
    )  # Bob had a turn just now, and a second worker is there


def test_one_site_is_asked_for_one_page_at_a_time_and_one_person_leaves_a_worker_to_others(alice, bob):
    slow = [task_of(make_page(alice, f"https://slow.example/{number}"), Kind.FETCH) for number in range(3)]
    others = [task_of(make_page(alice, f"https://site{number}.example/"), Kind.FETCH) for number in range(3)]
    of_bob = task_of(make_page(bob, "https://bob.example/"), Kind.FETCH)
    workers = 4
    assert (Limits(workers).slots, Limits(workers).slots_per_person) == (3, 2)

    with ExitStack() as stack:

        def take(task):
            stack.enter_context(advisory_lock(task.pk))
            return stack.enter_context(fairness.turn(task, workers=workers))

        assert take(slow[0])
        assert not any("slow.example" in title for title in front("fetch", workers=workers))
        assert not take(slow[1])
        assert take(others[0])
        assert front("fetch", workers=workers) == ["bob.example"]
        assert not take(others[1])
        assert take(of_bob)


def test_a_site_that_gives_no_page_is_left_alone_for_a_while_at_no_cost(alice):
    first, second = (
        task_of(make_page(alice, f"https://slow.example/{number}"), Kind.FETCH) for number in range(2)
    )
    other = task_of(make_page(alice, "https://notslow.example/"), Kind.FETCH)

    retries.record_failure(first, SiteUnavailable("page_timeout", "in all"))

    second.refresh_from_db()
    other.refresh_from_db()
    assert timedelta(seconds=50) < second.next_try_at - timezone.now() < timedelta(seconds=70)
    assert (second.tries, second.state, other.is_due) == (0, TaskState.OPEN, True)


def test_a_page_that_its_site_has_a_fault_with_holds_no_other_up(alice):
    first, second = (
        task_of(make_page(alice, f"https://slow.example/{number}"), Kind.FETCH) for number in range(2)
    )

    retries.record_failure(first, SiteUnavailable("page_fault", "500"))

    second.refresh_from_db()
    assert second.is_due


def test_a_book_gives_way_to_a_letter_and_continues_after_it(alice, monkeypatch):
    monkeypatch.setattr(patience, "TURN_SECONDS", 0)
    sentences = [f"Sentence number {number} of a very long book about the weather." for number in range(1500)]
    book = make_document(alice, " ".join(sentences), name="book.txt")
    letter = make_document(alice, "Dear Sir.", name="letter.txt")
    Task.objects.filter(document=letter).update(next_try_at=timezone.now() - timedelta(seconds=5))

    runner.run(task_of(book), job_id="job")
    assert Attempt.objects.filter(document=book, outcome="interrupted").count() == 1
    assert task_of(book).is_due

    runner.run(task_of(letter), job_id="job")
    runner.run(task_of(book), job_id="job")
    book.refresh_from_db()
    assert book.state == State.READY


def test_documents_are_not_given_up_where_somebody_waits_for_them_in_a_shell(alice, monkeypatch):
    monkeypatch.setattr(patience, "TURN_SECONDS", 0)
    book = make_document(alice, "A sentence of a long book. " * 1500, name="book.txt")
    letter = make_document(alice, "Dear Sir.", name="letter.txt")
    Task.objects.filter(document=letter).update(next_try_at=timezone.now() - timedelta(seconds=5))

    book.index()

    assert book.state == State.READY


def run_worker(*queues):
    """A worker of its own, until nothing is on those queues."""
    environment = os.environ | {
        "DATABASE_URL": database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "REDIS_PREFIX": settings.REDIS_PREFIX,
        "SECRET_KEY": settings.SECRET_KEY,
        "OCR": "False",
        "EMBEDDING_MODEL": "",
    }
    command = [sys.executable, "manage.py", "rqworker", "--burst", *queues]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=120)


def test_a_worker_takes_what_is_next_by_the_database_whatever_the_order_on_the_queue(alice, bob, queue):
    book = make_document(alice, "A long book about the weather. " * 2000, name="book.txt")
    letter = make_document(bob, "It rains in Bergen nearly every day.", name="letter.txt")
    assert queue.job_ids == [task_of(book).job_id, task_of(letter).job_id]

    run_worker("documents")

    began = (
        Attempt.objects.filter(stage="extract")
        .order_by("started_at")
        .values_list("document__title", flat=True)
    )
    assert list(began) == ["letter", "book"]


def test_a_worker_line_from_before_web_pages_had_a_queue_fetches_them_all_the_same(alice):
    page = make_page(alice, "http://127.0.0.1:9/")  # refused, as it is private: an end that is written down

    run_worker("documents", "ocr", "summaries")

    assert task_of(page, Kind.FETCH).state == TaskState.FAILED


def test_slow_work_that_is_not_its_turn_stays_due(alice, work):
    page = make_page(alice, "https://slow.example/")

    with locks.one_of_each([(fairness.SLOTS, [0])]):
        work()

    task = task_of(page, Kind.FETCH)
    assert (task.tries, task.is_due) == (0, True)
    assert jobs.requeue(task)
