import pytest
from django.urls import reverse

from documents.models import Index, Task
from ragsite import llm
from ragsite.llm.configuration import Role
from ragsite.llm.models import Connection
from ragsite.llm.presets import PRESETS
from ragsite.llm.provider import embedding_provider, provider
from tests.support.factories import make_indexed
from tests.support.fake_openai import KEY, running_fake_openai

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def server():
    """A model server that no setting names."""
    with running_fake_openai() as server:
        yield server


@pytest.fixture
def operate(client, operator, django_capture_on_commit_callbacks):
    """Post to one of the three views of a role, as an operator."""
    client.force_login(operator)

    def post(name, role="chat", htmx=False, **fields):
        with django_capture_on_commit_callbacks(execute=True):
            return client.post(
                reverse(f"operations:{name}", args=[role]), fields, headers=HTMX if htmx else {}
            )

    return post


@pytest.mark.parametrize("name", ["test_connection", "save_connection", "disconnect"])
def test_only_operators_connect_models(client, alice, name, server):
    client.force_login(alice)
    fields = {"base_url": server.url, "model": "gpt-4.1-mini", "api_key": KEY}

    assert client.post(reverse(f"operations:{name}", args=["chat"]), fields).status_code == 403
    assert not Connection.objects.exists()
    assert not server.requests


def test_a_test_lists_the_models_and_saves_nothing(operate, server):
    server.models = ["writer-large", "writer-small"]
    page = operate("test_connection", htmx=True, base_url=server.url, api_key=KEY).content.decode()

    assert "The server offers 2 models" in page
    assert "<option >writer-large</option>" in page.replace("\n", "")
    assert KEY not in page
    assert not Connection.objects.exists()
    assert llm.chat_model() is None


def test_a_test_calls_the_chosen_model_with_the_typed_key(operate, server):
    page = operate(
        "test_connection",
        htmx=True,
        base_url=server.url,
        api_key=KEY,
        model="gpt-4.1-mini",
        headers="X-Team: a",
    ).content.decode()

    assert "It answers." in page
    assert server.chats[0].headers["authorization"] == f"Bearer {KEY}"
    assert server.chats[0].headers["x-team"] == "a"


def test_a_test_says_what_is_wrong(operate, server):
    server.fault("bad_key", times=0)
    page = operate(
        "test_connection", htmx=True, base_url=server.url, api_key=KEY, model="gpt-4.1-mini"
    ).content.decode()

    assert "rejects the API key" in page
    assert KEY not in page


@pytest.mark.parametrize(
    "value",
    [{"data": "none"}, {}, [], {"data": [{"id": 7}, {"id": "<b>x</b>"}, "y\0z", {"id": "n" * 999}]}, "text"],
)
def test_any_list_of_models_is_survived(operate, server, value):
    server.fault("body", value=value, on="models")
    response = operate("test_connection", htmx=True, base_url=server.url, model="gpt-4.1-mini")

    assert response.status_code == 200
    assert "<b>x" not in response.content.decode()


def test_a_model_is_connected_without_touching_a_file(operate, server, client):
    response = operate("save_connection", base_url=server.url, api_key=KEY, model="gpt-4.1-mini")
    page = client.get(response.url).content.decode()

    assert llm.chat_model() == "gpt-4.1-mini"
    assert "in effect now" in page
    assert "A key is saved" in page
    assert KEY not in page
    assert llm.try_chat().ok
    assert server.chats[-1].headers["authorization"] == f"Bearer {KEY}"


def test_an_empty_key_keeps_the_saved_one_of_this_address_only(operate, server):
    operate("save_connection", base_url=server.url, api_key=KEY, model="gpt-4.1-mini", headers="X-Team: a")
    operate("save_connection", base_url=f"{server.url}/", model="gpt-4.1")
    assert (provider().api_key, provider().headers, llm.chat_model()) == (KEY, (("X-Team", "a"),), "gpt-4.1")

    operate("save_connection", base_url="http://127.0.0.1:9/v1", model="gpt-4.1")
    assert (provider().api_key, provider().headers) == ("unused", ())


