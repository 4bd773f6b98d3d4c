"""Work that may fail or take too long, in a process of its own beside the one that reads the document."""

import os
import resource
import signal
import sys
from collections.abc import Callable


def done_aside(work: Callable[[], str], *, cpu_seconds: int) -> str:
    """What the work gives; "" if it fails, needs more processor time or does not fit the memory that is left."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _work(work, writer, cpu_seconds)
    os.close(writer)
    with open(reader, "rb") as answers:
        answer = answers.read()
    _, status = os.waitpid(pid, 0)
    return answer.decode(errors="replace") if status == 0 else ""


def _work(work: Callable[[], str], writer: int, cpu_seconds: int) -> None:
    code = 1
    try:
        if sys.platform == "linux":
            die_with_parent()
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        with open(writer, "wb") as answer:
            answer.write(work().encode(errors="replace"))
        code = 0
    finally:
        os._exit(code)


def die_with_parent() -> None:
    """Linux ends this process when the one that forked it ends."""
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, linux/prctl.h
