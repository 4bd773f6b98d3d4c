import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from documents.ingestion import rebuild
from documents.models import Document, Index, State, Task
from documents.models.index import IndexState
from documents.models.states import SummaryState
from documents.models.task import Kind, TaskState
from documents.work import replay
from tests.support.factories import make_document, make_indexed

pytestmark = pytest.mark.django_db(transaction=True)


def run(*args):
    out = io.StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()


def put(document, state, kind):
    """Failed for good, or waiting for another try, with that kind of failure."""
    Task.objects.filter(document=document, kind=Kind.INDEX).update(
        state=state, error_kind=kind, tries=2, next_try_at=timezone.now() + timedelta(hours=1)
    )
    if state == TaskState.FAILED:
        document.fail(kind, "It is damaged.", "")
    else:
        document.wait_after(kind, "The provider is away.")
    return document


@pytest.fixture
def shelf(alice, queue):
    """Four documents: damaged, locked, waiting because of the provider, and ready; nothing on the queue."""
    texts = {"damaged": "Rain.", "locked": "Snow.", "late": "Hail.", "ready": "It thaws in Bergen."}
    found = {name: make_document(alice, text, name=f"{name}.txt") for name, text in texts.items()}
    put(found["damaged"], TaskState.FAILED, "damaged")
    put(found["locked"], TaskState.FAILED, "password")
    put(found["late"], TaskState.OPEN, "timeout")
    found["ready"].index()
    Task.objects.filter(kind=Kind.SUMMARISE).update(state=TaskState.DONE)
    queue.empty()
    return found


def on_queue(queue):
    due = {task.job_id: task for task in Task.objects.all()}
    return {due[job_id].document.title for job_id in queue.job_ids}


@pytest.mark.parametrize(
    ("options", "titles"),
    [
        (["--failed"], {"damaged", "locked"}),
        (["--failed", "--kind", "damaged"], {"damaged"}),
        (["--kind", "timeout"], {"late"}),
        (["--all-waiting"], {"late"}),
        (["--failed", "--all-waiting"], {"damaged", "locked", "late"}),
        (["--failed", "--kind", "nonsense"], set()),
    ],
)
def test_replay_puts_what_was_named_on_the_queue_and_says_how_many(shelf, queue, options, titles):
    assert f"{len(titles)} queued." in run("replay", *options)
    assert on_queue(queue) == titles


def test_replay_takes_documents_by_their_ids_whatever_their_state(shelf, queue, work):
    run("replay", "--document", str(shelf["ready"].pk), str(shelf["damaged"].pk))
    assert on_queue(queue) == {"ready", "damaged"}

    work()
    assert Document.objects.get(title="damaged").state == State.READY


def test_replay_narrows_documents_by_what_failed(shelf, queue):
    ids = [str(document.pk) for document in shelf.values()]
    run("replay", "--failed", "--document", *ids)

    assert on_queue(queue) == {"damaged", "locked"}


def test_replay_reaches_summaries_too(alice, work):
    document = make_indexed(alice, "It rains in Bergen nearly every day, and people carry umbrellas.")
    Task.objects.filter(kind=Kind.SUMMARISE).update(state=TaskState.FAILED, error_kind="refused")
    Document.objects.update(summary_state="failed")
    run("replay", "--failed")
    work()

    document.refresh_from_db()
    assert document.summary_state == "ready"


def test_replay_wants_to_be_told_what_and_knows_when_a_document_is_not_there(db):
    with pytest.raises(CommandError, match="Specify"):
        run("replay")
    with pytest.raises(CommandError, match="Unknown document: 12345"):
        run("replay", "--document", "12345")


def test_cancel_stops_what_moves_and_leaves_what_is_done(shelf, work):
    said = run("cancel", "--document", *(str(shelf[name].pk) for name in ("late", "ready")))
    work()

    assert "1 cancelled." in said
    assert Document.objects.get(title="late").state == State.CANCELLED
    assert Document.objects.get(title="ready").state == State.READY
    assert not Task.objects.open().exists()


def test_cancel_knows_when_a_document_is_not_there_and_then_changes_nothing(shelf):
    with pytest.raises(CommandError, match="Unknown document: 12345"):
        run("cancel", "--document", str(shelf["late"].pk), "12345")
    assert Document.objects.get(title="late").state == State.WAITING


