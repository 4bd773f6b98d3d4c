import pytest
from django.core.management import call_command

from documents import building
from documents.models import Chunk, Document, Index, State
from documents.models.index import IndexState
from tests.factories import make_document, make_indexed

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_new_index_is_filled_behind_the_live_one_and_takes_its_place(alice, work, fake_openai, settings):
    settings.EMBEDDING_MODEL = "all-MiniLM-L6-v2"
    document = make_indexed(alice)
    old = Index.objects.live()
    call_command("reindex", model="text-embedding-3-small", yes=True)
    document.refresh_from_db()
    assert Index.objects.live() == old
    assert document.state == State.READY

    work()
    new = Index.objects.live()
    document.refresh_from_db()
    assert (new.embedding_model, new.dimensions) == ("text-embedding-3-small", 1536)
    assert Index.objects.get(pk=old.pk).state == IndexState.RETIRED
    assert Chunk.objects.searchable().get(document=document).index == new
    assert len(Document.objects.values_list("embedding", flat=True).get(pk=document.pk)) == 1536


def test_a_document_that_comes_while_an_index_is_built_is_in_both(alice, work, fake_openai, settings):
    settings.EMBEDDING_MODEL = "all-MiniLM-L6-v2"
    make_indexed(alice)
    building.begin("text-embedding-3-small")
    late = make_document(alice, "It snows in Tromsø.", name="snow.txt")
    work()

    assert Chunk.objects.filter(document=late).count() == 2
    assert Chunk.objects.searchable().filter(document=late).count() == 1


def test_an_index_that_lacks_a_document_does_not_go_live(alice, work, fake_openai, settings):
    settings.EMBEDDING_MODEL = "all-MiniLM-L6-v2"
    settings.MAX_TRIES = 1
    make_indexed(alice)
    old = Index.objects.live()
    building.begin("text-embedding-3-small")
    fake_openai.fault("status", status=500, times=0, on="embeddings")
    work()

    assert Index.objects.live() == old
    assert Document.objects.get().state == State.READY
