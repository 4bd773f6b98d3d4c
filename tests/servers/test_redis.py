"""Two sites may share one Redis database: neither reads, consumes or clears the other's keys."""

import os
import subprocess
import sys

import django_rq
import pytest
from django.conf import settings
from django.core.cache import caches
from django.urls import reverse
from django_rq.settings import get_queues_map
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue, SimpleWorker, Worker
from rq.registry import FailedJobRegistry, FinishedJobRegistry, StartedJobRegistry

from documents.work.queue import get_queue
from ragsite.redis import prefixing_client
from tests.support.site import ROOT

PLAIN = settings.REDIS_URL


def client(prefix):
    return prefixing_client(PLAIN, prefix, retry=Retry(NoBackoff(), 0))


@pytest.fixture
def everything():
    """What stands in the database, as it is called there."""
    with Redis.from_url(PLAIN) as plain:
        yield lambda: {key.decode() for key in plain.scan_iter(count=1000)}


def test_every_key_of_the_queue_carries_the_sites_prefix(everything):
    queue = Queue("documents", connection=client("mine"))
    queue.enqueue("math.sqrt", 4, job_id="a", unique=True)
    queue.enqueue("math.sqrt", "x", job_id="b")
    SimpleWorker([queue], connection=queue.connection).work(burst=True, logging_level="CRITICAL")

    kept = {name for name in everything() if not name.startswith(settings.REDIS_PREFIX)}
    assert {"mine:rq:queues", "mine:rq:job:a", "mine:rq:failed:documents"} <= kept
    assert [name for name in kept if not name.startswith("mine:rq:")] == []


def test_of_two_sites_in_one_redis_neither_takes_the_others_jobs():
    mine, theirs = (Queue("documents", connection=client(prefix)) for prefix in ("mine", "theirs"))
    mine.enqueue("math.sqrt", 4, job_id="task-1-1-0")
    theirs.enqueue("math.sqrt", "not a number", job_id="task-1-1-0")

    SimpleWorker([theirs], connection=theirs.connection).work(burst=True, logging_level="CRITICAL")

    assert mine.get_job_ids() == ["task-1-1-0"]
    assert theirs.get_job_ids() == []
    assert FailedJobRegistry(queue=theirs).get_job_ids() == ["task-1-1-0"]
    assert FailedJobRegistry(queue=mine).get_job_ids() == []

    SimpleWorker([mine], connection=mine.connection).work(burst=True, logging_level="CRITICAL")
    assert FinishedJobRegistry(queue=mine).get_job_ids() == ["task-1-1-0"]
    assert mine.fetch_job("task-1-1-0").return_value() == 2.0


def test_a_site_counts_its_own_workers_alone():
    mine, theirs = client("mine"), client("theirs")
    worker = Worker([Queue("documents", connection=theirs)], connection=theirs, name="w")
    worker.register_birth()
    assert Worker.all_keys(connection=theirs) == ["rq:worker:w"]
    assert Worker.count(connection=mine) == 0
    worker.register_death()


def test_a_command_reaches_the_workers_of_the_same_site_alone():
    mine, theirs = client("mine").pubsub(), client("theirs").pubsub()
    heard = []
    for listener, name in ((mine, "mine"), (theirs, "theirs")):
        listener.subscribe(
            **{"rq:pubsub:w": lambda message, name=name: heard.append((name, message["channel"]))}
        )
        listener.get_message(timeout=1)
    client("mine").publish("rq:pubsub:w", "stop")
    for listener in (mine, theirs):
        listener.get_message(timeout=0.3)
        listener.close()
    assert heard == [("mine", b"rq:pubsub:w")]


def test_what_is_no_name_of_rq_passes_unchanged(everything):
    redis = client("mine")
    with redis.pipeline() as pipe:
        pipe.set("other", "about rq:queue:documents")
        pipe.hset("rq:job:x", mapping={"description": "rq:said", "n": 1})
        pipe.hgetall("rq:job:x")
        answers = pipe.execute()
    assert redis.get("other") == b"about rq:queue:documents"
    assert answers[-1] == {b"description": b"rq:said", b"n": b"1"}
    assert list(redis.scan_iter("rq:*")) == [b"rq:job:x"]
    assert {"other", "mine:rq:job:x"} <= everything()


def test_the_dashboard_and_the_site_use_the_same_queue(db, admin_client):
    get_queue("documents").enqueue("documents.work.runner.run_task", 0, job_id="task-0-1-0")
    assert django_rq.get_queue("documents").get_job_ids() == ["task-0-1-0"]
    number = get_queues_map()["documents"]
    page = admin_client.get(reverse("admin:django_rq_jobs", args=[number])).content.decode()
    assert "task-0-1-0" in page
    assert StartedJobRegistry(queue=django_rq.get_queue("documents")).count == 0


def test_clearing_the_cache_takes_neither_the_queue_nor_another_sites_cache(settings):
    shared = {**settings.CACHES["default"], "LOCATION": PLAIN}
    settings.CACHES = {"default": shared, "other": {**shared, "KEY_PREFIX": "theirs:cache"}}
    get_queue("documents").enqueue("documents.work.runner.run_task", 0, job_id="task-0-1-0")
    caches["default"].set("a", 1)
    caches["other"].set("a", 2)

    caches["default"].clear()

    assert caches["default"].get("a") is None
    assert caches["other"].get("a") == 2
    assert get_queue("documents").get_job_ids() == ["task-0-1-0"]
    caches["other"].clear()


def prefix_of(**variables):
    """As a process with these variables has it."""
    code = "from ragsite import settings; print(settings.REDIS_PREFIX)"
    environment = {name: value for name, value in os.environ.items() if name != "REDIS_PREFIX"}
    environment |= {"SECRET_KEY": "one", "DATABASE_URL": "postgres://host/a", **variables}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_sites_with_another_key_or_database_have_another_prefix_and_processes_of_one_site_the_same():
    mine = prefix_of()
    assert mine == prefix_of(DATABASE_URL="postgres://pooler:6432/a", DIRECT_DATABASE_URL="postgres://host/a")
    assert len({mine, prefix_of(SECRET_KEY="two"), prefix_of(DATABASE_URL="postgres://host/b")}) == 3
    assert prefix_of(REDIS_PREFIX="house") == "house"
    assert "use letters" in prefix_of(REDIS_PREFIX="*")
