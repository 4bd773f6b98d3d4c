"""Process trees from /proc (Linux only): who belongs to one, the processor time it used, the memory it holds."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
MEGABYTE = 1_000_000
END_SECONDS = 25.0  # the Procfile's web process waits for running answers


def tree(pid: int) -> list[int]:
    """The process and all its descendants that are alive; empty if it is gone."""
    children: dict[int, list[int]] = {}
    for number in _process_ids():
        children.setdefault(_parent(number), []).append(number)
    found = [pid] if Path(f"/proc/{pid}").exists() else []
    for number in found:  # grows while it is read
        found.extend(children.get(number, []))
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of these trees, that of children who ended and were waited for included."""
    return sum(_ticks(number) for pid in pids for number in tree(pid)) / TICKS


def rss_megabytes(pids: Iterable[int]) -> float:
    """Resident memory of these trees in MB of 1,000,000 bytes; a page that processes share counts for each."""
    return sum(_status(number, "VmRSS") for pid in pids for number in tree(pid)) / MEGABYTE


def pss_megabytes(pids: Iterable[int]) -> float:
    """Resident memory of these trees in MB; a page that processes share is divided among them."""
    return sum(_proportional(number) for pid in pids for number in tree(pid)) / MEGABYTE


def peak_megabytes(pid: int) -> float:
    """The most that this one process ever held, in MB; 0 if it is gone."""
    return _status(pid, "VmHWM") / MEGABYTE


def end(processes: Iterable[subprocess.Popen[bytes]], seconds: float = END_SECONDS) -> None:
    """End these processes, each the leader of a group of its own: kindly, and after so many seconds for good."""
    for process in (started := list(processes)):
        signal_group(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    for process in started:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, deadline - time.monotonic()))
        signal_group(process.pid, signal.SIGKILL)
        process.wait()


def be_interruptible() -> None:
    """Raise KeyboardInterrupt on Ctrl-C and SIGTERM. A shell that starts this in the background has SIGINT ignored."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)


def ignore_interrupts() -> None:
    """Let nothing disturb the end: a second Ctrl-C or SIGTERM changes nothing."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def _process_ids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _parent(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def _ticks(pid: int) -> int:
    return sum(map(int, _stat(pid)[11:15]))


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may contain spaces; empty if the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _status(pid: int, field: str) -> int:
    """A field of /proc/PID/status in bytes."""
    return _kilobytes(Path(f"/proc/{pid}/status"), field) * 1024


def _proportional(pid: int) -> int:
    return _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss") * 1024


def _kilobytes(file: Path, field: str) -> int:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), 0)