def test_cancel_stops_a_summary_and_leaves_the_document_alone(alice, work):
    document = make_indexed(alice, "It rains in Bergen nearly every day, and people carry umbrellas.")
    other = make_indexed(alice, "It snows in Oslo.", name="snow.txt")
    said = run("cancel", "--kind", "summarise", "--document", str(document.pk))
    work()

    assert "1 cancelled." in said
    document.refresh_from_db()
    other.refresh_from_db()
    assert (document.state, document.summary_state) == (State.READY, SummaryState.NONE)
    assert other.summary_state == "ready"


def test_cancel_gives_up_an_index_that_is_being_built_and_the_live_one_answers_on(shelf, work):
    live = Index.objects.live()
    index = rebuild.begin(live.embedding_model)
    build = Task.objects.get(kind=Kind.BUILD)
    said = run("cancel", "--task", str(build.pk))
    work()

    assert "1 cancelled." in said
    index.refresh_from_db()
    assert index.state == IndexState.RETIRED
    assert not Task.objects.open().filter(index=index).exists()
    assert Index.objects.live() == live
    assert Document.objects.get(title="ready").state == State.READY


def test_an_index_that_was_given_up_can_be_completed_later(shelf, work):
    index = rebuild.begin(Index.objects.live().embedding_model)
    run("cancel", "--kind", "build")
    run("cancel", "--document", *(str(shelf[name].pk) for name in ("late",)))
    rebuild.fill(index)
    work()

    index.refresh_from_db()
    assert index.state == IndexState.LIVE


def test_cancelling_by_task_leaves_what_is_done_and_what_was_not_named(shelf):
    done = Task.objects.get(document=shelf["ready"], kind=Kind.INDEX)
    said = run("cancel", "--task", str(done.pk))

    assert "0 cancelled." in said
    assert Task.objects.get(pk=done.pk).state == TaskState.DONE
    assert Document.objects.get(title="late").state == State.WAITING


def test_cancel_wants_to_be_told_what_and_knows_when_a_task_is_not_there(db):
    with pytest.raises(CommandError, match="Specify"):
        run("cancel")
    with pytest.raises(CommandError, match="Unknown task: 12345"):
        run("cancel", "--task", "12345")


def test_both_leave_a_line_in_the_log(shelf, caplog):
    with caplog.at_level("INFO", "ragsite.operations"):
        run("replay", "--failed")
        run("cancel", "--document", str(shelf["late"].pk))

    assert "verb=replay count=2" in caplog.text
    assert "verb=cancel count=1" in caplog.text


def test_every_kind_of_replay_forgets_the_time_that_the_provider_named(shelf):
    in_an_hour = timezone.now() + timedelta(hours=1)
    Task.objects.filter(kind=Kind.INDEX).update(not_before=in_an_hour, tries=3, start_at="extract")

    replay.replay(Task.objects.filter(document=shelf["damaged"], kind=Kind.INDEX))
    locked = Task.objects.get(document=shelf["locked"], kind=Kind.INDEX)
    Task.objects.request(Kind.INDEX, locked.document, locked.index)

    asked = Task.objects.filter(document__in=[shelf["damaged"], shelf["locked"]], kind=Kind.INDEX)
    for task in asked:
        assert (task.not_before, task.tries, task.start_at, task.error_kind) == (None, 0, "", "")
        assert task.is_due


@pytest.mark.parametrize(
    ("state", "is_found", "is_indexing", "is_seen"),
    [
        (State.OCR, False, False, True),
        (State.WAITING, True, False, True),  # a new content whose pictures wait for another try
        (State.EMBEDDING, True, True, False),  # what moves the document is its indexing
        (State.READY, True, False, False),
    ],
)
def test_ocr_is_shown_in_the_row_if_the_document_waits_for_it(shelf, state, is_found, is_indexing, is_seen):
    document = shelf["ready"]
    task = Task.objects.request(Kind.OCR, document)
    Document.objects.filter(pk=document.pk).update(
        state=state, serving=document.serving if is_found else None
    )
    Task.objects.filter(document=document, kind=Kind.INDEX).update(
        state=TaskState.OPEN if is_indexing else TaskState.DONE
    )

    assert task.is_seen == is_seen
    assert (task in Task.objects.seen()) == is_seen
