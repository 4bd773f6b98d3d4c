import threading
from datetime import timedelta

import psycopg
import pytest
from django.core.files.base import ContentFile
from django.db import OperationalError
from django.utils import timezone
from django.utils.module_loading import import_string
from rq.job import Job as PlainJob
from rq.registry import FailedJobRegistry

from documents import shutdown
from documents.extraction import UnreadableFile
from documents.ingestion import index, store
from documents.models import Attempt, Chunk, Document, Notice, State, Task
from documents.models.task import HANDLERS, Kind, TaskState, retry_delay
from documents.work import queue as jobs
from documents.work import reconciler as reconcile
from documents.work import runner
from documents.work.job import JSON_SERIALIZER, Job
from documents.work.locks import advisory_lock
from tests.support.factories import make_document, make_pdf

pytestmark = pytest.mark.django_db(transaction=True)


def index_task(document):
    return Task.objects.get(document=document, kind=Kind.INDEX)


def make_due(task):
    Task.objects.filter(pk=task.pk).update(next_try_at=timezone.now() - timedelta(seconds=2))
    task.refresh_from_db()


def reconcile_twice():
    reconciler = reconcile.Reconciler()
    return reconciler.reconcile() + reconciler.reconcile()


def failed_ids(name="documents"):
    return FailedJobRegistry(
        name, connection=jobs.queue_connection(), serializer=JSON_SERIALIZER
    ).get_job_ids()


def test_a_new_document_is_on_the_queue_once_its_transaction_commits(alice, queue):
    document = make_document(alice)

    assert queue.job_ids == [index_task(document).job_id]


def test_a_worker_makes_a_queued_document_ready_and_summarized(alice, work):
    document = make_document(alice, "It rains in Bergen nearly every day, and people there carry umbrellas.")
    work()

    document.refresh_from_db()
    assert document.state == State.READY
    assert "Bergen" in document.summary


def test_a_job_that_was_queued_before_an_upgrade_renamed_its_function_is_not_lost(alice, queue, work):
    document = make_document(alice)
    task = index_task(document)
    jobs.delete_job(task.job_id)
    queue.enqueue("documents.jobs.run_task", task.pk, job_id=task.job_id)
    work()
    assert failed_ids() == [task.job_id]
    make_due(task)

    assert reconcile_twice() == 1
    work()

    document.refresh_from_db()
    assert document.state == State.READY
    assert failed_ids() == []


def test_every_kind_of_task_has_a_handler_that_can_be_imported_and_a_queue_of_this_site(settings):
    assert set(HANDLERS) == set(Kind)
    for handler in HANDLERS.values():
        assert callable(import_string(handler.path))
        assert handler.queue in settings.RQ_QUEUES


def test_fifty_enqueues_of_one_document_cost_one_embedding_pass(alice, work, fake_openai):
    document = make_document(alice, "It rains in Bergen nearly every day of the year.")
    for _ in range(50):
        jobs.enqueue(index_task(document))
    work()

    assert len(fake_openai.embedded_texts) == len(set(fake_openai.embedded_texts))
    assert Chunk.objects.count() == 1


def test_a_task_that_another_process_works_on_is_left_alone(alice):
    document = make_document(alice)
    task = index_task(document)

    with advisory_lock(task.pk):
        runner.run(task)
        document.refresh_from_db()
        assert document.state == State.WAITING
    runner.run(task)
    document.refresh_from_db()
    assert document.state == State.READY


def test_a_passing_fault_is_tried_again_later_and_says_so(alice, work, fake_openai):
    document = make_document(alice)
    fake_openai.fault("status", status=500, on="embeddings")
    work()

    document.refresh_from_db()
    task = index_task(document)
    assert document.state == State.WAITING
    assert document.failure
    assert (task.state, task.tries) == (TaskState.OPEN, 1)
    assert task.next_try_at > timezone.now() + timedelta(seconds=10)
    assert len(failed_ids()) == 1

    make_due(task)
    reconcile_twice()
    work()
    document.refresh_from_db()
    assert (document.state, document.failure) == (State.READY, "")
    assert failed_ids() == []


def test_the_provider_says_when_it_wants_to_be_asked_again(alice, work, fake_openai):
    document = make_document(alice)
    fake_openai.fault("status", status=429, retry_after=300, on="embeddings")
    work()

    assert index_task(document).next_try_at > timezone.now() + timedelta(seconds=280)
    assert len(fake_openai.embeddings) == 1


