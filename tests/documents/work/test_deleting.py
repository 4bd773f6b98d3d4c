"""Deleting a document while it is being written, shown or used for an answer."""

import threading
from contextlib import contextmanager

import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.db import connection, connections, transaction
from django.urls import reverse
from rq.registry import FailedJobRegistry

from documents import page_images
from documents.ingestion import fetch, passwords, rebuild, store, summarize
from documents.models import Attempt, Chunk, Collection, Document, Page, Task, Version
from documents.models.task import Kind
from documents.work import runner
from qa import answering
from qa.answering import save
from qa.models import Citation
from tests.documents.sources.test_replacing import stored_files
from tests.support.factories import make_document, make_indexed, make_pdf
from tests.support.web_site import answer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def meet(monkeypatch):
    """`meet(owner, name, deleting)`: a verb that, once begun, lets `deleting` begin in another thread, then goes on."""
    threads, raised = [], []

    def run(deleting):
        try:
            deleting()
        except Exception as error:
            raised.append(error)
        finally:
            connections.close_all()

    def patch(owner, name, deleting):
        verb = getattr(owner, name)

        def and_then(*args, **kwargs):
            result = verb(*args, **kwargs)
            if not threads:
                threads.append(threading.Thread(target=run, args=(deleting,)))
                threads[0].start()
                threads[0].join(0.5)  # it waits for us, or has ended
            return result

        monkeypatch.setattr(owner, name, and_then)

    yield patch
    for thread in threads:
        thread.join(20)
    assert threads
    assert raised == []
    assert [model.objects.count() for model in (Document, Version, Page, Chunk, Task, Attempt)] == [0] * 6
    assert list(traces()) == []


def traces():
    """What Redis holds of it."""
    redis = cache._cache.get_client(None, write=True)
    for key in redis.scan_iter():
        if any(name in key for name in (b":answer:", b":answers-citing:", b":summary:", b":page-image:")):
            yield key


def once_more(document):
    return Document.objects.get(pk=document.pk)


def test_while_its_pages_are_stored(alice, meet):
    document = make_document(alice)
    meet(Page.objects, "bulk_create", once_more(document).delete)
    runner.run(document.tasks.get())


def test_while_its_chunks_are_stored(alice, meet):
    document = make_document(alice)
    meet(store, "copy_chunks", once_more(document).delete)
    runner.run(document.tasks.get())


def test_with_its_collection_while_its_chunks_are_stored(alice, meet):
    document = make_document(alice)
    meet(store, "copy_chunks", Collection.objects.get(pk=document.collection_id).delete)
    runner.run(document.tasks.get())


def test_with_the_person_whose_it_is_while_its_pages_are_stored(alice, meet):
    document = make_document(alice)
    meet(Page.objects, "bulk_create", type(alice).objects.get(pk=alice.pk).delete)
    runner.run(document.tasks.get())


def test_while_it_is_cited(alice, meet):
    document = make_indexed(alice, "In Bergen people carry umbrellas nearly every day of the year.")
    meet(Citation.objects, "bulk_create", once_more(document).delete)
    question = answering.ask("What do people carry in Bergen?", user=alice)
    assert "umbrellas" in question.answer
    assert question.state == "complete"


def test_while_it_is_replaced(alice, meet):
    document = make_document(alice)
    meet(Version.objects, "add", once_more(document).delete)
    document.replace(ContentFile(b"It snows.", name="snow.txt"))


def test_while_its_summary_is_written(alice, meet, fake_openai, settings):
    settings.EMBEDDING_MODEL = "all-MiniLM-L6-v2"
    document = make_indexed(alice)
    meet(summarize, "summary_of", once_more(document).delete)
    runner.run(document.tasks.get(kind=Kind.SUMMARISE))


def test_while_a_page_of_it_is_painted(client, alice, meet):
    document = make_pdf("handbook.pdf", alice)
    document.index()
    client.force_login(alice)
    meet(page_images, "render_page", once_more(document).delete)
    client.get(reverse("documents:page_image", args=[document.pk, 1]))


def test_while_its_address_is_fetched(alice, meet, own_site, settings):
    own_site.pages["/rain.txt"] = answer("It rains in Bergen.")
    shelf = Collection.objects.private_to(alice)
    document, _new = Document.objects.add_page(shelf, f"{own_site.url}/rain.txt", user=alice)
    meet(fetch, "inspect", once_more(document).delete)
    runner.run(document.tasks.get(kind=Kind.FETCH))
    assert stored_files(settings) == []


def test_while_an_answer_is_written_from_it(client, alice, meet, fake_openai, settings):
    settings.EMBEDDING_MODEL = "all-MiniLM-L6-v2"
    document = make_indexed(alice, "In Bergen people carry umbrellas nearly every day of the year.")
    meet(save, "_set_totals", once_more(document).delete)
    question = answering.ask("What do people carry in Bergen?", user=alice)
    assert question.state == "complete"
    assert "was deleted while the answer was written" in question.notice
    client.force_login(alice)
    said = client.get(question.conversation.get_absolute_url()).text
    assert "This document has since been deleted." in said


