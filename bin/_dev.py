"""Starts the servers that are not given, prepares the site, and runs the Procfile under honcho until Ctrl-C."""

import base64
import errno
import hashlib
import http.client
import io
import json
import os
import secrets
import shlex
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

import _setup
import honcho.manager
from _turn import Turn
from honcho.environ import expand_processes, parse_procfile
from honcho.printer import Message, Printer

sys.path.insert(0, str(_setup.ROOT))
from ragsite import embedded

STARTED = time.monotonic()
WORKERS = 2
SECONDS_AHEAD = 1.5  # that the web process has of the others
SECONDS_TO_ANSWER = 60
MAX_LOG_BYTES = 20_000_000


def start() -> int:
    turn = Turn(_setup.var_folder() / "dev.lock")
    turn.take()
    wanted = {"postgres": not _setup.setting("DATABASE_URL"), "redis": not _setup.setting("REDIS_URL")}
    try:
        start_servers(wanted)
        prepare()
        return run_procfile(turn)
    finally:
        turn.note(is_ending=True)
        stop_servers(wanted)


def stop() -> int:
    try:
        embedded.stop(_setup.var_folder())
    except embedded.CannotStart as problem:
        _setup.show_failure(str(problem), problem.log)
    print("PostgreSQL and Redis of this folder are stopped.")
    return 0


def start_servers(wanted: dict[str, bool]) -> None:
    if not any(wanted.values()):
        return
    names = [name for name, key in (("PostgreSQL", "postgres"), ("Redis", "redis")) if wanted[key]]
    print(f"Starting {' and '.join(names)} ... ", end="", flush=True)
    started = time.monotonic()
    try:
        embedded.start(_setup.var_folder(), **wanted)
    except embedded.CannotStart as problem:
        print("failed", flush=True)
        _setup.show_failure(str(problem), problem.log)
    print(f"{time.monotonic() - started:.1f} s", flush=True)


def prepare() -> None:
    """Migrate and collect, unless the last start did so with the same files for the same database."""
    if (wanted := what_to_prepare()) != what_is_prepared():
        command = [sys.executable, "bin/_prepare.py", wanted]
        _setup.step("Preparing the database and the files", "prepare.log", command)


def what_to_prepare() -> str:
    """A fingerprint of all that the tables and the static files are made from."""
    named = [_setup.ROOT / name for name in (".env", "requirements.txt", "ragsite/settings.py")]
    found = [*named, *_setup.ROOT.glob("*/migrations/*.py"), *_setup.ROOT.glob("ragsite/*/migrations/*.py")]
    found += [file for file in _setup.ROOT.glob("static/**/*") if file.is_file()]
    stats = [
        (str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in sorted(found) if file.exists()
    ]
    places = [_setup.setting(name) for name in ("DATABASE_URL", "STATIC_ROOT", "DEBUG")]
    return hashlib.sha256(repr((stats, places)).encode()).hexdigest()


def what_is_prepared() -> str:
    """The fingerprint of the last time; empty where our database or the files are not what they were then."""
    static = Path(_setup.setting("STATIC_ROOT") or _setup.var_folder() / "static")
    try:
        prepared = json.loads((_setup.var_folder() / "prepared.json").read_text())
        applied = embedded.ask_database(_setup.var_folder(), "select count(*) from django_migrations")
    except (OSError, ValueError):
        return ""
    is_unchanged = static.exists() and applied == str(prepared["migrations"])
    return prepared["of"] if is_unchanged and not _setup.setting("DATABASE_URL") else ""


def stop_servers(wanted: dict[str, bool]) -> None:
    for name in embedded.stop_unless_used(_setup.var_folder(), **wanted):
        print(f"{name} goes on: another process is connected to it. `bin/dev stop` stops it.")


class Processes(honcho.manager.Manager):
    """Honcho's, that notes when it begins to end, and can be told to while it is starting."""

    def __init__(self, printer: Printer, turn: Turn) -> None:
        super().__init__(printer)
        self.turn = turn
        self.shall_end = False

    def terminate(self) -> None:
        self.shall_end = True
        self.turn.note(is_ending=True)
        if super()._all_started():  # else honcho does not know yet whom to tell
            super().terminate()

    def _all_started(self) -> bool:
        has_started = super()._all_started()
        if has_started and self.shall_end:
            super().terminate()
        return has_started


def run_procfile(turn: Turn) -> int:
    # bin/keep gives a process fifteen seconds to end: honcho must not be faster.
    honcho.manager.KILL_WAIT = 18
    port = free_port(wanted_port())
    turn.note(port=port)
    lines = parse_procfile((_setup.ROOT / "Procfile").read_text()).processes
    del lines["release"]  # has been done
    code = _setup.setting("SETUP_CODE") or new_code()
    variables = environment(port, code)
    with open_log() as log:
        manager = Processes(Announcer(log, port, code), turn)
        for process in expand_processes(lines, concurrency={"worker": WORKERS}, env=variables):
            keep = [sys.executable, "-S", "bin/keep", "--with", str(os.getpid()), process.cmd]
            manager.add_process(process.name, f"exec {shlex.join(keep)}", env=variables, cwd=str(_setup.ROOT))
        signal.signal(
            signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM)
        )  # the terminal was closed
        manager.loop()
    # Ctrl-C is how it is meant to end.
    return 0 if manager.returncode in (130, 143) else manager.returncode or 0