def test_a_refused_key_fails_no_document_and_costs_no_try(alice, work, fake_openai):
    document = make_document(alice)
    fake_openai.fault("bad_key", times=0)
    work()

    document.refresh_from_db()
    task = index_task(document)
    assert document.state == State.WAITING
    assert (task.state, task.tries) == (TaskState.OPEN, 0)
    assert "key" in document.failure


def test_a_file_that_cannot_be_read_is_not_tried_again_until_somebody_asks(alice, work):
    document = make_pdf("handbook-truncated.pdf", alice)
    work()

    assert index_task(document).state == TaskState.FAILED
    assert reconcile_twice() == 0
    document.refresh_from_db()
    assert document.replay() is not None
    assert work() >= 1
    assert index_task(document).state == TaskState.FAILED
    assert len(failed_ids()) == 1


def test_requeue_in_the_dashboard_is_the_same_as_retry(alice, work, fake_openai):
    document = make_document(alice)
    fake_openai.fault("status", status=500, on="embeddings")
    work()
    (job_id,) = failed_ids()

    # The dashboard fetches with RQ's own class, not with ours.
    PlainJob.fetch(job_id, connection=jobs.queue_connection(), serializer=JSON_SERIALIZER).requeue()
    work()

    document.refresh_from_db()
    assert document.state == State.READY
    assert failed_ids() == []


def test_tries_run_out_in_the_end(alice, work, fake_openai, settings):
    settings.MAX_TRIES = 2
    document = make_document(alice)
    fake_openai.fault("status", status=500, on="embeddings", times=0)
    work()
    make_due(index_task(document))
    reconcile_twice()
    work()

    document.refresh_from_db()
    assert document.state == State.FAILED
    assert "Retry" in document.remedy


def test_a_task_that_killed_its_worker_three_times_is_set_aside(alice):
    document = make_document(alice)
    task = index_task(document)
    for _ in range(3):
        Attempt.objects.create(
            task=task, document=document, stage="extract"
        )  # running, and nobody holds its lock
        if task.crashes < 2:
            task.crashes += 1
            task.save(update_fields=["crashes"])
            Attempt.objects.filter(task=task).update(outcome="interrupted")

    runner.run(task)
    document.refresh_from_db()
    assert document.state == State.FAILED
    assert document.failure_kind == "crashed"
    assert "three times" in document.failure


def test_a_worker_that_is_told_to_end_leaves_its_work_due_and_blames_nobody(alice, monkeypatch):
    document = make_document(alice)
    task = index_task(document)
    monkeypatch.setattr(shutdown, "_is_requested", threading.Event())
    shutdown.request()
    for _ in range(runner.MAX_CRASHES + 1):
        runner.run(task)
    task.refresh_from_db()
    assert (task.is_due, task.tries, task.crashes) == (True, 0, 0)

    monkeypatch.setattr(shutdown, "_is_requested", threading.Event())
    runner.run(task)
    document.refresh_from_db()
    assert document.state == State.READY


def test_a_job_killed_while_its_worker_ends_is_no_crash_of_the_task(alice):
    document = make_document(alice)
    task = index_task(document)
    for number in range(runner.MAX_CRASHES):
        Attempt.objects.create(task=task, document=document, stage="embed", job_id=f"job-{number}")
        runner.mark_interrupted(f"job-{number}")
    runner.run(task)

    document.refresh_from_db()
    assert document.state == State.READY


@pytest.mark.parametrize(
    ("cause", "is_away"),
    [
        (psycopg.OperationalError("server closed the connection unexpectedly"), True),
        (psycopg.errors.AdminShutdown("x"), True),
        (psycopg.errors.TooManyConnections("x"), True),
        (psycopg.errors.DiskFull("x"), False),
        (psycopg.errors.QueryCanceled("x"), False),
        (psycopg.errors.DeadlockDetected("x"), False),
    ],
)
def test_only_a_database_that_is_not_there_is_an_outage(cause, is_away):
    error = OperationalError("x")
    error.__cause__ = cause

    assert runner.is_database_away(error) is is_away


def test_a_full_disk_waits_longer_each_time_and_says_so(alice, monkeypatch):
    def full(*args, **kwargs):
        raise OperationalError("x") from psycopg.errors.DiskFull("x")

    document = make_document(alice)
    task = index_task(document)
    monkeypatch.setattr(store, "copy_chunks", full)
    with pytest.raises(OperationalError):
        runner.run(task)
    task.refresh_from_db()
    document.refresh_from_db()

    assert (task.is_due, task.tries) == (False, 1)
    assert document.failure


