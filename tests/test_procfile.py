"""The Procfile, a Python with the requirements and five variables are a deployment."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from django.conf import settings

from tests.settings import redis_database

ROOT = Path(__file__).resolve().parent.parent
HOST = "ragsite.example.com"
LEFT_OUT = (
    ".git",
    ".venv",
    "var",
    ".env",
    "tests",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
    "htmlcov",
    "bench",
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def database_url():
    """A database of the deployment's own, spelt as platforms spell it."""
    name = f"procfile_{uuid4().hex[:8]}"
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as connection:
        connection.execute(f'create database "{name}"')
        parts = urlsplit(settings.DATABASE_URL)
        query = "&".join(filter(None, [parts.query, "sslmode=prefer"]))
        yield parts._replace(scheme="postgres", path=f"/{name}", query=query).geturl()
        connection.execute(f'drop database "{name}" with (force)')


@pytest.fixture(scope="module")
def deployment(tmp_path_factory, database_url):
    """Call it with the name of a Procfile line: it runs in an empty copy, with five variables."""
    copy = tmp_path_factory.mktemp("deployment") / "app"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
    lines = dict(re.findall(r"^(\w+): (.+)$", (copy / "Procfile").read_text(), re.MULTILINE))
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
        "PORT": str(free_port()),
        "SECRET_KEY": uuid4().hex * 2,
        "ALLOWED_HOSTS": HOST,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_database(settings.REDIS_URL, 12),
    }
    processes = []

    def run(name):
        log = (copy.parent / f"{name}.log").open("w")
        process = subprocess.Popen(
            lines[name], shell=True, cwd=copy, env=environment, stdout=log, stderr=log, process_group=0
        )
        process.log, process.port = Path(log.name), environment["PORT"]
        processes.append(process)
        return process

    yield run
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def released(deployment):
    release = deployment("release")
    assert release.wait(timeout=120) == 0, release.log.read_text()


@pytest.fixture(scope="module")
def site(deployment, released):
    """All that runs, once the site answers: a function that fetches a path as the platform's router would."""
    processes = [deployment(name) for name in ("web", "worker", "clock")]

    def fetch(path):
        headers = {"Host": HOST, "X-Forwarded-Proto": "https"}
        request = urllib.request.Request(f"http://127.0.0.1:{processes[0].port}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()

    fetch.processes = processes
    wait_for(lambda: answers(fetch), processes[0].log.read_text)
    return fetch


def answers(fetch):
    try:
        return fetch("/healthz")[0] == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(question, log, seconds=60):
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline, log()
        time.sleep(0.2)


def test_the_release_makes_the_tables(released, database_url):
    with psycopg.connect(database_url) as connection:
        tables = {name for (name,) in connection.execute("select tablename from pg_tables")}

    assert {"documents_document", "documents_chunk", "qa_question"} <= tables


def test_the_first_page_and_its_static_files_are_served(site):
    status, page = site("/")
    style = re.search(r'href="(/static/[^"]+\.css)"', page)

    assert status == 200
    assert style, page
    assert site(style[1])[0] == 200


def test_a_worker_waits_for_jobs(site):
    wait_for(
        lambda: json.loads(site("/readyz")[1])["workers"] >= 1,
        site.processes[1].log.read_text,
        seconds=30,
    )


def test_every_process_runs_and_ends_when_the_platform_asks(site):
    time.sleep(1)
    for process in site.processes:
        assert process.poll() is None, process.log.read_text()

    for process in site.processes:
        os.killpg(process.pid, signal.SIGTERM)

    for process in site.processes:
        assert process.wait(timeout=20) is not None
        assert "Traceback" not in process.log.read_text()
