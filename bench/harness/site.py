"""ragsite as it is deployed, in a temporary folder: the Procfile's lines, PostgreSQL and Redis, production settings."""

import http.client
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from bench.harness import processes
from bench.harness.person import Person
from ragsite import embedded
from ragsite.embedded.postgres import Postgres

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 60.0
OURS = ("OPENAI", "EMBEDDING", "LLM_", "CHAT_")  # what this machine has set for another site
# Without cached bytecode each process would compile the site again, which no deployment does.
DISCARDS_BYTECODE = "PYTHONDONTWRITEBYTECODE"
SIGN_IN = """
import json, sys
from django.test import Client
from ragsite.accounts.models import User
sessions = {{}}
for name in {names!r}:
    user, _ = User.objects.get_or_create(username=name, defaults={{"is_superuser": {operating}, "is_staff": {operating}}})
    client = Client()
    client.force_login(user)
    sessions[name] = client.cookies["ragsite_session"].value
print(json.dumps(sessions))
"""


class Site:
    """A deployed site as a context manager: `counts` says how many processes of each line of the Procfile run.

    PostgreSQL and Redis write to disk as in a deployment (fsync on), unless `is_durable` is False. `variables` are
    settings as in `.env.example`. At the end, also after Ctrl-C, everything is stopped and deleted; after an error the
    logs are kept, and their folder is printed.
    """

    def __init__(
        self, counts: Mapping[str, int] | None = None, is_durable: bool = True, /, **variables: str
    ) -> None:
        self.counts = {"web": 1, "worker": 2, "clock": 1} if counts is None else dict(counts)
        self.is_durable, self.variables = is_durable, variables
        self.var = Path(tempfile.mkdtemp(prefix="ragsite-bench-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.running: dict[str, list[subprocess.Popen[bytes]]] = {}

    def __enter__(self) -> Self:
        processes.be_interruptible()
        try:
            urls = embedded.start(self.var, temporary=not self.is_durable)
            self.database_url, self.redis_url = urls["DATABASE_URL"], urls["REDIS_URL"]
            self.environment = self._environment(urls)
            self._release()
            for name, count in self.counts.items():
                self.have(name, count)
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        processes.end(process for started in self.running.values() for process in started)
        embedded.discard(self.var)
        if kind is not None and issubclass(kind, Exception):
            kept = shutil.move(self.var / "log", tempfile.mkdtemp(prefix="ragsite-bench-log-"))
            print(f"The logs are in {kept}", file=sys.stderr)
        shutil.rmtree(self.var, ignore_errors=True)

    # --- processes

    def have(self, name: str, count: int, **variables: str) -> None:
        """Start or stop processes of this line of the Procfile until `count` run; `variables` are for the new ones."""
        started = self.running.setdefault(name, [])
        processes.end(started[count:])
        del started[count:]
        while len(started) < count:
            started.append(self._start(name, len(started), variables))
        if name == "web" and count:
            self.wait_until_ready()

    def wait_until_ready(self) -> float:
        """The seconds until /healthz answers; raises RuntimeError with the end of the log if it does not."""
        began = time.perf_counter()
        while time.perf_counter() - began < READY_SECONDS and self.running["web"][0].poll() is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            try:
                connection.request("GET", "/healthz")
                if connection.getresponse().status == HTTPStatus.OK:
                    return time.perf_counter() - began
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            time.sleep(0.02)
        raise RuntimeError(f"The site did not answer:\n{self.log('web')[-2000:]}")

    def pids(self, *names: str) -> list[int]:
        """The process ids of these lines, "postgres" and "redis"; without names of all of them."""
        started = {name: [process.pid for process in found] for name, found in self.running.items()}
        known = started | {"postgres": [self._postgres], "redis": [self._redis]}
        return [pid for name in names or known for pid in known.get(name, [])]

    def cpu_seconds(self, *names: str) -> float:
        """Processor time that these lines (or servers; without names all) have used, their descendants included."""
        return processes.cpu_seconds(self.pids(*names))

    def log(self, name: str, number: int = 0) -> str:
        return self._log_file(name, number).read_text(errors="replace")

    # --- people and commands

    def sign_in(self, name: str, *, operating: bool = False) -> Person:
        """A person with a session; the account is made if it is not there."""
        return self.sign_in_all([name], operating=operating)[0]

    def sign_in_all(self, names: list[str], *, operating: bool = False) -> list[Person]:
        """As sign_in(), for many people in one process: about 2 ms each."""
        sessions = json.loads(self.shell(SIGN_IN.format(names=names, operating=operating)))
        token = secrets.token_hex(16)
        return [
            Person(name, self.port, {"ragsite_session": sessions[name], "ragsite_csrf": token})
            for name in names
        ]

    def shell(self, code: str) -> str:
        """Run Python in `manage.py shell` and return what it prints; raises RuntimeError with its error."""
        return self.manage("shell", "--no-imports", "-c", code)

    def manage(self, *words: str) -> str:
        """Run a command of manage.py and return what it prints; raises RuntimeError with its error."""
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {words[0]}: {done.stderr[-2000:]}")
        return done.stdout

    # --- inside

    @cached_property
    def lines(self) -> dict[str, str]:
        """The Procfile, by name."""
        return dict(re.findall(r"^(\w+): (.+)$", (ROOT / "Procfile").read_text(), re.MULTILINE))

    @cached_property
    def _postgres(self) -> int:
        return int((Postgres(self.var).data / "postmaster.pid").read_text().split("\n")[0])

    @cached_property
    def _redis(self) -> int:
        """The process id of Redis, which tells it on its socket."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(urlsplit(self.redis_url).path)
            connection.sendall(b"INFO server\r\n")
            found = re.search(rb"process_id:(\d+)", connection.recv(65_536))
        assert found
        return int(found[1])

    def _environment(self, urls: dict[str, str]) -> dict[str, str]:
        outside = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        outside.pop(DISCARDS_BYTECODE, None)
        # Empty values keep those of a .env file out.
        without_provider = dict.fromkeys(("OPENAI_API_KEY", "OPENAI_BASE_URL", "EMBEDDING_MODEL"), "")
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        own: dict[str, Any] = {
            "PATH": path, "RAGSITE_VAR": self.var, "STATIC_ROOT": self.var / "static", "DEBUG": False,
            "SECRET_KEY": secrets.token_urlsafe(50), "HOST": "127.0.0.1", "PORT": self.port, "ALLOWED_HOSTS": "",
            "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        texts = {name: str(value) for name, value in own.items()}
        return outside | without_provider | urls | texts | self.variables

    def _release(self) -> None:
        release = self._start("release", 0, {}, prefix="")
        try:
            code = release.wait()
        finally:  # also after Ctrl-C: the shell would end, and migrate go on
            processes.end([release])
        if code:
            raise RuntimeError(f"The release failed:\n{self.log('release')[-2000:]}")

    def _start(
        self, name: str, number: int, variables: dict[str, str], prefix: str = "exec "
    ) -> subprocess.Popen[bytes]:
        """Start a line as a platform does, the leader of a group of its own; exec keeps the shell out of the tree."""
        with self._log_file(name, number).open("ab") as log:
            return subprocess.Popen(
                ["/bin/sh", "-c", f"{prefix}{self.lines[name]}"],
                cwd=ROOT, env=self.environment | variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def _log_file(self, name: str, number: int) -> Path:
        folder = self.var / "log"
        folder.mkdir(exist_ok=True)
        return folder / f"{name}-{number}.log"


def free_port() -> int:
    """A port on loopback that no program uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
