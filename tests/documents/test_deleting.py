"""Deleting at the very moment when something of the document is written, shown or answered from."""

import threading

import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.db import connections
from django.urls import reverse

from documents import fetching, indexing, pictures, recognition, summaries, tries
from documents.models import Attempt, Chunk, Collection, Document, Page, Task, Version
from documents.models.collection import Membership, Role
from documents.models.task import Kind
from qa import answering, citations
from qa.answering import saving
from qa.models import Citation, Question
from tests.documents.test_replacing import kept_in_cache, stored_files, together
from tests.factories import make_document, make_indexed, make_pdf, make_user

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


def once_more(document):
    return Document.objects.get(pk=document.pk)


def test_while_its_pages_are_stored(alice, meet, settings):
    document = make_document(alice)
    meet(Page.objects, "bulk_create", once_more(document).delete)
    tries.run(document.tasks.get())


def test_while_its_chunks_are_stored(alice, meet, settings):
    document = make_document(alice)
    meet(indexing, "copy_chunks", once_more(document).delete)
    tries.run(document.tasks.get())


def test_with_its_collection_while_its_chunks_are_stored(alice, meet):
    document = make_document(alice)
    meet(indexing, "copy_chunks", Collection.objects.get(pk=document.collection_id).delete)
    tries.run(document.tasks.get())


def test_with_the_person_whose_it_is_while_its_pages_are_stored(alice, meet):
    document = make_document(alice)
    meet(Page.objects, "bulk_create", type(alice).objects.get(pk=alice.pk).delete)
    tries.run(document.tasks.get())


def test_while_it_is_cited(alice, meet):
    document = make_indexed(alice, "In Bergen people carry umbrellas nearly every day of the year.")
    meet(Citation.objects, "bulk_create", once_more(document).delete)
    question = answering.ask("What do people carry in Bergen?", user=alice)
    assert "umbrellas" in question.answer
    assert question.state == "complete"


def test_while_it_is_replaced(alice, meet, settings):
    document = make_document(alice)
    meet(Document, "add_version", once_more(document).delete)
    document.replace(ContentFile(b"It snows.", name="snow.txt"))
