"""A managed Redis with one database: queue and cache share it, separated by key prefixes."""

import subprocess

import pytest
from django.core.cache import cache
from redis.exceptions import ResponseError

from documents.ingestion import passwords
from documents.work import queue
from ragsite import embedded, health, llm
from ragsite import settings as site_settings
from ragsite.configuration.environment import next_redis_database
from ragsite.llm import cache as llm_cache
from ragsite.operations.doctor import State, redis
from tests.support.factories import make_document
from tests.support.site import accepts, wait_for

PROMPT = [llm.Message(role="user", content="Hello?")]


@pytest.fixture
def redis_of(tmp_path, settings):
    """Call it with a number of databases and the queue's: queue and cache are there, the cache where it would be."""
    processes = []

    def start(databases, number, cache_number=None):
        place = tmp_path / "redis.sock"
        command = [embedded.find_redis_server(), "--port", "0", "--unixsocket", str(place), "--save", ""]
        processes.append(
            subprocess.Popen(
                [*command, "--databases", str(databases)], cwd=tmp_path, stdout=subprocess.DEVNULL
            )
        )
        wait_for(lambda: accepts(place), every=0.01)
        settings.QUEUE_URL = settings.REDIS_URL = f"unix://{place}?db={number}"
        entry = {**site_settings.CACHES["default"], "LOCATION": next_redis_database(settings.QUEUE_URL)}
        if cache_number is not None:
            options = {"serializer": "ragsite.cache.JSONSerializer"}
            entry |= {"LOCATION": f"unix://{place}?db={cache_number}", "OPTIONS": options}
        settings.CACHES = {"default": entry}
        forget_connections()
        llm_cache.forget_everything_here()

    yield start
    forget_connections()
    for process in processes:
        process.kill()
        process.wait()


def forget_connections():
    queue.queue_connection.cache_clear()
    health._cache_connection.cache_clear()


@pytest.mark.parametrize(("databases", "number"), [(1, 0), (16, 15), (4, 3)])
def test_the_cache_shares_the_queues_database_where_there_is_no_next(redis_of, databases, number):
    redis_of(databases, number)
    queue.queue_connection().set("rq:queue:documents", "work")
    cache.set("answer", [1], 60)

    assert cache.get("answer") == [1]
    assert health.cache_answers()
    cache.clear()
    assert cache.get("answer") is None
    assert queue.queue_connection().get("rq:queue:documents") == b"work", (
        "clearing the cache leaves the queue"
    )


def test_where_there_is_a_next_database_the_cache_is_in_it(redis_of):
    redis_of(2, 0)
    cache.set("answer", 1, 60)

    assert queue.queue_connection().dbsize() == 0
    assert redis.check_separation().state == State.OK


@pytest.mark.django_db
def test_breaker_vectors_and_passwords_work_in_the_one_database(fake_openai, redis_of, alice):
    redis_of(1, 0)
    fake_openai.fault("bad_key", on="chat")
    with pytest.raises(llm.KeyRefused):
        llm.complete(PROMPT)
    llm_cache.forget_everything_here()  # as another process would find it
    assert llm.breaker().kind == "key_refused"

    llm_cache.remember("llm:vector-test", 1, 60)
    llm_cache.forget_everything_here()
    assert llm_cache.recall("llm:vector-test") == 1

    version = make_document(owner=alice).newest
    assert passwords.store(version, "secret")
    assert passwords.pop(version) == "secret"


def test_doctor_says_that_they_share_it(redis_of):
    redis_of(1, 0)
    assert redis.check_queue().state == State.OK
    assert redis.check_cache().state == State.OK
    finding = redis.check_separation()
    assert finding.state == State.WARN
    assert "share one Redis database" in finding.sentence


def test_a_number_that_is_set_and_not_there_is_named_with_its_variable(redis_of):
    redis_of(1, 0, cache_number=5)
    with pytest.raises(ResponseError):
        cache.get("answer")
    finding = redis.check_cache()
    assert finding.state == State.FAIL
    assert "CACHE_URL" in finding.sentence


def test_a_queue_in_a_database_that_is_not_there_is_named_with_its_variable(redis_of):
    redis_of(1, 3)
    finding = redis.check_queue()
    assert finding.state == State.FAIL
    assert "REDIS_URL" in finding.sentence
