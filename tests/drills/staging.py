"""The site as it runs in production: its own PostgreSQL and Redis, the Procfile's lines under bin/keep, a provider on loopback.

Drills look at it from outside only: by HTTP, by SQL, by Redis' own commands and by signals.
"""

from __future__ import annotations

import math
import os
import re
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

import psycopg
from redis import Redis
from redis.exceptions import RedisError

from ragsite import embedded
from ragsite.redis import prefixing_client
from tests.drills import CannotBeStaged
from tests.drills.people import PASSWORD, Person
from tests.support.fake_openai import KEY, FakeOpenAI

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = ["alice", "bob"]
OPERATOR = "olga"
PREFIX = "drills"
QUEUES = ["documents", "fetch", "summaries"]
PREPARE = f"""
import django
django.setup()
from django.core.management import call_command
call_command("migrate", interactive=False, verbosity=0)
call_command("collectstatic", interactive=False, verbosity=0)
from ragsite.accounts.models import User
User.objects.create_superuser({OPERATOR!r}, password={PASSWORD!r})
for name in {PEOPLE!r}:
    User.objects.create_user(name, password={PASSWORD!r})
"""


class Watcher:
    """Runs `_watch` in a thread during the block; it polls until `is_over` is set."""

    def __init__(self):
        self.is_over = threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *args):
        self.is_over.set()
        self.thread.join()

    def _watch(self):
        raise NotImplementedError


