"""Answers from one server, embeddings from another: each has its own address, key and circuit breaker."""

import pytest

from ragsite import llm
from ragsite.llm.provider import embedding_provider, provider
from tests.support.fake_openai import KEY, running_fake_openai

MODEL = "nomic-embed-text"
PROMPT = [llm.Message(role="user", content="Hello?")]


@pytest.fixture
def other(fake_openai, settings):
    """The server of the embeddings, beside `fake_openai` for the answers."""
    with running_fake_openai() as server:
        settings.EMBEDDING_BASE_URL, settings.EMBEDDING_API_KEY = server.url, "key-for-embeddings"
        settings.EMBEDDING_MODEL = MODEL
        yield server


def test_each_request_goes_to_its_own_server_with_its_own_key(fake_openai, other):
    llm.complete(PROMPT)
    llm.embed_query("rain", model=MODEL)
    assert [len(fake_openai.chats), len(fake_openai.embeddings)] == [1, 0]
    assert [len(other.chats), len(other.embeddings)] == [0, 1]
    assert fake_openai.chats[0].headers["authorization"] == f"Bearer {KEY}"
    assert other.embeddings[0].headers["authorization"] == "Bearer key-for-embeddings"


@pytest.mark.parametrize("header", ["", "secret"])
def test_no_key_and_no_header_for_answers_reaches_another_address(fake_openai, other, settings, header):
    settings.EMBEDDING_API_KEY = ""
    settings.OPENAI_EXTRA_HEADERS = {"X-Key": header} if header else {}
    llm.embed_query("rain", model=MODEL)
    assert KEY not in str(other.embeddings[0].headers)
    assert "x-key" not in other.embeddings[0].headers


def test_without_a_separate_address_the_key_alone_may_differ(fake_openai, settings):
    settings.EMBEDDING_API_KEY = "another"
    llm.embed_query("rain", model=MODEL)
    assert fake_openai.embeddings[0].headers["authorization"] == "Bearer another"


def test_the_same_address_with_a_slash_is_the_same_server(settings):
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "sk-x", "http://127.0.0.1:1/v1"
    settings.EMBEDDING_BASE_URL = "http://127.0.0.1:1/v1/"
    assert embedding_provider().api_key == provider().api_key == "sk-x"


def test_a_refused_key_at_one_server_does_not_hold_back_the_other(fake_openai, other):
    other.fault("bad_key", times=0)
    with pytest.raises(llm.KeyRefused) as error:
        llm.embed_query("rain", model=MODEL)
    assert "EMBEDDING_API_KEY" in str(error.value.remedy)
    assert llm.complete(PROMPT).is_complete
    assert llm.breaker() is None
    assert [opened.host for opened in llm.breakers()] == [embedding_provider().host]
    assert "EMBEDDING_API_KEY" in str(llm.embedding_breaker().remedy)


def test_both_breakers_are_told_and_a_shared_one_once(fake_openai, other, settings):
    fake_openai.fault("quota", on="chat")
    other.fault("bad_key")
    with pytest.raises(llm.QuotaSpent):
        llm.complete(PROMPT)
    with pytest.raises(llm.KeyRefused):
        llm.embed_query("rain", model=MODEL)
    assert [opened.kind for opened in llm.breakers()] == ["quota_spent", "key_refused"]
    settings.EMBEDDING_BASE_URL = settings.EMBEDDING_API_KEY = ""
    assert [opened.kind for opened in llm.breakers()] == ["quota_spent"]


def test_the_hosts_are_named_apart(fake_openai, other):
    tried = llm.test_provider(MODEL)
    assert tried.chat.host == llm.host_of_chat() == fake_openai.url.split("/")[2]
    assert tried.embedding.host == llm.host_of_embeddings(MODEL) == other.url.split("/")[2]


def test_embeddings_may_have_a_server_where_answers_have_none(fake_openai, other, settings):
    settings.OPENAI_API_KEY = settings.OPENAI_BASE_URL = ""
    assert llm.chat_model() is None
    assert llm.embed_query("rain", model=MODEL).shape == (1536,)


@pytest.mark.parametrize(
    ("values", "model"),
    [
        ({"EMBEDDING_API_KEY": "sk-x"}, "text-embedding-3-small"),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "EMBEDDING_API_KEY": "x"}, "all-MiniLM-L6-v2"),
        ({"EMBEDDING_BASE_URL": "http://127.0.0.1:1/v1", "OPENAI_API_KEY": "sk-x"}, "all-MiniLM-L6-v2"),
        (
            {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "EMBEDDING_BASE_URL": "https://api.openai.com/v1", "EMBEDDING_API_KEY": "sk-x"},
            "text-embedding-3-small",
        ),
    ],
)  # fmt: skip
def test_openais_model_is_the_default_only_with_a_key_for_openai(settings, values, model):
    for name, value in values.items():
        setattr(settings, name, value)
    assert llm.default_embedding_model() == model


@pytest.mark.parametrize(("key", "url"), [("two words", "http://127.0.0.1:1/v1"), ("sk-x", "nonsense")])
def test_settings_of_embeddings_that_cannot_work_are_named(settings, key, url):
    settings.EMBEDDING_BASE_URL, settings.EMBEDDING_API_KEY = url, key
    with pytest.raises(llm.NotConfigured) as error:
        llm.embed_query("rain", model=MODEL)
    assert error.value.kind == "bad_settings"
    assert error.value.detail.startswith("EMBEDDING_")


def test_an_address_of_embeddings_that_is_none_is_found_by_check(settings):
    from documents.checks import provider_address_is_an_address

    settings.EMBEDDING_BASE_URL = "http://["
    assert [found.msg for found in provider_address_is_an_address(None)] == [
        "EMBEDDING_BASE_URL is not an http(s) address."
    ]


def test_the_page_names_the_embeddings_own_breaker(client, operator, fake_openai, other):
    other.fault("bad_key")
    with pytest.raises(llm.KeyRefused):
        llm.embed_query("rain", model=MODEL)
    client.force_login(operator)
    page = client.get("/operations/provider/").content.decode()
    assert f"{embedding_provider().host}: The provider rejects the API key" in page
    assert "key-for-embeddings" not in page
    home = client.get("/").content.decode()
    assert "searched by keywords only" in home
    assert "answers are exact quotes" not in home


@pytest.mark.parametrize(("model", "ids"), [("", ["ragsite.W003"]), (MODEL, [])])
def test_a_server_for_embeddings_without_a_model_of_it_is_found_by_check(settings, model, ids):
    from documents.checks import embedding_server_is_used

    settings.EMBEDDING_BASE_URL, settings.EMBEDDING_MODEL = "http://127.0.0.1:1/v1", model
    assert [found.id for found in embedding_server_is_used(None)] == ids
