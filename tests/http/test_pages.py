import time

import pytest

from documents.work import queue
from documents.work.queue import queue_connection
from tests.support.factories import make_document


@pytest.mark.django_db
@pytest.mark.parametrize(
    "zone", ["Europe/Oslo", "Europe%2FOslo", "nonsense", "../../etc/passwd", "\x00", "a" * 5000]
)
def test_any_time_zone_cookie_leaves_the_page_standing(client, alice, zone):
    client.force_login(alice)
    client.cookies["timezone"] = zone

    assert client.get("/").status_code == 200


PAUSED = {"/": "Processing is paused", "/documents/": "not being processed right now"}
UNKNOWN = {"/": "be checked right now", "/documents/": "cannot check whether"}


@pytest.fixture
def no_worker_alive():
    redis = queue_connection()
    registered = redis.smembers("rq:workers")
    redis.delete("rq:workers")
    yield
    if registered:
        redis.sadd("rq:workers", *registered)


@pytest.mark.django_db
@pytest.mark.usefixtures("no_worker_alive")
@pytest.mark.parametrize("path", ["/", "/documents/"])
def test_a_page_says_that_nobody_reads_documents(client, alice, path):
    make_document(alice, "It rains in Bergen.")
    client.force_login(alice)
    page = client.get(path).content.decode()
    assert PAUSED[path] in page
    assert UNKNOWN[path] not in page


@pytest.mark.django_db
@pytest.mark.parametrize("how", ["hung", "away"])
@pytest.mark.parametrize("path", ["/", "/documents/"])
def test_while_redis_does_not_answer_nobody_is_called_absent(client, alice, path, how, settings, monkeypatch):
    make_document(alice, "It rains in Bergen.")
    client.force_login(alice)
    if how == "hung":
        monkeypatch.setattr(queue, "_hung_until", time.monotonic() + 60)
    else:
        settings.QUEUE_URL = "redis://127.0.0.1:9/0"
        queue.queue_connection.cache_clear()
    try:
        page = client.get(path).content.decode()
    finally:
        if how == "away":
            queue.queue_connection.cache_clear()
    assert PAUSED[path] not in page
    assert UNKNOWN[path] in page
    assert "Redis" not in page, "a reader need not know the word"
