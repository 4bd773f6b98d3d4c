"""A lock that allows one bin/dev per folder: a second one waits while the first shuts down, and exits otherwise."""

import fcntl
import json
import os
import sys
import time
from pathlib import Path
from typing import NoReturn, TextIO

GRACE = 1.5  # seconds; the first may just have received its signal
MAX_WAIT = 60.0
TICK = 0.1


class Turn:
    """A file lock, released when this process and its forked children have ended."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.file = file.open("a+")

    def acquire(self) -> None:
        """Return once no other bin/dev runs in this folder. Exits with a message if one keeps running."""
        began, has_printed = time.monotonic(), False
        while not _is_locked_by_us(self.file):
            waited, earlier = time.monotonic() - began, self._earlier()
            if waited > MAX_WAIT or (waited > GRACE and not _is_ending(earlier)):
                _refuse(earlier)
            if not has_printed and _is_ending(earlier):
                print("Waiting for the previous bin/dev to shut down ...", flush=True)
                has_printed = True
            time.sleep(TICK)
        self.record()

    def record(self, **values: object) -> None:
        """Store the process id and details for the next bin/dev, such as port and shutdown."""
        self.file.seek(0)
        self.file.truncate()
        self.file.write(json.dumps({"pid": os.getpid(), **values}))
        self.file.flush()

    def _earlier(self) -> dict[str, object]:
        self.file.seek(0)
        try:
            found = json.loads(self.file.read())
        except ValueError:  # being written right now
            return {}
        return found if isinstance(found, dict) else {}


def _is_locked_by_us(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_ending(earlier: dict[str, object]) -> bool:
    if earlier.get("is_ending"):
        return True
    pid = earlier.get("pid")
    if not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:  # killed: its children are shutting down
        return True
    except PermissionError:
        pass
    return False


def _refuse(earlier: dict[str, object]) -> NoReturn:
    place = f" at http://localhost:{earlier['port']}" if earlier.get("port") else ""
    number = f" (process {earlier['pid']})" if earlier.get("pid") else ""
    print(
        f"bin/dev is already running{place}{number}. Stop it with Ctrl-C first,"
        " or set RAGSITE_VAR to another folder to run a second site.",
        file=sys.stderr,
    )
    sys.exit(1)
