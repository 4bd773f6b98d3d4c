"""Base class of the embedded servers: started once per folder, checked by connecting, stopped on request."""

import ctypes
import fcntl
import os
import pwd
import signal
import stat
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

from ragsite.embedded import record

MAX_SOCKET_PATH = 100  # the system's limit is 108 bytes on Linux, 104 on macOS
START_SECONDS = 120  # recovery after a crash can take long
TRIES = 20  # after kill -9 the server's children need a moment to exit


class CannotStart(Exception):
    """A server does not start. The message names the remedy; `log` is the server's log, if there is one."""

    def __init__(self, sentence: str, log: Path | None = None) -> None:
        super().__init__(sentence)
        self.log = log


class Answer(Enum):
    YES = "yes"
    NOT_YET = "not yet"
    NOBODY = "nobody"


class Server(ABC):
    """A server that belongs to the folder `var`."""

    name: str
    url_variable: str
    log_name: str

    def __init__(self, var: Path, temporary: bool = False) -> None:
        self.var = Path(var).resolve()
        self.temporary = temporary
        self.log = self.var / "log" / self.log_name
        self.user: int | None = None  # the user id to run as, if not the caller's

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
    def _shut_down(self) -> None: ...

    @abstractmethod
    def _finish(self) -> None:
        """Complete the set-up once the server answers."""

    @property
    def socket_folder(self) -> Path:
        """A private folder for the socket: in `home`, or under /tmp if that path is too long."""
        inside = self.home / "run"
        if len(os.fsencode(inside / self.socket_name)) < MAX_SOCKET_PATH:
            return inside
        return Path("/tmp") / f"ragsite-{record.short_hash(self.home)}"  # noqa: S108 - checked in _create_private_folder; TMPDIR may differ

    def start(self) -> None:
        """Start the server and wait until it answers. Raises CannotStart."""
        with self._locked():
            if self._ask() is not Answer.YES:
                self._prepare()
                self._start_and_wait()
            self._finish()
            record.write(
                self.var, {"var": str(self.var), self.url_variable: self.url, self.log.stem: str(self.home)}
            )

    def stop(self) -> None:
        """Stop the server and wait until it no longer answers."""
        with self._locked():
            if self._ask() is Answer.NOBODY:
                return
            self._shut_down()
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
                f"{self.var} belongs to another user. Run this as that user, or set RAGSITE_VAR to a folder of your own."
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
                start_new_session=True,  # so that Ctrl-C in the terminal does not reach the server
                preexec_fn=_end_with_parent if self.temporary else None,  # noqa: PLW1509 - one call into libc
                **self._as_user(),
            )

    def _as_user(self) -> dict[str, Any]:
        """Return arguments for subprocess. The other user may not have access to the current directory."""
        if self.user is None:
            return {"cwd": "/"}
        return {"cwd": "/", "user": self.user, "group": pwd.getpwuid(self.user).pw_gid, "extra_groups": []}

    def _create_private_folder(self, folder: Path) -> None:
        """Create a folder that only the server's user can access. Raises CannotStart if it belongs to another user."""
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


def _end_with_parent() -> None:
    if sys.platform == "linux":
        # PR_SET_PDEATHSIG; PostgreSQL handles SIGINT as a fast, clean shutdown.
        ctypes.CDLL(None).prctl(1, signal.SIGINT)