def until(condition, seconds, every=0.1):
    """How many seconds it took until the condition held; infinity when it did not in the time. A server that is away is no yes."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        with suppress(psycopg.OperationalError, RedisError, OSError):
            if condition():
                return time.monotonic() - began
        time.sleep(every)
    return math.inf


class Kept:
    """One line of the Procfile, running; started again by bin/keep when it ends, unless it was asked not to be."""

    def __init__(self, stage, line, *, is_kept=True, **variables):
        self.is_kept = is_kept
        name = line.split()[0] if line.startswith("/") else re.sub(r"\W+", "-", line)[-40:]
        self.log = stage.var / "log" / f"{name}-{secrets.token_hex(2)}.log"
        keep = [sys.executable, "-S", "bin/keep", "--with", str(os.getpid()), line]
        words = keep if is_kept else ["/bin/sh", "-c", f"exec {line}"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                words,
                cwd=ROOT,
                env=stage.environment | variables,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self):
        """The process itself, whose number changes when it is started again; None between two lives."""
        if not self.is_kept:
            return self.process.pid if is_alive(self.process.pid) else None
        return next(iter(children_of(self.process.pid)), None)

    @property
    def horse(self):
        """The process in which a worker runs its job, if it runs one."""
        pid = self.pid
        return (
            next((child for child in children_of(pid) if "sandbox.server" not in command_of(child)), None)
            if pid
            else None
        )

    def kill(self, *, with_horse=True):
        """kill -9."""
        pid, horse = self.pid, self.horse
        for number in filter(None, [pid, horse if with_horse else None]):
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)

    def stop(self):
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM) if not self.is_kept else self.process.terminate()
        try:
            self.process.wait(25)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)


class Stage:
    """Everything that a drill may break. `with Stage(folder) as stage` starts it; `stage.set_up()` mends it."""

    def __init__(self, var, *, is_quick=False):
        if not Path("/proc/self/stat").exists():
            raise CannotBeStaged("needs /proc to find processes")
        self.var, self.is_quick = Path(var), is_quick
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.fake = FakeOpenAI()
        self.running = {"web": [], "worker": [], "clock": []}
        self.variables = {}
        self.calm_times = {}
        self.sessions = {}  # cookies by name: signing in takes a second of work

    def __enter__(self):
        try:
            urls = embedded.start(self.var)
        except embedded.CannotStart as problem:
            raise CannotBeStaged(str(problem)) from None
        self.fake.start()
        self.database_url = urls["DATABASE_URL"]
        self.redis = prefixing_client(urls["REDIS_URL"], PREFIX, socket_timeout=5)
        self.cache = Redis.from_url(urls["REDIS_URL"].replace("db=0", "db=1"), socket_timeout=5)
        self.environment = self._environment(urls)
        subprocess.run([sys.executable, "-c", PREPARE], cwd=ROOT, env=self.environment, check=True)
        return self

    def __exit__(self, *args):
        for name in self.running:
            self.have(name, 0)
        self.fake.stop()
        embedded.discard(self.var)

    def _environment(self, urls):
        outside = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OPENAI", "EMBEDDING", "LLM_"))
        }
        return outside | urls | {
            "DJANGO_SETTINGS_MODULE": "ragsite.settings",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            "RAGSITE_VAR": str(self.var),
            "SECRET_KEY": secrets.token_urlsafe(50),
            "REDIS_PREFIX": PREFIX,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": self.fake.url,
            "CHAT_MODEL": "gpt-4.1-mini",
            "EMBEDDING_MODEL": "text-embedding-3-small",
            "PYTHONUNBUFFERED": "1",
            "MALLOC_ARENA_MAX": "2",
            "DEBUG": "False",
            "ALLOWED_HOSTS": "",
        }  # fmt: skip

    # --- processes

    @cached_property
    def lines(self):
        return dict(re.findall(r"^(\w+): (.+)$", (ROOT / "Procfile").read_text(), re.MULTILINE))

    def have(self, name, count, *, is_kept=True, **variables):
        """So many processes of that line of the Procfile, no more and no less; gives them."""
        processes = self.running[name]
        while len(processes) > count:
            processes.pop().stop()
        line = (
            self.lines[name].replace("${HOST:-0.0.0.0}", "127.0.0.1").replace("${PORT:-8000}", str(self.port))
        )
        while len(processes) < count:
            processes.append(Kept(self, line, is_kept=is_kept, **variables))
        return processes

    def restart(self, name, **variables):
        """The processes of that line anew, with other settings; `have(name, 0)` afterwards, so that set_up starts the usual ones."""
        count = len(self.running[name])
        self.have(name, 0)
        self.have(name, count, **variables)
        if name == "web":
            until(self.is_up, 60)

    @property
    def workers(self):
        return self.running["worker"]

    def set_up(self):
        """Everything runs, nothing is stored and nothing is broken: how each drill finds it."""
        self.fake.control({"reset": True})
        self.start_servers()
        wanted = {"web": 1, "worker": 2, "clock": 1}
        for name in wanted:
            if any(not kept.is_kept or not is_alive(kept.process.pid) for kept in self.running[name]):
                self.have(name, 0)
        if self.workers and math.isinf(until(self.workers_are_known, 3)):
            self.have("worker", 0)  # a drill before made Redis forget them
        self.end_all_work()
        self.forget_everything()
        for name, count in wanted.items():
            self.have(name, count)
        if math.isinf(until(self.is_up, 60)):
            raise AssertionError(
                "The site did not come up:\n" + self.running["web"][0].log.read_text()[-800:]
            )

    def is_up(self):
        return self.visitor().get("/readyz").status == 200 and self.workers_are_known()

    def workers_are_known(self):
        return self.redis.scard("rq:workers") >= len(self.workers)

    def end_all_work(self):
        """Nothing runs any more: a job whose rows go away beneath it would be taken for part of the coming drill."""
        if self.workers:
            self.sql_without_rows(
                "update documents_task set state = 'cancelled', generation = generation + 1 where state = 'open'"
            )
            is_calm = until(lambda: not any(map(self.queued, QUEUES)) and not self.horses, 20)
            if math.isinf(is_calm):
                self.have("worker", 0)

    @property
    def horses(self):
        """The jobs' processes that run now."""
        return [horse for worker in self.workers if (horse := worker.horse)]

    def forget_everything(self):
        """No documents, no questions, no jobs; accounts, workers and the index's recipe stay."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute("set lock_timeout = '20s'")
            connection.execute(
                "truncate documents_task, documents_collection, documents_segment, documents_posting, qa_conversation cascade"
            )
        stale = [key for key in self.redis.scan_iter(count=1000) if not key.startswith(b"rq:worker")]
        if stale:
            self.redis.delete(*stale)
        self.cache.flushdb()

    # --- servers

    def start_servers(self):
        embedded.start(self.var)

    def crash_postgres(self):
        """An immediate shutdown: every connection is cut, nothing is written down, and the next start recovers."""
        os.kill(self.postgres_pid, signal.SIGQUIT)
        if math.isinf(until(lambda: not self.database_answers(), 10, every=0.02)):
            raise AssertionError("PostgreSQL did not end.")

    @property
    def postgres_pid(self):
        return int((embedded.Postgres(self.var).data / "postmaster.pid").read_text().split("\n")[0])

    def database_answers(self):
        try:
            self.sql("select 1")
        except psycopg.OperationalError:
            return False
        return True

    def kill_redis(self):
        """kill -9."""
        pid = self.redis.info("server")["process_id"]
        os.kill(pid, signal.SIGKILL)
        until(lambda: not is_alive(pid), 10, every=0.02)

    @contextmanager
    def redis_away(self):
        """Redis is killed, and started again when the block ends."""
        self.kill_redis()
        try:
            yield
        finally:
            embedded.start(self.var, postgres=False)

    # --- what can be seen

    def sql(self, query, *values):
        """Rows, as tuples."""
        with psycopg.connect(self.database_url, autocommit=True, connect_timeout=3) as connection:
            return connection.execute(query, values).fetchall()

    def sql_without_rows(self, statement):
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(statement)

    def pg(self, program, *words, names_database=True):
        """One of PostgreSQL's own programs, from beside the server."""
        found = embedded.Postgres(self.var).programs / program
        database = [f"--dbname={self.database_url}"] if names_database else []
        done = subprocess.run([found, *words, *database], capture_output=True, text=True, check=False)
        if done.returncode:
            raise AssertionError(f"{program}: {done.stderr[-500:]}")

    def value(self, query, *values):
        return self.sql(query, *values)[0][0]

    def count(self, state="ready"):
        return self.value("select count(*) from documents_document where state = %s", state)

    def has_settled(self, count):
        """Whether so many documents are there and none is still worked at."""
        settled = "select count(*) from documents_document where state in ('ready', 'failed', 'cancelled')"
        return self.value(settled) >= count and not self.value(
            "select count(*) from documents_document where state not in ('ready', 'failed', 'cancelled')"
        )

    def has_nothing_to_do(self):
        """Whether every task has come to its end, summaries among them."""
        return not self.value("select count(*) from documents_task where state = 'open'")

    def queued(self, name="documents"):
        return [job_id.decode() for job_id in self.redis.lrange(f"rq:queue:{name}", 0, -1)]

    def failed_jobs(self):
        return [job_id.decode() for job_id in self.redis.zrange("rq:failed:documents", 0, -1)]

    def inexact_documents(self):
        """How many documents have a chunk twice, one missing, or one of an outdated version."""
        return self.value(
            "select count(*) from documents_document d left join lateral ("
            " select count(*) as chunks, count(distinct start) as places, max(position) + 1 as positions,"
            " count(*) filter (where version_id is distinct from d.serving_id) as outdated"
            " from documents_chunk c where c.document_id = d.id) c on true"
            " where d.state = 'ready' and (c.chunks <> d.chunk_count or c.places <> c.chunks or c.positions <> c.chunks"
            " or c.chunks = 0 or c.outdated > 0)"
        )

    def visitor(self):
        """Somebody who is not signed in."""
        return Person(self)

    def person(self, name="alice"):
        """Somebody with an account, signed in."""
        if name not in self.sessions:
            self.sessions[name] = self.visitor().sign_in(name).cookies
        person = self.visitor()
        person.cookies = self.sessions[name]
        return person

    def calm_time(self, count, late):
        """How long so many documents take with nothing broken: measured once, now, on this machine."""
        if (count, late) not in self.calm_times:
            self.set_up()
            self.fake.fault("late", seconds=late, on="embeddings")
            alice, began = self.person(), time.monotonic()
            answers = alice.upload_each(texts(count, "calm"))
            if refused := [answer.status for answer in answers if answer.status != 200]:
                raise AssertionError(f"Uploads of the calm run were answered {refused}.")
            if math.isinf(until(lambda: self.count() == count, 300)):
                raise AssertionError("The calm run did not end.")
            self.calm_times[count, late] = time.monotonic() - began
            self.set_up()
        return self.calm_times[count, late]


def texts(count, about="drill"):
    """Small documents by name, each of three passages and unlike the others."""
    return {f"{about}-{number}.txt": text_about(f"{about}{number}") for number in range(count)}


def text_about(word, sentences=90):
    line = "The {word} of shelf {n} was counted in the year {year} and weighs {weight} grams with its box."
    return "\n\n".join(
        line.format(word=word, n=n, year=1700 + n, weight=n * 37) for n in range(sentences)
    ).encode()


def children_of(pid):
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            if (
                entry.name.isdigit()
                and int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid
            ):
                found.append(int(entry.name))
    return [child for child in sorted(found) if is_alive(child)]


def command_of(pid):
    try:
        return shlex.join(Path(f"/proc/{pid}/cmdline").read_text().split("\0"))
    except OSError:
        return ""


def is_alive(pid):
    """Running; a process that has ended and waits to be noticed is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
