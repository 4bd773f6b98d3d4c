"""A worker survives an outage of Redis at its start, between jobs and during one, and loses no work."""

import os
import signal
import subprocess
import sys
import time

import pytest
from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from documents.models import State, Task
from documents.models.task import Kind, TaskState
from ragsite import embedded
from tests.support.factories import make_document
from tests.support.site import ROOT, database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SECONDS_OF_WORK = 4


class OwnRedis:
    """A Redis that a test may kill and start again."""

    def __init__(self, folder):
        self.folder = folder
        self.start()

    def start(self):
        self.url = embedded.start(self.folder, postgres=False, redis=True, temporary=True)["REDIS_URL"]

    def kill(self):
        pid = Redis.from_url(self.url).info("server")["process_id"]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not os.path.exists(f"/proc/{pid}") or not self.answers())

    def answers(self):
        try:
            return Redis.from_url(self.url).ping()
        except RedisError:
            return False


@pytest.fixture
def redis(tmp_path):
    yield OwnRedis(tmp_path)
    embedded.discard(tmp_path)


@pytest.fixture
def run(redis, tmp_path, fake_openai):
    """Call it with the words of a command: it runs beside the test, with that Redis."""
    processes = []

    def start(*words):
        environment = os.environ | {
            "DATABASE_URL": database_url(),
            "REDIS_URL": redis.url,
            "SECRET_KEY": settings.SECRET_KEY,
            "RAGSITE_VAR": str(tmp_path),
            "OCR": "False",
            "OPENAI_API_KEY": settings.OPENAI_API_KEY,
            "OPENAI_BASE_URL": settings.OPENAI_BASE_URL,
            "EMBEDDING_MODEL": settings.EMBEDDING_MODEL,
        }
        log = (tmp_path / f"{words[0]}.log").open("ab")
        processes.append(
            subprocess.Popen(
                [sys.executable, "manage.py", *words], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        )
        return processes[-1]

    yield start
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(20)


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.1)


def state_of(document):
    document.refresh_from_db()
    return document.state


def log_of(tmp_path):
    return (tmp_path / "rqworker.log").read_text()


def test_a_worker_lives_on_when_redis_goes_away_in_the_middle_of_its_job(redis, run, fake_openai, tmp_path):
    fake_openai.fault("late", seconds=SECONDS_OF_WORK, times=1, on="embeddings")
    document = make_document(text="It rains in Bergen nearly every day of the year.")
    worker, _clock = run("rqworker", "documents"), run("reconcile", "--loop")
    wait_for(lambda: state_of(document) == State.EMBEDDING)

    redis.kill()
    wait_for(lambda: state_of(document) == State.READY)  # the job came to its end, and its work is saved
    time.sleep(2)
    assert worker.poll() is None, log_of(tmp_path)

    redis.start()
    other = make_document(text="The harbour of Bergen is open all winter long.", name="harbour.txt")
    wait_for(lambda: state_of(other) == State.READY)
    assert worker.poll() is None
    assert Task.objects.get(document=document, kind=Kind.INDEX).state == TaskState.DONE
    assert "Traceback" not in log_of(tmp_path)


def test_a_worker_waits_for_a_redis_that_is_away_at_its_start_and_between_two_jobs(redis, run, tmp_path):
    redis.kill()
    worker, _clock = run("rqworker", "documents"), run("reconcile", "--loop")
    wait_for(lambda: "Redis is away" in log_of(tmp_path))
    redis.start()
    first = make_document(text="It rains in Bergen nearly every day of the year.")
    wait_for(lambda: state_of(first) == State.READY)

    redis.kill()
    time.sleep(2)
    redis.start()
    second = make_document(text="The harbour of Bergen is open all winter long.", name="harbour.txt")
    wait_for(lambda: state_of(second) == State.READY)
    assert worker.poll() is None, log_of(tmp_path)


def test_a_worker_that_waits_for_redis_ends_when_it_is_told_to(redis, run, tmp_path):
    worker = run("rqworker", "documents")
    wait_for(lambda: Redis.from_url(redis.url).keys("*rq:worker*"))

    redis.kill()
    time.sleep(1)
    worker.terminate()

    assert worker.wait(20) == 0, log_of(tmp_path)
    assert "Traceback" not in log_of(tmp_path)