def test_at_the_moment_when_an_answer_is_kept(alice, meet, fake_openai, settings):
    settings.EMBEDDING_MODEL = "all-MiniLM-L6-v2"
    document = make_indexed(alice, "In Bergen people carry umbrellas nearly every day of the year.")
    meet(save, "_entry", once_more(document).delete)
    answering.ask("What do people carry in Bergen?", user=alice)


@pytest.fixture
def deleting():
    """`with deleting(document):` the block runs while it is being deleted; the deletion ends once somebody waits for it."""

    @contextmanager
    def run(document):
        has_begun, is_over = threading.Event(), threading.Event()
        thread = threading.Thread(target=delete_slowly, args=(document, has_begun, is_over))
        thread.start()
        assert has_begun.wait(20)
        yield
        is_over.set()
        thread.join(20)

    return run


def delete_slowly(document, has_begun, is_over):
    with transaction.atomic():
        once_more(document).delete()
        has_begun.set()
        while not is_over.wait(0.02) and not somebody_waits():
            pass
    connections.close_all()


def somebody_waits():
    with connection.cursor() as cursor:
        cursor.execute("select from pg_locks where not granted")
        return cursor.rowcount > 0


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["form", "part"])
@pytest.mark.parametrize("verb", ["retry", "refresh", "run_ocr", "cancel", "keep", "password"])
def test_what_is_pressed_while_it_is_deleted_finds_nothing_there(client, alice, deleting, verb, headers):
    document = make_indexed(alice)
    kind = {"password": "password"} if verb == "password" else {}
    state = {"run_ocr": "ready", "cancel": "waiting"}.get(verb, "failed")
    Document.objects.update(
        state=state, url="http://127.0.0.1/", source="web", failure_kind=kind.get(verb, "")
    )
    client.force_login(alice)
    with deleting(document):
        answered = client.post(
            reverse(f"documents:{verb}", args=[document.pk]), {"password": "x"}, headers=headers
        )
        if answered.status_code == 302:
            answered = client.get(answered.url)
    assert answered.status_code == 404
    assert [model.objects.count() for model in (Document, Version, Page, Chunk, Task, Attempt)] == [0] * 6


@pytest.mark.parametrize(
    ("action", "said"),
    [("retry", "Retrying 1 document"), ("refresh", "Checking 1 web page"), ("delete", "deleted")],
)
def test_what_is_pressed_for_several_while_one_is_deleted_is_done_for_the_others(
    client, alice, deleting, action, said
):
    first, second = make_document(alice, "It rains."), make_document(alice, "It snows.")
    Document.objects.update(state="failed", url="http://127.0.0.1/", source="web")
    Task.objects.all().delete()
    client.force_login(alice)
    chosen = {"chosen": [first.pk, second.pk], "action": action, "confirmed": 1}
    with deleting(first):
        answered = client.post(reverse("documents:selected"), chosen, follow=True)
    assert said in answered.text
    assert list(Document.objects.all()) == ([] if action == "delete" else [second])
    assert Task.objects.count() == (action != "delete")


def test_an_index_is_filled_with_the_others(alice, deleting):
    first, second = make_indexed(alice, "It rains."), make_indexed(alice, "It snows.")
    with deleting(first):
        index = rebuild.begin("all-MiniLM-L6-v2")
    assert list(index.tasks.exclude(document=None).values_list("document", flat=True)) == [second.pk]


def test_an_index_that_is_begun_and_a_deletion_of_several_do_not_block_each_other(alice):
    first, second = make_indexed(alice, "It rains."), make_indexed(alice, "It snows.")
    has_begun, held = threading.Event(), []

    def hold_one_after_the_other():
        with transaction.atomic():
            Document.objects.filter(pk=first.pk).lock_for_delete()
            has_begun.set()
            while not somebody_waits():
                pass
            Document.objects.filter(pk=second.pk).lock_for_delete()
            held.append(True)
        connections.close_all()

    thread = threading.Thread(target=hold_one_after_the_other)
    thread.start()
    assert has_begun.wait(20)
    rebuild.begin("all-MiniLM-L6-v2")
    thread.join(20)
    assert held == [True]


def test_the_vectors_that_were_kept_against_paying_twice_go_too(alice):
    document = make_indexed(alice, "In Bergen people carry umbrellas nearly every day of the year.")
    redis = cache._cache.get_client(None, write=True)
    own = f"{cache.key_prefix}:*llm:vector:*"  # other sites' vectors may lie in the same Redis
    kept = list(redis.scan_iter(match=own))
    document.delete()
    assert kept
    assert list(redis.scan_iter(match=own)) == []


def test_its_password_and_its_failed_jobs_go_too(alice, work, queue):
    document = make_document(alice, b"%PDF-1.4 nothing", name="broken.pdf")
    passwords.store(document.newest, "quizzaciously")
    work()
    failed = FailedJobRegistry("documents", connection=queue.connection)
    before = failed.get_job_ids(cleanup=False)
    document.delete()
    assert before
    assert failed.get_job_ids(cleanup=False) == []
    assert not list(cache._cache.get_client(None, write=True).scan_iter(match="*password*"))
