"""The site in production form: web server, worker and clock as separate processes, on the test's database and Redis."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
APPLICATION_NAME = (
    "site beside the tests"  # by which PostgreSQL tells its connections from those of the tests
)
SETUP_CODE = "K3QM-7XWD-PZ2A"  # as bin/dev would make it
LINES = {
    "web": [sys.executable, "-m", "uvicorn", "ragsite.asgi:application", "--lifespan", "on"],
    "worker": [sys.executable, "manage.py", "rqworker", "documents", "fetch", "ocr", "summaries"],
    "clock": [sys.executable, "manage.py", "reconcile", "--loop"],
}


class Site:
    """Start it with `with Site(tmp_path) as site`; `site.url` is where it answers, unless `lines` leaves out the web server."""

    def __init__(self, folder, lines=tuple(LINES), **variables):
        self.folder, self.lines = Path(folder), lines
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes = {}
        self.environment = os.environ | {
            "DATABASE_URL": database_url(),
            "REDIS_URL": settings.REDIS_URL,
            "REDIS_PREFIX": settings.REDIS_PREFIX,
            "SECRET_KEY": settings.SECRET_KEY,
            "RAGSITE_VAR": str(self.folder),
            "STATIC_ROOT": str(self.folder / "static"),
            "OPENBLAS_NUM_THREADS": "1",
            "DATABASE_POOL": "False",
            "PGAPPNAME": APPLICATION_NAME,
            "SETUP_CODE": SETUP_CODE,
            "OCR": "False",
            "OPENAI_API_KEY": "",
            "OPENAI_BASE_URL": "",
            "EMBEDDING_MODEL": "",
            **variables,
        }

    def __enter__(self):
        if "web" in self.lines:
            self.command("collectstatic", "--no-input", "--verbosity", "0")
        for name in self.lines:
            self.start(name)
        if "web" in self.lines:
            self.wait_until_it_answers()
        return self

    def __exit__(self, *args):
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        connection.close()

    def command(self, *words):
        subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, env=self.environment, check=True)

    def start(self, name, key=None, **variables):
        words = (
            [*LINES[name], "--host", "127.0.0.1", "--port", str(self.port)] if name == "web" else LINES[name]
        )
        log = (self.folder / f"{name}.log").open("ab")
        environment = self.environment | variables
        self.processes[key or name] = subprocess.Popen(
            words, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
        )

    def kill(self, name):
        """kill -9 of a process and of all it forked."""
        process = self.processes[name]
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def wait_until_it_answers(self, seconds=40):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise AssertionError(f"The site did not answer:\n{self.log('web')}")

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")


def database_url():
    """The test's database, as the site's processes reach it."""
    values = connection.settings_dict
    host = values["HOST"] or values["OPTIONS"].get("host", "")
    user = quote(values["USER"] or "postgres") + (
        f":{quote(values['PASSWORD'])}" if values["PASSWORD"] else ""
    )
    if host.startswith("/") or not host:
        return f"postgresql://{user}@/{values['NAME']}?host={quote(host, safe='/')}"
    return f"postgresql://{user}@{host}:{values['PORT'] or 5432}/{values['NAME']}"


def wait_for(condition, seconds=60, every=0.1):
    """The condition's first true value; AssertionError when it stays false that long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if value := condition():
            return value
        time.sleep(every)
    raise AssertionError("It did not happen in time.")


def accepts(place):
    """Whether a server takes connections at that socket: its file is there a moment before."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(place)) == 0
