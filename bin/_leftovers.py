"""End all descendants of a process: orphans are re-parented to this process and killed (Linux only)."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Collection
from contextlib import suppress

TICK = 0.02


def adopt_orphans() -> None:
    if sys.platform == "linux":
        # PR_SET_CHILD_SUBREAPER: the orphans of a killed child become children of this process.
        ctypes.CDLL(None).prctl(36, 1)


def end_with_parent(number: int = signal.SIGTERM) -> None:
    """For preexec_fn: end the child with its parent, even after kill -9."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, number)  # PR_SET_PDEATHSIG


def kill_leftovers(but: Collection[int] = ()) -> None:
    """Kill all children except `but`, and the orphans that this creates, until none is left."""
    while found := [pid for pid in children() if pid not in but]:
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(TICK)


def children() -> list[int]:
    """The process ids of all children, zombies included."""
    names = os.listdir("/proc") if os.path.isdir("/proc") else []
    return [int(name) for name in names if name.isdigit() and _parent_of(name) == os.getpid()]


def _parent_of(pid: str) -> int | None:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return int(stat.read().rpartition(")")[2].split()[1])
    except OSError:
        return None
