"""Run a function that may crash or take too long in a forked process."""

import os
import resource
import signal
import sys
from collections.abc import Callable


def run_forked(function: Callable[[], str], *, cpu_seconds: int) -> str:
    """Return the function's result, or "" if it raises, exceeds the CPU time or runs out of memory."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _run(function, writer, cpu_seconds)
    os.close(writer)
    with open(reader, "rb") as answers:
        answer = answers.read()
    _, status = os.waitpid(pid, 0)
    return answer.decode(errors="replace") if status == 0 else ""


def _run(function: Callable[[], str], writer: int, cpu_seconds: int) -> None:
    code = 1
    try:
        if sys.platform == "linux":
            die_with_parent()
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        with open(writer, "wb") as answer:
            answer.write(function().encode(errors="replace"))
        code = 0
    finally:
        os._exit(code)


def die_with_parent() -> None:
    """Have Linux kill this process when its parent exits."""
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, linux/prctl.h
