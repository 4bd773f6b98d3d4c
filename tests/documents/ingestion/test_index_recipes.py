"""The recipe of an index: the size of its chunks and their prefixes, which stay the same while the index lives."""

import pytest

from documents.models import Chunk, Index
from documents.models.states import State
from qa.retrieval.retriever import find_sources
from ragsite import llm
from tests.support.factories import make_document

pytestmark = pytest.mark.django_db
# Long German words are many word pieces each: about 580 to 500 of OpenAI's tokens.
STATUTES = "\n\n".join(
    f"§ {number} Die Mitgliederversammlung beschließt über Satzungsänderungsanträge und Haushaltsvoranschläge."
    " Rechnungsprüferinnen berichten über Vermögensverhältnisse, Rückstellungsbildungen und Fördermittelverwendungen."
    f" Fernrohrausleihgebühren betragen {number + 7} Euro je Kalenderwoche; Kündigungsfristen richten sich nach"
    " Vereinszugehörigkeitszeiten. Beobachtungsabende des Kleinplanetenarbeitskreises finden donnerstags statt."
    for number in range(1, 60)
)


@pytest.fixture
def served(fake_openai, settings):
    settings.EMBEDDING_MODEL = "multilingual-e5-large"
    return fake_openai


def test_passages_and_questions_are_sent_with_the_prefixes_of_the_recipe(served, alice):
    make_document(owner=alice, text="It rains in Bergen.").index()
    find_sources("Where does it rain?", user=alice)
    assert all(
        text.startswith(("passage: ", "query: ")) or text == "How wide is a vector?"
        for text in served.embedded_texts
    )
    assert any(text == "query: Where does it rain?" for text in served.embedded_texts)
    assert "passage:" not in Chunk.objects.get().text


def test_an_index_keeps_its_recipe_when_settings_change(served, alice, settings):
    index = Index.objects.live()
    settings.EMBEDDING_PASSAGE_PREFIX, settings.EMBEDDING_MAX_TOKENS = "other: ", 128
    make_document(owner=alice, text="It rains in Bergen.").index()
    assert not any(text.startswith("other: ") for text in served.embedded_texts)
    assert Index.objects.live() == index
    assert Index.objects.draft("multilingual-e5-large").passage_prefix == "other: "


def test_an_index_from_before_there_were_prefixes_sends_none(served, alice):
    Index.objects.create(
        embedding_model="multilingual-e5-large",
        dimensions=1536,
        chunk_tokens=500,
        chunk_overlap=50,
        state="live",
    )
    make_document(owner=alice, text="It rains in Bergen.").index()
    find_sources("Where does it rain?", user=alice)
    assert set(served.embedded_texts) == {"It rains in Bergen.", "Where does it rain?"}


def test_vectors_are_forgotten_with_their_document_also_under_a_prefix(
    served, alice, django_capture_on_commit_callbacks
):
    document = make_document(owner=alice, text="It rains in Bergen.")
    document.index()
    index = Index.objects.live()
    with django_capture_on_commit_callbacks(execute=True):
        document.delete()
    served.requests.clear()
    index.embed_passages(["It rains in Bergen."])
    assert len(served.embeddings) == 1


@pytest.mark.parametrize("model", ["mxbai-embed-large", "multilingual-e5-large", "something-new"])
def test_a_german_document_fits_a_server_that_reads_512_word_pieces(fake_openai, settings, alice, model):
    settings.EMBEDDING_MODEL = model
    fake_openai.fault("word_pieces", most=512)
    document = make_document(owner=alice, text=STATUTES)
    document.index()
    assert document.state == State.READY
    assert document.chunk_count > 5
    assert fake_openai.refusals == 0, "the recipe alone keeps passages short enough"


def test_passages_of_an_older_index_that_are_too_long_are_embedded_in_parts(fake_openai, alice):
    Index.objects.create(
        embedding_model="mxbai-embed-large", dimensions=1536, chunk_tokens=500, chunk_overlap=50, state="live"
    )
    fake_openai.fault("word_pieces", most=512)
    document = make_document(owner=alice, text=STATUTES)
    document.index()
    assert document.state == State.READY
    assert fake_openai.refusals
    assert max(Chunk.objects.values_list("tokens", flat=True)) > 400


@pytest.mark.parametrize("number", [1e30, 70_000.0])
def test_vectors_that_cannot_be_stored_are_said_plainly_and_nothing_is_stored(
    fake_openai, settings, alice, number
):
    settings.EMBEDDING_MODEL = "something-new"
    document = make_document(owner=alice, text="It rains in Bergen.")
    index = Index.objects.live()
    fake_openai.fault("items", of=lambda items: [item | {"embedding": [number] * 1536} for item in items])
    with pytest.raises(llm.BadResponse):
        document.index()
    document.refresh_from_db()
    assert "too large to be stored" in document.failure
    assert not Chunk.objects.filter(index=index).exists()


def test_doctor_tells_of_an_index_that_lacks_the_prefixes_of_its_model(served):
    from ragsite.operations.doctor import State, providers

    index = Index.objects.live()
    trial = llm.try_embedding(index.embedding_model)
    assert providers.check_embeddings(trial, index).state == State.OK
    index.query_prefix = index.passage_prefix = ""
    finding = providers.check_embeddings(trial, index)
    assert finding.state == State.WARN
    assert finding.remedy.endswith("reindex --model multilingual-e5-large")