def new_code() -> str:
    """What the first visitor of this start must bring; whoever sees this terminal can."""
    text = base64.b32encode(secrets.token_bytes(8)).decode()[:12]
    return "-".join((text[:4], text[4:8], text[8:]))


def environment(port: int, code: str) -> dict[str, str]:
    path = os.pathsep.join([str(_setup.VENV / "bin"), os.environ.get("PATH", os.defpath)])
    host = _setup.setting("HOST") or "127.0.0.1"
    # Fewer malloc arenas: a third less memory in processes with threads.
    return os.environ | {
        "PATH": path,
        "HOST": host,
        "PORT": str(port),
        "SETUP_CODE": code,
        "PYTHONUNBUFFERED": "1",
        "MALLOC_ARENA_MAX": "2",
    }


def wanted_port() -> int:
    """PORT, else 8000; ends with a sentence where that is no port."""
    value = _setup.setting("PORT") or "8000"
    if not (value.isdecimal() and len(value) < 6 and 1 <= int(value) <= 65_535):
        _setup.show_failure(f"PORT is {value!r}; write a whole number from 1 to 65535.", None)
    return int(value)


def free_port(first: int) -> int:
    """The first port from here on that nobody has: also not on ::1, which localhost may mean before 127.0.0.1."""
    port = next(port for port in range(first, 65_536) if is_free(port))
    if port != first:
        print(f"Port {first} is taken; this site takes {port}.")
    return port


def is_free(port: int) -> bool:
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, ""), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except OSError as problem:  # a machine without IPv6 gives another number
            if problem.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
    return True


def open_log() -> TextIO:
    log = _setup.log_folder() / "dev.log"
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    return log.open("a")


class Announcer(Printer):
    """Prints what the processes say, keeps a copy in a log, and tells when and where the site answers."""

    def __init__(self, log: TextIO, port: int, code: str) -> None:
        super().__init__(sys.stdout)
        self.code = code
        self.copy = Printer(log, time_format="%Y-%m-%d %H:%M:%S")
        self.port = port
        self.is_watching = False

    def write(self, message: Message) -> None:
        if (
            not self.is_watching
        ):  # the first line comes when every process has been forked: only now may there be threads
            self.is_watching = True
            threading.Thread(target=self._announce, daemon=True).start()
        self.copy.width = self.width
        with suppress(OSError):  # a full disk
            self.copy.write(message)
        try:
            super().write(message)
        except OSError:  # the terminal is gone; the log goes on
            self.output = io.StringIO()

    def _announce(self) -> None:
        has_answered = False
        while not has_answered and time.monotonic() - STARTED < SECONDS_TO_ANSWER:
            time.sleep(0.1)
            has_answered = self._answers()
        seconds = time.monotonic() - STARTED
        if has_answered:
            text = f"ragsite is ready at {self._address()} after {seconds:.1f} s. Ctrl-C stops it."
        else:
            text = f"The site has not answered for {seconds:.0f} s. What it said is in {_setup.log_folder() / 'dev.log'}"
        print(f"\n    {text}\n", flush=True)

    def _answers(self) -> bool:
        return self._get("/healthz")[0] == 200

    def _address(self) -> str:
        """Where to go: the site, or while there is no account the page that makes the first one, with its code."""
        site = f"http://localhost:{self.port}"
        prefix = _setup.setting("URL_PREFIX").strip("/")
        _status, leads_to = self._get("/account/login/")
        if urlsplit(leads_to).path.endswith("/account/setup/"):
            return f"{site}{urlsplit(leads_to).path}?code={self.code}"
        return f"{site}/{prefix}/" if prefix else site

    def _get(self, path: str) -> tuple[int, str]:
        """Status, and where it leads to; (0, "") while nothing answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path, headers={"Host": "localhost"})
            answer = connection.getresponse()
            return answer.status, answer.getheader("Location") or ""
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()


if __name__ == "__main__":
    try:
        sys.exit({"start": start, "stop": stop}[sys.argv[1]]())
    except KeyboardInterrupt:  # before the processes run; afterwards honcho listens
        sys.exit(130)
