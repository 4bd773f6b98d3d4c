"""The clock's round: cheap while nothing is due, and all that it did before when something is."""

from datetime import timedelta

import pytest
from django.db import connection, connections
from django.db.backends.signals import connection_created
from django.db.utils import OperationalError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from documents.models import Task
from documents.work import locks
from documents.work.queue import queue_connection
from documents.work.reconciler import CLOCK_KEY, Clock, Reconciler, beat, reconcile_in_worker
from qa.models import AnswerState, Conversation, Question
from qa.streaming import interrupt_lost_answers
from tests.support.factories import make_document

pytestmark = pytest.mark.django_db(transaction=True)
MAX_QUERIES = 3


@pytest.fixture
def clock():
    """One whose hourly pruning is done."""
    clock = Clock(interrupt_lost_answers)
    clock.tick(0)
    return clock


def lose(task_of, queue):
    """The task is due, and its job is gone."""
    task = Task.objects.get(document=task_of)
    queue.empty()
    Task.objects.filter(pk=task.pk).update(next_try_at=timezone.now() - timedelta(seconds=2))
    return task


def test_a_round_with_nothing_to_do_asks_little_over_the_connection_it_has(alice, work, clock):
    make_document(alice)
    while work():
        pass
    opened = []

    def note(**kwargs):
        opened.append(kwargs)

    connection_created.connect(note)
    try:
        with CaptureQueriesContext(connection) as seen:
            clock.tick(1)
    finally:
        connection_created.disconnect(note)
    assert len(seen) <= MAX_QUERIES
    assert opened == []


def test_a_lost_task_is_put_back_by_the_second_round(alice, queue, clock):
    task = lose(make_document(alice), queue)

    clock.tick(1)
    assert queue.job_ids == []
    clock.tick(2)
    assert queue.job_ids == [task.job_id]


def test_a_task_that_was_due_long_ago_is_no_suspect_any_more(alice, queue, clock):
    task = lose(make_document(alice), queue)
    clock.tick(1)
    Task.objects.filter(pk=task.pk).update(next_try_at=timezone.now() + timedelta(hours=1))
    clock.tick(2)
    lose(task.document, queue)

    clock.tick(3)
    assert queue.job_ids == []


def test_another_clock_at_work_is_left_alone(alice, queue, clock):
    lose(make_document(alice), queue)
    with locks.advisory_lock(locks.RECONCILER):
        for now in (1, 2, 3):
            clock.tick(now)

    assert queue.job_ids == []


def test_a_clock_whose_connection_was_cut_goes_on_in_the_next_round(alice, queue, clock):
    task = lose(make_document(alice), queue)
    clock.tick(1)
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(pg_backend_pid())")

    for now in (2, 3, 4):
        clock.tick(now)
    assert queue.job_ids == [task.job_id]


def test_lost_answers_are_marked_in_every_round(alice, clock):
    conversation = Conversation.objects.create(user=alice)
    question = Question.objects.create(conversation=conversation, text="Where does it rain?")
    Question.objects.filter(pk=question.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=5))

    clock.tick(1)
    question.refresh_from_db()
    assert question.state == AnswerState.INTERRUPTED


def test_a_worker_reconciles_only_where_no_clock_works(alice, queue):
    task, reconciler = lose(make_document(alice), queue), Reconciler()
    beat()
    for _ in range(3):
        reconcile_in_worker(reconciler)
    assert queue.job_ids == []

    queue_connection().expire(CLOCK_KEY, 40)  # the last heartbeat was twenty seconds ago
    for _ in range(2):
        reconcile_in_worker(reconciler)
    assert queue.job_ids == [task.job_id]
    assert connections["default"].connection is None