def test_another_address_is_never_tested_with_the_saved_key(operate, server):
    operate("save_connection", base_url="http://127.0.0.1:9/v1", api_key=KEY, model="gpt-4.1-mini")
    operate("test_connection", base_url=server.url, model="gpt-4.1-mini")

    assert server.requests
    assert KEY not in str([request.headers for request in server.requests])


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "ftp://x"},
        {"base_url": "http://[bad"},
        {"base_url": ""},
        {"api_key": "two words"},
        {"model": ""},
        {"headers": "no colon"},
        {"headers": "X-A: b\x01"},
        {"max_tokens": "12"},
    ],
)
def test_mistakes_are_named_and_nothing_is_saved(operate, server, wrong):
    response = operate(
        "save_connection", **{"base_url": server.url, "api_key": KEY, "model": "gpt-4.1-mini"} | wrong
    )

    assert response.status_code == 422
    assert "field-errors" in response.content.decode()
    assert KEY not in response.content.decode()
    assert not Connection.objects.exists()


def test_the_environment_wins_and_the_page_says_so(operate, client, fake_openai):
    page = client.get(reverse("operations:provider")).content.decode()

    assert "take precedence over this page" in page
    assert operate("save_connection", base_url="http://127.0.0.1:9", model="x").status_code == 404


def test_disconnecting_deletes_the_key(operate, server):
    operate("save_connection", base_url=server.url, api_key=KEY, model="gpt-4.1-mini")
    operate("disconnect")

    assert llm.chat_model() is None
    assert not Connection.objects.exists()


def test_search_keeps_the_server_of_its_index_when_answers_move(operate, operator, server):
    operate("save_connection", base_url=server.url, api_key=KEY, model="gpt-4.1-mini")
    Index.objects.update(state="retired")
    Index.objects.live()
    Index.objects.update(embedding_model="text-embedding-3-small", dimensions=1536, state="live")
    operate("save_connection", base_url="http://127.0.0.1:9/v1", api_key="another", model="other-writer")

    assert provider().host == "127.0.0.1:9"
    assert embedding_provider("text-embedding-3-small").api_key == KEY
    assert llm.try_embedding("text-embedding-3-small").ok

    operate("disconnect", role="embedding")
    assert llm.try_embedding("text-embedding-3-small").ok, "an index needs it"


def test_the_search_model_is_the_one_of_a_new_index(operate, server, client):
    operate(
        "save_connection", role="embedding", base_url=server.url, api_key=KEY, model="text-embedding-3-small"
    )

    assert llm.default_embedding_model() == "text-embedding-3-small"
    assert 'value="text-embedding-3-small"' in client.get(reverse("operations:provider")).content.decode()


def test_what_waits_for_a_provider_is_retried_at_once(operate, operator, server):
    document = make_indexed(operator)
    task = Task.objects.filter(document=document).first()
    Task.objects.filter(pk=task.pk).update(
        state="open", error_kind="key_refused", tries=3, next_try_at="2099-01-01T00:00Z", not_before=None
    )
    operate("save_connection", base_url=server.url, api_key=KEY, model="gpt-4.1-mini")

    task.refresh_from_db()
    assert task.next_try_at.year < 2099


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.slug)
def test_each_preset_fills_the_form(client, operator, preset):
    client.force_login(operator)
    page = client.get(reverse("operations:provider"), {"chat": preset.slug}).content.decode()

    assert f'value="{preset.base_url}"' in page
    assert str(preset.note).split(":")[0].split("’")[0][:20] in page


def test_an_unknown_role_is_not_found(operate):
    assert operate("save_connection", role="other").status_code == 404
    assert Role.values == ["chat", "embedding"]
