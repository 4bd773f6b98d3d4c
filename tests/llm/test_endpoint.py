"""Request URLs for the addresses that people configure."""

import pytest

from ragsite import llm
from ragsite.llm.endpoint import endpoint_of
from tests.llm.test_gateway import MODEL, PROMPT
from tests.support.fake_openai import KEY

CHAT = "chat/completions"


def sent(asked):
    return {name.lower(): value for name, value in asked.headers.items()}


@pytest.mark.parametrize(
    ("address", "chat"),
    [
        ("http://localhost:11434/v1", "http://localhost:11434/v1/chat/completions"),
        ("http://localhost:11434/v1/", "http://localhost:11434/v1/chat/completions"),
        ("http://localhost:8000/v1/chat/completions", "http://localhost:8000/v1/chat/completions"),
        ("https://a.openai.azure.com", "https://a.openai.azure.com/openai/v1/chat/completions"),
        ("https://a.openai.azure.com/openai/v1/", "https://a.openai.azure.com/openai/v1/chat/completions"),
        (
            "https://a.openai.azure.com/?api-version=2024-06-01",
            "https://a.openai.azure.com/openai/deployments/gpt/chat/completions",
        ),
        (
            "https://a.openai.azure.com/openai/deployments/mine/chat/completions?api-version=2024-06-01",
            "https://a.openai.azure.com/openai/deployments/mine/chat/completions",
        ),
    ],
)
def test_an_address_leads_to_the_chat(address, chat):
    endpoint = endpoint_of(address)
    assert endpoint.base_url + endpoint.path(CHAT, "gpt") == chat


def test_the_query_of_the_address_is_kept(fake_openai, settings):
    settings.OPENAI_BASE_URL = f"{fake_openai.url}?tenant=a%20b&trace=1"
    assert llm.complete(PROMPT).is_complete
    llm.embed_query("rain", model=MODEL)
    assert [asked.address for asked in fake_openai.requests] == [
        "/v1/chat/completions?tenant=a+b&trace=1",
        "/v1/embeddings?tenant=a+b&trace=1",
    ]


def test_extra_headers_go_with_every_request(fake_openai, settings):
    settings.OPENAI_EXTRA_HEADERS = {"X-Title": "ragsite", "Authorization": "Token abc"}
    llm.complete(PROMPT)
    llm.embed_query("rain", model=MODEL)
    for asked in fake_openai.requests:
        assert sent(asked)["x-title"] == "ragsite"
        assert sent(asked)["authorization"] == "Token abc"


def test_azures_classic_address_gets_its_version_and_its_own_key_header(fake_openai, settings):
    root = fake_openai.url.removesuffix("/v1")
    settings.OPENAI_BASE_URL = f"{root}/openai/deployments/my-gpt?api-version=2024-06-01"
    llm.complete(PROMPT)
    llm.embed_query("rain", model=MODEL)
    chat, embeddings = fake_openai.requests
    assert chat.address == "/openai/deployments/my-gpt/chat/completions?api-version=2024-06-01"
    assert embeddings.address == f"/openai/deployments/{MODEL}/embeddings?api-version=2024-06-01"
    assert sent(chat)["api-key"] == KEY
    assert "authorization" not in sent(chat)


def test_the_headers_of_a_provider_are_shown_nowhere(settings):
    from ragsite.llm.provider import provider

    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "sk-x", ""
    settings.OPENAI_EXTRA_HEADERS = {"X-Key": "secret"}
    assert "secret" not in repr(provider())
