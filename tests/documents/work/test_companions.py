"""Tasks that run beside a job's own in one process: several summaries, several documents, none lost or doubled."""

import threading

import pytest
from django.db import connections
from django.utils import timezone
from rq.registry import FailedJobRegistry

from documents import shutdown
from documents.models import Attempt, Chunk, Document, State, Task
from documents.models.attempt import Outcome
from documents.models.states import SummaryState
from documents.models.task import Kind, TaskState
from documents.work import companions, fairness, locks
from documents.work import queue as jobs
from documents.work.job import JSON_SERIALIZER, Job
from documents.work.runner import crashed_too_often, mark_interrupted, run
from ragsite import llm
from tests.support.factories import make_document
from tests.support.site import Site, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def together(monkeypatch):
    """Call it with a task: it runs as in a worker's process, others beside it."""
    monkeypatch.setattr(companions, "is_enabled", True)
    monkeypatch.setattr(llm, "answered_recently", lambda: True)

    def run_job(task, workers=2):
        jobs.delete_job(task.job_id)  # a worker has taken it
        jobs.get_queue(task.queue_name).remove(task.job_id)
        companions.run_beside(task, lambda: run(task, job_id=task.job_id), run, workers=workers)

    return run_job


def tasks_of(kind):
    return Task.objects.filter(kind=kind).order_by("pk")


def make_many(owner, count=6):
    return [
        make_document(owner, f"Ship number {n} calls at the port of Bergen.", name=f"ship {n}.txt")
        for n in range(count)
    ]


def index_all(together, owner, count=6):
    made = make_many(owner, count)
    together(tasks_of(Kind.INDEX)[0])
    return made


def test_a_job_runs_the_documents_that_wait_and_leaves_no_job_behind(alice, together, fake_openai):
    index_all(together, alice)

    assert set(Document.objects.values_list("state", flat=True)) == {State.READY}
    assert Chunk.objects.count() == 6
    assert len(fake_openai.embedded_texts) == len(set(fake_openai.embedded_texts))
    assert jobs.length("documents") == 0
    assert not locks.locked()


def test_summaries_wait_for_the_model_at_the_same_time(alice, together, fake_openai):
    index_all(together, alice)
    fake_openai.fault("late", seconds=3, on="chat")
    together(tasks_of(Kind.SUMMARISE)[0])

    assert set(Document.objects.values_list("summary_state", flat=True)) == {SummaryState.READY}
    begun = sorted(request.at for request in fake_openai.chats)
    assert len(begun) == 6
    assert begun[3] - begun[0] < 3, "the fourth began before the first was answered"


def test_until_the_provider_has_answered_one_request_goes_first(alice, together, fake_openai, monkeypatch):
    monkeypatch.setattr(llm, "answered_recently", lambda: False)
    make_many(alice)
    fake_openai.fault("bad_key", times=0, on="embeddings")
    with pytest.raises(llm.KeyRefused):
        together(tasks_of(Kind.INDEX)[0])

    assert len(fake_openai.embeddings) == 1
    assert not Document.objects.failed().exists()


def test_a_companion_that_fails_is_listed_as_failed_and_tried_again_later(alice, together, fake_openai):
    make_many(alice, 3)
    fake_openai.fault("status", status=500, on="embeddings", times=3)
    with pytest.raises(llm.ProviderError):
        together(tasks_of(Kind.INDEX)[0])

    failed = tasks_of(Kind.INDEX).filter(tries=1)
    assert failed.count() == 3
    connection = jobs.queue_connection()
    registry = FailedJobRegistry("documents", connection=connection, serializer=JSON_SERIALIZER)
    # The job's own failure is for the worker to list, which called it.
    listed = registry.get_job_ids()
    assert len(listed) == 2
    job = Job.fetch(listed[0], connection=connection, serializer=JSON_SERIALIZER)
    assert "ProviderUnavailable" in job.latest_result().exc_string
    assert job.meta["failed"]


def cut_short(task, job_id="task-1-0-1-0"):
    """Leave what a killed process leaves of that task's run."""
    Attempt.objects.create(task=task, document=task.document, stage="embed", job_id=job_id)


