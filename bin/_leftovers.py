"""Nothing that a process started stays behind it: whose parent is gone becomes a child of ours, and can be ended (Linux only)."""

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
        # PR_SET_CHILD_SUBREAPER: the children of a killed child become ours.
        ctypes.CDLL(None).prctl(36, 1)


def end_with_parent(number: int = signal.SIGTERM) -> None:
    """For preexec_fn: even a kill -9 of the parent leaves nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, number)  # PR_SET_PDEATHSIG


def kill_leftovers(but: Collection[int] = ()) -> None:
    """Kill every child of this process but those, and what becomes its child by that, until none is left."""
    while found := [pid for pid in children() if pid not in but]:
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(TICK)


def children() -> list[int]:
    """By their numbers; those that ended and were not waited for are among them."""
    names = os.listdir("/proc") if os.path.isdir("/proc") else []
    return [int(name) for name in names if name.isdigit() and _parent_of(name) == os.getpid()]


def _parent_of(pid: str) -> int | None:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return int(stat.read().rpartition(")")[2].split()[1])
    except OSError:
        return None
