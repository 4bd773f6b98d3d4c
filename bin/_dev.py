"""Start the embedded servers, prepare the database and static files, and run the Procfile under honcho until Ctrl-C."""

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
READY_SECONDS = 60
MAX_LOG_BYTES = 20_000_000


def start() -> int:
    turn = Turn(_setup.var_folder() / "dev.lock")
    turn.acquire()
    wanted = {"postgres": not _setup.setting("DATABASE_URL"), "redis": not _setup.setting("REDIS_URL")}
    try:
        start_servers(wanted)
        prepare()
        return run_procfile(turn)
    finally:
        turn.record(is_ending=True)
        stop_servers(wanted)


def stop() -> int:
    try:
        embedded.stop(_setup.var_folder())
    except embedded.CannotStart as problem:
        _setup.show_failure(str(problem), problem.log)
    print("PostgreSQL and Redis have been stopped.")
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
    """Migrate and collect static files, unless the last start did so for the same files and database."""
    if (wanted := current_fingerprint()) != prepared_fingerprint():
        command = [sys.executable, "bin/_prepare.py", wanted]
        _setup.step("Migrating the database and collecting static files", "prepare.log", command)


def current_fingerprint() -> str:
    """A hash of everything that determines the tables and the static files."""
    named = [_setup.ROOT / name for name in (".env", "requirements.txt", "ragsite/settings.py")]
    patterns = ("*/migrations/*.py", "ragsite/*/migrations/*.py", "ragsite/configuration/*.py")
    found = [*named, *(file for pattern in patterns for file in _setup.ROOT.glob(pattern))]
    found += [file for file in _setup.ROOT.glob("static/**/*") if file.is_file()]
    stats = [
        (str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in sorted(found) if file.exists()
    ]
    places = [_setup.setting(name) for name in ("DATABASE_URL", "STATIC_ROOT", "DEBUG")]
    return hashlib.sha256(repr((stats, places)).encode()).hexdigest()


def prepared_fingerprint() -> str:
    """The fingerprint of the last start; empty if the database or the static files have changed since."""
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
        print(
            f"{name} keeps running because another process is connected to it. Stop it with `bin/dev stop`."
        )


class Processes(honcho.manager.Manager):
    """A honcho manager that records its shutdown, and that can be terminated while it starts."""

    def __init__(self, printer: Printer, turn: Turn) -> None:
        super().__init__(printer)
        self.turn = turn
        self.should_terminate = False

    def terminate(self) -> None:
        self.should_terminate = True
        self.turn.record(is_ending=True)
        if super()._all_started():  # otherwise honcho has no process to signal yet
            super().terminate()

    def _all_started(self) -> bool:
        has_started = super()._all_started()
        if has_started and self.should_terminate:
            super().terminate()
        return has_started


def run_procfile(turn: Turn) -> int:
    # bin/keep gives a process time to end; honcho must not kill bin/keep before.
    honcho.manager.KILL_WAIT = 18
    port = free_port(wanted_port())
    turn.record(port=port)
    lines = parse_procfile((_setup.ROOT / "Procfile").read_text()).processes
    del lines["release"]  # prepare() has done its work
    code = _setup.setting("SETUP_CODE") or new_code()
    variables = environment(port, code)
    with open_log() as log:
        manager = Processes(Announcer(log, port, code), turn)
        for process in expand_processes(lines, concurrency={"worker": WORKERS}, env=variables):
            keep = [sys.executable, "-S", "bin/keep", "--with", str(os.getpid()), process.cmd]
            manager.add_process(process.name, f"exec {shlex.join(keep)}", env=variables, cwd=str(_setup.ROOT))
        # A closed terminal ends the site like SIGTERM.
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        manager.loop()
    # Ctrl-C and SIGTERM are normal exits.
    return 0 if manager.returncode in (130, 143) else manager.returncode or 0


def new_code() -> str:
    """A set-up code for this start, shown in the terminal only."""
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
    """PORT, or 8000. Exits with a message if it is not a port number."""
    value = _setup.setting("PORT") or "8000"
    if not (value.isdecimal() and len(value) < 6 and 1 <= int(value) <= 65_535):
        _setup.show_failure(f"PORT is {value!r}; it must be a whole number from 1 to 65535.", None)
    return int(value)


def free_port(first: int) -> int:
    """The first free port from here on. It must be free on ::1 too, which localhost may resolve to first."""
    port = next(port for port in range(first, 65_536) if is_free(port))
    if port != first:
        print(f"Port {first} is in use; using {port} instead.")
    return port


def is_free(port: int) -> bool:
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, ""), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except OSError as problem:  # a machine without IPv6 reports another error
            if problem.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
    return True


def open_log() -> TextIO:
    log = _setup.log_folder() / "dev.log"
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    return log.open("a")


class Announcer(Printer):
    """Print the output of the processes, copy it to a log, and announce the address when the site responds."""

    def __init__(self, log: TextIO, port: int, code: str) -> None:
        super().__init__(sys.stdout)
        self.code = code
        self.copy = Printer(log, time_format="%Y-%m-%d %H:%M:%S")
        self.port = port
        self.is_watching = False

    def write(self, message: Message) -> None:
        # The first line arrives after all processes were forked; threads are safe from now on.
        if not self.is_watching:
            self.is_watching = True
            threading.Thread(target=self._announce, daemon=True).start()
        self.copy.width = self.width
        with suppress(OSError):  # a full disk
            self.copy.write(message)
        try:
            super().write(message)
        except OSError:  # the terminal is closed; the log continues
            self.output = io.StringIO()

    def _announce(self) -> None:
        is_ready = False
        while not is_ready and time.monotonic() - STARTED < READY_SECONDS:
            time.sleep(0.1)
            is_ready = self._answers()
        seconds = time.monotonic() - STARTED
        if is_ready:
            text = f"ragsite is ready at {self._address()} after {seconds:.1f} s. Press Ctrl-C to stop."
        else:
            text = f"The site has not responded after {seconds:.0f} s. See its output in {_setup.log_folder() / 'dev.log'}"
        print(f"\n    {text}\n", flush=True)

    def _answers(self) -> bool:
        return self._get("/healthz")[0] == 200

    def _address(self) -> str:
        """The address of the site, or of the set-up page with its code if there is no account yet."""
        site = f"http://localhost:{self.port}"
        prefix = _setup.setting("URL_PREFIX").strip("/")
        _status, location = self._get("/account/login/")
        if urlsplit(location).path.endswith("/account/setup/"):
            return f"{site}{urlsplit(location).path}?code={self.code}"
        return f"{site}/{prefix}/" if prefix else site

    def _get(self, path: str) -> tuple[int, str]:
        """Status and Location header; (0, "") if there is no response."""
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
    except KeyboardInterrupt:  # before the processes run; later honcho handles it
        sys.exit(130)
