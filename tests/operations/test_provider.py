import pytest
from django.urls import reverse

from documents.models import Index
from documents.models.index import IndexState
from ragsite import llm
from ragsite.llm.backends import reranker
from tests.support.factories import make_indexed
from tests.support.fake_openai import KEY

pytestmark = pytest.mark.django_db

PAGES = ["operations:provider", "operations:test_provider", "operations:build_index"]


@pytest.mark.parametrize("name", PAGES)
def test_only_operators_reach_it(client, alice, name):
    client.force_login(alice)

    assert client.get(reverse(name)).status_code in (403, 405)
    assert client.post(reverse(name), {"model": "x", "confirmed": "yes"}).status_code in (403, 405)
    assert Index.objects.count() == 0


def test_without_a_key_it_says_that_nothing_leaves_the_machine(client, operator):
    client.force_login(operator)
    page = client.get(reverse("operations:provider")).content.decode()

    assert "Nothing leaves this machine" in page
    assert "Connect a model for answers" in page
    assert f"<strong>{llm.LOCAL_RERANKER}</strong> on this machine" in page


def test_it_says_that_the_reranker_is_missing(client, operator, monkeypatch):
    monkeypatch.setattr(reranker.FILES, "package", "no_such_package")
    client.force_login(operator)
    page = client.get(reverse("operations:provider")).content.decode()

    assert "reranker is not installed" in page


def test_with_a_provider_it_names_model_and_host_but_never_the_key(client, operator, fake_openai):
    client.force_login(operator)
    page = client.get(reverse("operations:provider")).content.decode()

    assert "gpt-4.1-mini" in page
    assert "127.0.0.1" in page
    assert KEY not in page


def test_the_test_makes_one_real_call_to_each_model_and_reports_the_result(client, operator, fake_openai):
    client.force_login(operator)
    page = client.post(reverse("operations:test_provider"), headers={"HX-Request": "true"}).content.decode()

    assert page.count("It answers.") == 2
    assert (len(fake_openai.chats), len(fake_openai.embeddings)) == (1, 1)

    fake_openai.fault("bad_key", times=0)
    page = client.post(reverse("operations:test_provider"), headers={"HX-Request": "true"}).content.decode()
    assert "rejects the API key" in page
    assert KEY not in page


def test_a_new_index_is_built_only_after_its_price_was_shown(client, operator, fake_openai, settings):
    settings.EMBEDDING_MODEL = "all-MiniLM-L6-v2"
    make_indexed(operator)
    client.force_login(operator)
    page = client.post(
        reverse("operations:build_index"), {"model": "text-embedding-3-small"}
    ).content.decode()

    assert "About 1 chunks" in page
    assert "at the prices of" in page
    assert Index.objects.count() == 1

    client.post(reverse("operations:build_index"), {"model": "text-embedding-3-small", "confirmed": "yes"})
    assert Index.objects.filter(state=IndexState.BUILDING, dimensions=1536).exists()
