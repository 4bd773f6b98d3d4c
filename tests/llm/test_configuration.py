import asyncio

import pytest

from ragsite import llm
from ragsite.llm import configuration
from ragsite.llm.configuration import Role
from ragsite.llm.encryption import CannotDecrypt, decrypt, encrypt
from ragsite.llm.models import Connection
from ragsite.llm.provider import embedding_provider, provider
from tests.support.fake_openai import KEY

pytestmark = pytest.mark.django_db


def connect(role=Role.CHAT, url="http://127.0.0.1:9/v1", model="small-writer", key=KEY, **fields):
    connection = Connection(role=role, base_url=url, model=model, **fields)
    connection.set_secrets(key, {})
    connection.save()
    configuration.forget()  # on_commit does not run in a test's transaction
    return connection


def test_a_saved_connection_is_used_without_a_restart():
    assert llm.chat_model() is None
    connect()

    assert llm.chat_model() == "small-writer"
    assert provider().api_key == KEY
    assert llm.host_of_chat() == "127.0.0.1:9"


def test_another_process_sees_it_after_the_reload_time(settings):
    settings.LLM_RELOAD_SECONDS = 0
    connection = connect()
    Connection.objects.filter(pk=connection.pk).update(model="changed-elsewhere")

    assert llm.chat_model() == "changed-elsewhere"


def test_between_two_reloads_the_database_is_not_asked(django_assert_num_queries):
    connect()
    llm.chat_model()

    with django_assert_num_queries(0):
        assert llm.chat_model() == "small-writer"


def test_the_environment_wins(settings):
    connect()
    settings.OPENAI_API_KEY = "sk-of-the-environment"

    assert provider().api_key == "sk-of-the-environment"
    assert provider().base_url == "https://api.openai.com/v1"
    assert configuration.is_set_by_environment(Role.CHAT)
    assert not configuration.is_set_by_environment(Role.EMBEDDING)


def test_the_key_is_encrypted_and_in_no_repr():
    connection = connect()
    row = Connection.objects.values().get(pk=connection.pk)

    assert KEY not in str(row)
    assert KEY not in repr(connection.as_settings()) + repr(provider()) + str(connection)
    assert decrypt(row["encrypted_key"]) == KEY


def test_another_secret_key_cannot_read_it_unless_it_knows_the_old_one(settings):
    old, token = settings.SECRET_KEY, encrypt(KEY)
    settings.SECRET_KEY = "another-secret-key-of-fifty-characters-0123456789-abc"
    with pytest.raises(CannotDecrypt):
        decrypt(token)

    settings.SECRET_KEY_FALLBACKS = [old]
    assert decrypt(token) == KEY


def test_an_unreadable_key_counts_as_none(settings):
    connection = connect()
    settings.SECRET_KEY = "another-secret-key-of-fifty-characters-0123456789-abc"
    configuration.forget()

    assert not connection.is_readable
    assert llm.chat_model() == "small-writer"
    assert provider().api_key == "unused"


def test_each_embedding_model_has_its_own_server_and_the_newest_is_the_default():
    connect(Role.EMBEDDING, "http://127.0.0.1:7/v1", "old-embedder", "key-of-the-old")
    connect(Role.EMBEDDING, "http://127.0.0.1:8/v1", "new-embedder", "key-of-the-new", passage_prefix="doc: ")

    assert llm.default_embedding_model() == "new-embedder"
    assert embedding_provider("old-embedder").host == "127.0.0.1:7"
    assert embedding_provider("new-embedder").api_key == "key-of-the-new"
    assert llm.embedding_model("new-embedder").passage_prefix == "doc: "
    assert llm.embedding_model("old-embedder").passage_prefix == ""


def test_the_key_for_answers_is_not_sent_to_another_embedding_server():
    connect()
    connect(Role.EMBEDDING, "http://127.0.0.1:8/v1", "embedder", key="")

    assert embedding_provider("embedder").api_key == "unused"


def test_an_embedding_connection_without_an_address_uses_the_server_of_answers():
    connect()
    connect(Role.EMBEDDING, "", "embedder", key="")

    assert embedding_provider("embedder").host == "127.0.0.1:9"
    assert embedding_provider("embedder").api_key == KEY


def test_indexes_keep_their_embedding_server_when_answers_leave_it():
    chat = connect()
    connect(Role.EMBEDDING, "", "with-the-answers", key="")
    Connection.objects.keep_embeddings({"of-an-index"}, configuration.chat())
    chat.base_url = "http://127.0.0.1:10/v1"
    chat.set_secrets("another", {})
    chat.save()
    configuration.forget()

    for model in ("of-an-index", "with-the-answers"):
        assert (embedding_provider(model).host, embedding_provider(model).api_key) == ("127.0.0.1:9", KEY)


def test_a_trial_is_seen_in_its_context_only():
    candidate = Connection(role=Role.CHAT, base_url="http://127.0.0.1:5/v1", model="tried").as_settings()

    with configuration.trying(Role.CHAT, candidate):
        assert llm.chat_model() == "tried"
        assert asyncio.run(asyncio.to_thread(llm.chat_model)) == "tried"
    assert llm.chat_model() is None


def test_windows_follow_the_server_unless_they_are_set(settings):
    connect(url="https://api.openai.com/v1")
    assert llm.context_tokens() == 8_192
    Connection.objects.all().delete()
    connect()
    assert llm.context_tokens() == 3_500
    Connection.objects.update(max_tokens=20_000)
    configuration.forget()
    assert llm.context_tokens() == 20_000
    settings.CHAT_CONTEXT_TOKENS = 1_000
    assert llm.context_tokens() == 1_000


@pytest.mark.django_db(transaction=True)
async def test_on_an_event_loop_the_first_use_reads_in_a_thread():
    await asyncio.to_thread(connect)
    configuration._known = None  # as in a process that has just started

    assert llm.chat_model() == "small-writer"