def test_a_crash_counts_for_the_task_of_the_job_and_for_none_beside_it(alice):
    make_many(alice, 2)
    own, companion = tasks_of(Kind.INDEX)
    for task in (own, companion):
        cut_short(task, own.job_id)
        assert not crashed_too_often(task)
        assert Attempt.objects.get(task=task).outcome == Outcome.INTERRUPTED

    assert (own.crashes, companion.crashes) == (1, 0)


def test_a_task_whose_run_was_cut_short_runs_alone(alice, together):
    make_many(alice, 3)
    crashed = tasks_of(Kind.INDEX)[0]
    cut_short(crashed)
    assert crashed.pk not in {due.task for due in order(Kind.INDEX)}

    crashed.refresh_from_db()
    together(crashed)
    assert Document.objects.ready().count() == 1


def test_threads_that_share_a_connection_do_not_share_a_lock():
    shared = locks.SharedLocks()
    with shared.advisory_lock(7) as first, shared.advisory_lock(7) as second:
        assert (first, second) == (True, False)
        with locks.advisory_lock(7) as third:
            assert not third
    with locks.advisory_lock(7) as is_free:
        assert is_free
    shared.close()


def order(kind, workers=2, max_cost=companions.MAX_COST):
    return fairness.companions(kind, workers=workers, max_cost=max_cost)


def test_a_long_document_has_no_companions(alice, together):
    make_document(alice, "A long book. " * 10_000, name="book.txt")
    make_document(alice, "Dear Sir.", name="letter.txt")
    book, letter = tasks_of(Kind.INDEX)

    assert [due.task for due in order(Kind.INDEX)] == [letter.pk]
    assert not companions.may_have_companions(book)


def test_summaries_stop_for_a_document_that_waits_to_become_searchable(alice, together):
    index_all(together, alice, 2)
    assert len(order(Kind.SUMMARISE)) == 2

    make_document(alice, "Dear Sir.", name="letter.txt")
    assert order(Kind.SUMMARISE) == []


def test_companions_are_marked_when_their_worker_shuts_down_and_begin_nothing_new(
    alice, together, fake_openai, monkeypatch
):
    monkeypatch.setattr(shutdown, "_is_requested", threading.Event())
    index_all(together, alice, 8)
    fake_openai.fault("late", seconds=1.5, on="chat")
    task = tasks_of(Kind.SUMMARISE)[0]
    job = threading.Thread(target=lambda: (together(task), connections.close_all()))
    job.start()
    wait_for(lambda: len(fake_openai.chats) == 6)
    shutdown.request()
    mark_interrupted(task.job_id)  # as the worker does
    assert Attempt.objects.filter(outcome=Outcome.INTERRUPTED).count() == 6
    job.join()

    assert len(fake_openai.chats) == 6, "no further one was begun"
    assert tasks_of(Kind.SUMMARISE).filter(state=TaskState.OPEN).count() == 2


@pytest.mark.slow
def test_a_worker_killed_with_several_summaries_under_way_loses_none(alice, together, fake_openai, tmp_path):
    index_all(together, alice, 8)
    fake_openai.fault("late", seconds=2, on="chat")
    with Site(tmp_path, lines=("worker", "clock"), **at(fake_openai)) as site:
        running = Attempt.objects.filter(stage="summarise", outcome=Outcome.RUNNING)
        wait_for(lambda: running.count() >= 2)
        site.kill("worker")
        assert tasks_of(Kind.SUMMARISE).open().count() >= 2
        fake_openai.heal()
        site.start("worker")
        wait_for(lambda: not tasks_of(Kind.SUMMARISE).open().exists(), seconds=90)

    assert set(Document.objects.values_list("summary_state", flat=True)) == {SummaryState.READY}
    assert not tasks_of(Kind.SUMMARISE).filter(next_try_at__gt=timezone.now()).exists()


def at(fake):
    return {
        "OPENAI_API_KEY": "any",
        "OPENAI_BASE_URL": fake.url,
        "CHAT_MODEL": "gpt-4.1-mini",
        "EMBEDDING_MODEL": "text-embedding-3-small",
    }
