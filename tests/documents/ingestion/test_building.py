import pytest
from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from documents.ingestion import rebuild
from documents.models import Chunk, Document, Index, State, Task, vector_index
from documents.models.index import IndexState
from documents.models.task import Kind, TaskState
from documents.work import reconciler, runner
from qa.retrieval import find_sources
from tests.support.factories import make_document, make_indexed, make_pdf

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_new_index_is_filled_behind_the_live_one_and_takes_its_place(alice, work, fake_openai, settings):
    settings.EMBEDDING_MODEL = "all-MiniLM-L6-v2"
    document = make_indexed(alice)
    old = Index.objects.live()
    call_command("reindex", model="text-embedding-3-small", yes=True)
    document.refresh_from_db()
    assert Index.objects.live() == old
    assert document.state == State.READY

    work_until_nothing_is_due(work)
    new = Index.objects.live()
    document.refresh_from_db()
    assert (new.embedding_model, new.dimensions) == ("text-embedding-3-small", 1536)
    assert Index.objects.get(pk=old.pk).state == IndexState.RETIRED
    assert Chunk.objects.searchable().get(document=document).index == new
    assert len(Document.objects.values_list("embedding", flat=True).get(pk=document.pk)) == 1536


def test_a_document_that_comes_while_an_index_is_built_is_in_both(alice, work, fake_openai, settings):
    settings.EMBEDDING_MODEL = "all-MiniLM-L6-v2"
    make_indexed(alice)
    rebuild.begin("text-embedding-3-small")
    late = make_document(alice, "It snows in Tromsø.", name="snow.txt")
    work_until_nothing_is_due(work)

    assert Chunk.objects.filter(document=late).count() == 2
    assert Chunk.objects.searchable().filter(document=late).count() == 1


def test_an_index_that_lacks_a_document_does_not_go_live(alice, work, fake_openai, settings):
    settings.EMBEDDING_MODEL = "all-MiniLM-L6-v2"
    settings.MAX_TRIES = 1
    make_indexed(alice)
    old = Index.objects.live()
    rebuild.begin("text-embedding-3-small")
    fake_openai.fault("status", status=500, times=0, on="embeddings")
    work_until_nothing_is_due(work)

    assert Index.objects.live() == old
    assert Document.objects.get().state == State.READY


def test_a_document_that_fails_does_not_keep_an_index_building_for_ever(alice, work, fake_openai, settings):
    settings.EMBEDDING_MODEL = "all-MiniLM-L6-v2"
    make_pdf("handbook-scan.pdf", alice)
    make_indexed(alice)
    work()
    rebuild.begin("text-embedding-3-small")
    work_until_nothing_is_due(work)

    assert Index.objects.live().embedding_model == "text-embedding-3-small"


def test_a_document_that_only_the_new_index_has_yet_answers_once_it_is_live(
    alice, work, queue, fake_openai, settings
):
    settings.EMBEDDING_MODEL = "all-MiniLM-L6-v2"
    make_indexed(alice)
    old = Index.objects.live()
    new = rebuild.begin("text-embedding-3-small")
    late = make_document(alice, "It snows in Tromsø.", name="snow.txt")
    queue.empty()
    for task in Task.objects.filter(index=new, kind=Kind.INDEX):
        runner.run(task)
    work_until_nothing_is_due(work, Task.objects.filter(kind=Kind.BUILD))

    late.refresh_from_db()
    assert (late.state, late.serving) == (State.READY, late.newest)
    assert Chunk.objects.searchable().filter(document=late).exists()
    assert not Task.objects.open().filter(index=old).exists()


def test_a_retired_index_is_completed_before_it_is_taken_back(client, operator, work, fake_openai, settings):
    settings.EMBEDDING_MODEL = "all-MiniLM-L6-v2"
    make_indexed(operator)
    old = Index.objects.live()
    rebuild.begin("text-embedding-3-small")
    work_until_nothing_is_due(work)
    newer = make_indexed(operator, "It snows in Tromsø.", name="snow.txt")
    client.force_login(operator)
    client.post(
        reverse("admin:documents_index_changelist"), {"action": "make_live", "_selected_action": [old.pk]}
    )
    work_until_nothing_is_due(work)

    assert Index.objects.live() == old
    assert Chunk.objects.searchable().filter(document=newer).exists()


