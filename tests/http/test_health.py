import asyncio
import json
import os
import signal
import subprocess
import threading
import time

import pytest
from django.conf import settings as site_settings
from redis.exceptions import TimeoutError

from documents import shutdown
from documents.work import queue
from documents.work.reconciler import CLOCK_KEY, beat, clock_alive
from documents.work.worker import Worker
from ragsite import __version__, embedded, health
from ragsite.asgi import application
from tests.support.site import accepts, wait_for


async def get(path, host="10.0.0.7:8000", **headers):
    """What the web server's application answers: (status, headers, body)."""
    sent = []
    lines = [(b"host", host.encode())]
    lines += [(name.lower().replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": lines, "client": ("10.0.0.1", 4711), "server": ("10.0.0.7", 8000),
    }  # fmt: skip
    never, wants_body = asyncio.Event(), [True]

    async def receive():
        if wants_body:
            wants_body.pop()
            return {"type": "http.request", "body": b"", "more_body": False}
        return await never.wait()

    async def send(message):
        sent.append(message)

    await application(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], dict(sent[0]["headers"]), body


async def ready():
    started = time.monotonic()
    status, _headers, body = await get("/readyz")
    return status, json.loads(body), time.monotonic() - started


async def until_ready():
    async with asyncio.timeout(20):
        while (await ready())[0] != 200:  # noqa: ASYNC110 (what it waits for is another process)
            await asyncio.sleep(0.1)


@pytest.fixture(autouse=True)
def a_busy_machine_has_time(monkeypatch):
    """What answers does so within this; what hangs is waited for no longer, though its connection would wait much longer."""
    assert health.CHECK_SECONDS < 1  # what is promised
    monkeypatch.setattr(health, "CHECK_SECONDS", 2)


WELL_BELOW_THE_TIMEOUTS = 8


@pytest.fixture
def worker():
    """Call it to register a worker whose entry expires so soon. Those of a site that runs beside the tests stay."""
    redis, names = queue.queue_connection(), []

    def register(name, seconds_left):
        names.append(f"rq:worker:{name}")
        redis.sadd("rq:workers", names[-1])
        if seconds_left:
            redis.set(names[-1], 1, ex=seconds_left)

    yield register
    redis.srem("rq:workers", *names)
    redis.delete(*names)


@pytest.fixture
def redis_server(tmp_path):
    """A Redis of the test's own, to be stopped and thawed."""
    place = tmp_path / "redis.sock"
    command = [embedded.find_redis_server(), "--port", "0", "--unixsocket", str(place), "--save", ""]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    process.url = f"unix://{place}?db=0&socket_timeout=20&socket_connect_timeout=20"
    wait_for(lambda: accepts(place), every=0.01)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def queue_on(settings):
    """Call it with an address: the queue and the cache are there from then on."""

    def point(url):
        settings.QUEUE_URL = url
        settings.CACHES = {"default": {**site_settings.CACHES["default"], "LOCATION": url}}
        queue.queue_connection.cache_clear()
        health._cache_connection.cache_clear()

    yield point
    queue.queue_connection.cache_clear()
    health._cache_connection.cache_clear()


async def test_a_living_process_says_so_whatever_host_it_is_requested_by_and_over_plain_http(settings):
    settings.SECURE_SSL_REDIRECT, settings.ALLOWED_HOSTS = True, ["ragsite.example.com"]
    status, headers, body = await get("/healthz")

    assert (status, json.loads(body)) == (200, {"status": "alive", "version": __version__})
    assert headers[b"cache-control"] == b"no-store"


async def test_being_alive_needs_neither_database_nor_redis(queue_on, settings, django_db_blocker):
    queue_on("unix:///nowhere/redis.sock")
    with django_db_blocker.block():
        assert (await get("/healthz"))[0] == 200


@pytest.mark.django_db
async def test_it_is_ready_when_database_and_queue_answer(settings):
    settings.ALLOWED_HOSTS = ["ragsite.example.com"]
    status, parts, _seconds = await ready()

    assert status == 200
    assert parts == {
        "ready": True,
        "database": True,
        "queue": True,
        "cache": True,
        "workers": queue.workers_alive(queue.queue_connection()),
        "clock": False,
        "version": __version__,
    }


@pytest.mark.django_db
async def test_it_is_not_ready_without_the_queue_and_does_not_claim_to_know_of_workers(queue_on):
    queue_on("unix:///nowhere/redis.sock")
    status, parts, seconds = await ready()

    assert status == 503
    assert (parts["ready"], parts["queue"], parts["cache"]) == (False, False, False)
    assert (parts["workers"], parts["clock"]) == (None, None)
    assert parts["database"] is True
    assert seconds < WELL_BELOW_THE_TIMEOUTS


@pytest.mark.django_db
async def test_it_answers_in_under_a_second_while_redis_hangs_and_is_ready_once_it_responds(
    queue_on, redis_server
):
    queue_on(redis_server.url)
    assert (await ready())[0] == 200
    os.kill(redis_server.pid, signal.SIGSTOP)
    try:
        for _again in range(3):
            status, parts, seconds = await ready()
            assert (status, parts["queue"], parts["database"]) == (503, False, True)
            assert seconds < WELL_BELOW_THE_TIMEOUTS
    finally:
        os.kill(redis_server.pid, signal.SIGCONT)
    await until_ready()  # the thread that still waits has its answer first


@pytest.mark.django_db
async def test_it_is_not_ready_without_the_database(monkeypatch):
    monkeypatch.setitem(health.connection.settings_dict, "HOST", "/nowhere")
    status, parts, seconds = await ready()

    assert (status, parts["database"], parts["queue"]) == (503, False, True)
    assert seconds < WELL_BELOW_THE_TIMEOUTS


@pytest.mark.django_db
async def test_it_answers_in_under_a_second_while_the_database_hangs(monkeypatch):
    visitors = []

    async def accept_and_say_nothing(reader, writer):
        visitors.append(writer)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(accept_and_say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setitem(health.connection.settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(health.connection.settings_dict, "PORT", port)
    monkeypatch.setitem(health.connection.settings_dict["OPTIONS"], "connect_timeout", 20)
    status, parts, seconds = await ready()
    server.close()

    assert visitors
    assert (status, parts["database"]) == (503, False)
    assert seconds < WELL_BELOW_THE_TIMEOUTS


@pytest.mark.django_db
async def test_many_probes_at_once_use_one_connection(monkeypatch):
    looks, really = [], health.database_answers

    def counted():
        looks.append(1)
        return really()

    monkeypatch.setattr(health, "database_answers", counted)
    answers = await asyncio.gather(*(ready() for _number in range(20)))

    assert {status for status, _parts, _seconds in answers} == {200}
    assert len(looks) == 1


@pytest.mark.django_db
async def test_it_never_asks_the_provider(fake_openai):
    await ready()

    assert fake_openai.requests == []


@pytest.mark.django_db
def test_a_server_that_runs_django_alone_answers_too(client):
    assert client.get("/healthz").json()["status"] == "alive"
    assert client.get("/readyz").json()["ready"] is True


def test_a_killed_worker_is_not_counted_for_long(worker):
    redis = queue.queue_connection()
    before = queue.workers_alive(redis)
    worker("living", seconds_left=70)
    worker("silent", seconds_left=40)
    worker("gone", seconds_left=0)

    assert queue.workers_alive(redis) == before + 1


def test_a_worker_that_redis_forgot_is_counted_again_at_its_next_sign_of_life():
    redis = queue.queue_connection()
    worker = Worker([queue.get_queue("documents")], connection=redis, name="forgotten")
    worker.register_birth()
    try:
        redis.delete(worker.key)
        redis.srem("rq:workers", worker.key)
        before = queue.workers_alive(redis)
        worker.heartbeat()
        assert queue.workers_alive(redis) == before + 1
    finally:
        worker.register_death()


def test_a_worker_told_to_end_just_before_the_fork_tells_its_job(monkeypatch):
    monkeypatch.setattr(shutdown, "_is_requested", threading.Event())
    worker = Worker([queue.get_queue("documents")], connection=queue.queue_connection(), name="ending")
    worker._stop_requested = True
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        worker.setup_work_horse_signals()
        with pytest.raises(shutdown.Stopped):
            shutdown.check()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def test_a_redis_that_hangs_costs_one_wait_and_then_none_for_a_while(monkeypatch):
    monkeypatch.setattr(queue, "_hung_until", 0.0)
    with pytest.raises(TimeoutError), queue.fail_fast_while_redis_hangs():
        raise TimeoutError
    reached = []
    with pytest.raises(TimeoutError), queue.fail_fast_while_redis_hangs():
        reached.append("Redis")
    assert reached == []


def test_the_clock_shows_that_it_is_there():
    assert clock_alive() is False
    beat()

    assert clock_alive() is True
    assert 0 < queue.queue_connection().ttl(CLOCK_KEY) <= 60


def test_a_clock_without_redis_keeps_running(queue_on):
    queue_on("unix:///nowhere/redis.sock")
    beat()