def test_an_outage_is_waited_for_however_long_it_is(alice, monkeypatch):
    task = index_task(make_document(alice))
    attempt = Attempt.objects.create(task=task, document=task.document, stage="embed")
    answers = [OperationalError("away")] * 30
    real, asked = Attempt.objects.mark_interrupted, []

    def interrupted(task):
        asked.append(task)
        if len(asked) <= len(answers):
            raise answers[0]
        return real(task)

    monkeypatch.setattr(runner, "OUTAGE_PAUSE", 0)
    monkeypatch.setattr(Attempt.objects, "mark_interrupted", interrupted)
    runner.wait_for_database(task)

    attempt.refresh_from_db()
    assert attempt.outcome == "interrupted"


def test_a_document_deleted_while_it_fails_leaves_no_failed_job(alice, monkeypatch):
    document = make_document(alice)
    task = index_task(document)

    def vanish(*args, **kwargs):
        Document.objects.filter(pk=document.pk).delete()
        raise UnreadableFile("damaged")

    monkeypatch.setattr(index, "extract_pages", vanish)
    runner.run(task)
    assert not Task.objects.filter(pk=task.pk).exists()


@pytest.mark.parametrize(
    "half", [{"status": "started"}, {"data": b"x", "created_at": "no time"}, {"last_heartbeat": "x"}]
)
def test_half_a_job_in_redis_does_not_keep_the_task_from_the_queue(alice, queue, work, half):
    document = make_document(alice)
    job_id = index_task(document).job_id
    queue.pop_job_id()
    jobs.queue_connection().delete(f"rq:job:{job_id}")
    jobs.queue_connection().hset(f"rq:job:{job_id}", mapping=half)
    make_due(index_task(document))

    assert reconcile_twice() == 1
    work()
    document.refresh_from_db()
    assert document.state == State.READY


def test_work_lost_with_redis_is_queued_again(alice, queue, work):
    document = make_document(alice)
    jobs.queue_connection().flushdb()
    make_due(index_task(document))

    assert reconcile_twice() == 1
    assert reconcile_twice() == 0  # what waits on the queue is not put there twice
    work()
    document.refresh_from_db()
    assert document.state == State.READY


def test_work_whose_worker_died_is_queued_again(alice, queue):
    document = make_document(alice)
    task = index_task(document)
    queue.pop_job_id()  # taken by a worker that is gone
    make_due(task)

    assert reconcile_twice() == 1
    assert queue.job_ids == [task.job_id]


def test_work_that_someone_holds_is_not_queued_again(alice, queue):
    task = index_task(make_document(alice))
    queue.pop_job_id()
    make_due(task)

    with advisory_lock(task.pk):
        assert reconcile_twice() == 0


def test_work_that_a_worker_is_just_taking_is_not_queued_again(alice, queue):
    task = index_task(make_document(alice))
    make_due(task)
    reconciler = reconcile.Reconciler()
    queue.pop_job_id()

    assert reconciler.reconcile() == 0  # its worker may be about to lock it
    with advisory_lock(task.pk):
        assert reconciler.reconcile() == 0
    assert reconciler.reconcile() == 0
    assert reconciler.reconcile() == 1


def test_an_upload_is_kept_while_redis_is_away(alice, settings, monkeypatch):
    monkeypatch.setattr(jobs, "queue_connection", lambda: jobs.Redis.from_url("unix:///nowhere.sock"))

    assert make_document(alice).state == State.WAITING


def test_a_cancelled_document_is_left_alone_and_can_be_asked_for_again(alice, work):
    document = make_document(alice)
    document.cancel()
    work()
    document.refresh_from_db()
    assert document.state == State.CANCELLED

    document.replay()
    work()
    document.refresh_from_db()
    assert document.state == State.READY


def test_all_failed_documents_are_replayed_by_one_call(alice, work):
    make_pdf("handbook-truncated.pdf", alice)
    make_pdf("handbook-scan.pdf", alice)
    work()

    assert Document.objects.failed().count() == 2
    assert Document.objects.failed().replay() == 2
    assert Document.objects.failed().count() == 0


def test_a_replaced_content_supersedes_the_run_on_the_old_one(alice, work):
    document = make_document(alice, "Old text about Bergen.")
    document.replace(ContentFile(b"New text about Oslo.", name="weather.txt"))
    work()

    assert [chunk.text for chunk in Chunk.objects.all()] == ["New text about Oslo."]


def test_the_delay_grows_as_sidekiqs_does():
    assert 15 <= retry_delay(1).total_seconds() <= 26
    assert retry_delay(10) > timedelta(hours=1)
    assert timedelta(days=15) < sum((retry_delay(n) for n in range(1, 26)), timedelta()) < timedelta(days=30)