def work_until_nothing_is_due(work, tasks=None):
    tasks = Task.objects.all() if tasks is None else tasks
    for _ in range(5):
        tasks.open().update(next_try_at=timezone.now())
        for task in tasks.open():
            task.enqueue()
        work()


def test_a_vector_index_whose_build_was_interrupted_is_rebuilt(alice):
    make_indexed(alice)
    index = Index.objects.live()
    index.create_vector_index()
    with connection.cursor() as cursor:
        cursor.execute(
            "update pg_index set indisvalid = false where indexrelid = %s::regclass",
            [index.vector_index_name],
        )
    index.create_vector_index(concurrently=True)

    assert index._has_valid_vector_index()


def fill_live_index(alice, settings, count=4):
    """A live index with more chunks than half of what a search compares exactly."""
    settings.EXACT_SEARCH_LIMIT = 4
    for number in range(count):
        make_indexed(alice, f"Ship {number} calls at Bergen.", name=f"ship {number}.txt")
    return Index.objects.live()


def test_the_vector_index_of_a_new_site_is_built_once_its_first_documents_are_loaded(alice, settings):
    index = fill_live_index(alice, settings, 2)
    assert not Task.objects.filter(kind=Kind.BUILD).exists()
    make_indexed(alice, "One more ship.", name="third.txt")
    waiting = make_document(alice, "And another.", name="fourth.txt")
    task = Task.objects.get(kind=Kind.BUILD, index=index)

    task.run()
    assert not index._has_valid_vector_index(), "a document is still to come"
    assert task.state == TaskState.OPEN
    waiting.index()
    Task.objects.filter(pk=task.pk).update(next_try_at=timezone.now())
    task.refresh_from_db()
    task.run()

    assert index._has_valid_vector_index()
    assert Task.objects.get(pk=task.pk).state == TaskState.DONE
    make_indexed(alice, "The last ship.", name="last.txt")
    assert Task.objects.get(pk=task.pk).state == TaskState.DONE, "it grows by itself from now on"


def test_the_clock_has_a_vector_index_built_that_is_missing(alice, settings):
    index = fill_live_index(alice, settings)
    task = Task.objects.get(kind=Kind.BUILD, index=index)
    task.run()
    reconciler.prune()
    assert Task.objects.get(pk=task.pk).state == TaskState.DONE

    index.drop_vector_index()
    reconciler.prune()
    Task.objects.get(pk=task.pk).run()
    assert index._has_valid_vector_index()


def test_an_interrupted_build_of_the_live_vector_index_is_taken_up_again(alice, settings):
    index = fill_live_index(alice, settings)
    task = Task.objects.get(kind=Kind.BUILD, index=index)
    index.create_vector_index()
    with connection.cursor() as cursor:
        cursor.execute(
            "update pg_index set indisvalid = false where indexrelid = %s::regclass",
            [index.vector_index_name],
        )
    assert find_sources("Which ship calls at Bergen?", user=alice)

    task.run()
    assert index._has_valid_vector_index()
    assert find_sources("Which ship calls at Bergen?", user=alice)


def test_a_vector_index_is_built_with_the_memory_it_needs_and_no_more(alice, settings):
    def memory():
        with connection.cursor() as cursor:
            cursor.execute("show maintenance_work_mem")
            return cursor.fetchone()[0]

    before = memory()
    settings.INDEX_BUILD_MEMORY_MB = 300
    with vector_index.build_memory(200):
        assert memory() == "200MB"
    with vector_index.build_memory(5_000):
        assert memory() == "300MB"
    with vector_index.build_memory(1):
        assert memory() == before
    assert memory() == before
