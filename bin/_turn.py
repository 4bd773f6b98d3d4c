"""One bin/dev at a time for a folder: a second one waits for one that is ending, and says where one runs that is not."""

import fcntl
import json
import os
import sys
import time
from pathlib import Path
from typing import NoReturn, TextIO

GRACE = 1.5  # seconds: it may have been told to end just now
MAX_WAIT = 60.0
TICK = 0.1


class Turn:
    """Held until this process, and those it has forked, are gone."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.file = file.open("a+")

    def take(self) -> None:
        """Return once no other one runs here; exits with a sentence where one does and goes on."""
        began, has_said = time.monotonic(), False
        while not _is_locked_by_us(self.file):
            waited, earlier = time.monotonic() - began, self._earlier()
            if waited > MAX_WAIT or (waited > GRACE and not _is_ending(earlier)):
                _refuse(earlier)
            if not has_said and _is_ending(earlier):
                print("Waiting for the earlier bin/dev to end ...", flush=True)
                has_said = True
            time.sleep(TICK)
        self.note()

    def note(self, **values: object) -> None:
        """For the next one: who runs here, where, and that it is ending."""
        self.file.seek(0)
        self.file.truncate()
        self.file.write(json.dumps({"pid": os.getpid(), **values}))
        self.file.flush()

    def _earlier(self) -> dict[str, object]:
        self.file.seek(0)
        try:
            found = json.loads(self.file.read())
        except ValueError:  # it is being written
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
    except ProcessLookupError:  # killed: what it started is ending
        return True
    except PermissionError:
        pass
    return False


def _refuse(earlier: dict[str, object]) -> NoReturn:
    place = f" at http://localhost:{earlier['port']}" if earlier.get("port") else ""
    number = f" (process {earlier['pid']})" if earlier.get("pid") else ""
    print(
        f"bin/dev runs here already{place}{number}. End that one with Ctrl-C first,"
        " or set RAGSITE_VAR to another folder for a second site.",
        file=sys.stderr,
    )
    sys.exit(1)