@pytest.mark.parametrize("forged", ["os.system", "documents.models.Document.objects.all", "builtins.eval"])
def test_a_forged_job_never_runs(forged, queue, work, tmp_path, db):
    trace = tmp_path / "trace"
    queue.enqueue_call(forged, args=(f"touch {trace}",))
    work()

    assert not trace.exists()
    assert len(failed_ids()) == 1


def test_a_job_with_a_callback_never_runs(queue, work, tmp_path, alice):
    document = make_document(alice)
    (job_id,) = queue.job_ids
    jobs.queue_connection().hset(f"rq:job:{job_id}", "success_callback_name", "os.getpid")
    work()

    document.refresh_from_db()
    assert document.state == State.WAITING
    assert Job.fetch(job_id, connection=jobs.queue_connection(), serializer=JSON_SERIALIZER).is_failed


def test_a_provider_that_answers_again_brings_all_waiting_work_forward(alice, work, fake_openai):
    first, second = make_document(alice), make_document(alice, "It snows in Tromsø.", name="snow.txt")
    fake_openai.fault("status", status=500, times=2, on="embeddings")
    work()
    assert Document.objects.filter(state=State.WAITING).count() == 2

    make_due(index_task(first))
    reconcile_twice()
    work()
    assert index_task(second).is_due
    make_due(index_task(second))  # past the grace for what was enqueued just now
    reconcile_twice()
    work()
    assert Document.objects.ready().count() == 2


def test_a_time_that_the_provider_named_is_kept_even_when_it_answers_others(alice, work, fake_openai):
    document = make_document(alice)
    fake_openai.fault("status", status=429, retry_after=300, on="embeddings")
    work()
    make_document(alice, "It snows in Tromsø.", name="snow.txt")
    work()

    assert index_task(document).next_try_at > timezone.now() + timedelta(seconds=200)


def test_a_rate_limit_that_names_its_end_never_uses_the_tries_up(alice, fake_openai):
    task = index_task(make_document(alice))
    fake_openai.fault("status", status=429, retry_after=1, times=0, on="embeddings")
    for _ in range(task.max_tries + 2):
        make_due(task)
        with pytest.raises(Exception, match="rate_limited"):
            runner.run(task)
        task.refresh_from_db()

    assert task.state == TaskState.OPEN
    assert task.next_try_at < timezone.now() + timedelta(seconds=15)


def test_from_the_sixth_try_on_the_row_and_a_notice_say_that_it_still_does_not_work(alice, work, fake_openai):
    document = make_document(alice)
    fake_openai.fault("status", status=500, times=0, on="embeddings")
    for number in range(1, 7):
        make_due(index_task(document))
        reconcile_twice()
        work()
        document.refresh_from_db()
        assert document.failure.startswith("Still not working") == (number >= 6)

    assert Notice.objects.filter(is_failure=True).count() == 1
    assert document.is_moving


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_jumps_an_hour_neither_loses_nor_doubles_work(alice, queue, work, monkeypatch, jump):
    document = make_document(alice)
    queue.pop_job_id()  # lost
    real_now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real_now() + jump)

    assert reconcile_twice() == 1
    assert reconcile_twice() == 0
    work()
    document.refresh_from_db()
    assert document.state == State.READY


def test_two_clocks_put_lost_work_back_once(alice, queue):
    task = index_task(make_document(alice))
    queue.pop_job_id()
    make_due(task)
    clocks = [reconcile.Reconciler(), reconcile.Reconciler()]
    for clock in clocks * 3:
        clock.reconcile()

    assert queue.job_ids == [task.job_id]


def test_a_site_without_any_embedder_takes_uploads_and_reads_them_once_there_is_one(alice, work, monkeypatch):
    with monkeypatch.context() as bare:
        bare.setattr("ragsite.llm.backends.local.is_installed", lambda: False)
        document = make_document(alice)
        work()
        document.refresh_from_db()
        assert document.state == State.WAITING
        assert "not installed" in document.failure

    document.replay()
    work()
    document.refresh_from_db()
    assert document.state == State.READY


def test_a_document_cancelled_while_it_is_cut_stays_cancelled(alice, work, monkeypatch):

    document = make_document(alice)
    split = index.split_pages

    def split_while_someone_cancels(*args, **kwargs):
        Document.objects.get(pk=document.pk).cancel()
        return split(*args, **kwargs)

    monkeypatch.setattr(index, "split_pages", split_while_someone_cancels)
    work()
    document.refresh_from_db()
    assert document.state == State.CANCELLED
