"""Client of the fork server: send a request, iterate over the messages of the sandboxed process."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

from documents.extraction.sandbox.protocol import messages_from

PROJECT = Path(__file__).resolve().parents[3]
# Sandboxed processes read hostile files: they inherit no credentials, only the variables that Python needs.
ENVIRONMENT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "TZ", "VIRTUAL_ENV")
# The longest silence: the CPU limit of one page on a machine that is overloaded ten times.
MAX_SILENCE_SECONDS = 120


class ForkServerClient:
    """Starts and reaches the fork server of a worker; the processes that the worker forks share it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._control: socket.socket | None = None
        self._lifeline: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the fork server unless it runs. Call this before forking, so that jobs need not start it."""
        with self._guard:
            if self._control is None:
                self._start()

    def stop(self) -> None:
        """Stop the fork server and kill its processes."""
        with self._guard:
            self._discard()

    def read(
        self, *, max_silence: float = MAX_SILENCE_SECONDS, **request: Any
    ) -> Generator[dict[str, Any], None, None]:
        """Run a request in a sandboxed process and yield its messages, ending with `exit`.

        The `exit` message is missing if the fork server died. Closing the generator kills the process. Raises
        TimeoutError after `max_silence` seconds without a message.
        """
        answer = self._send(json.dumps(request).encode())
        with answer:
            answer.settimeout(max_silence)
            yield from messages_from(answer)

    def renew_lock(self) -> None:
        self._guard = threading.Lock()

    def _send(self, request: bytes) -> socket.socket:
        for attempt in range(3):
            self.start()
            ours, theirs = socket.socketpair()
            with theirs:
                try:
                    assert self._control is not None
                    socket.send_fds(self._control, [request], [theirs.fileno()])
                    return ours
                except OSError:
                    ours.close()
                    with self._guard:
                        self._discard()
                    if attempt == 2:
                        raise
        raise AssertionError("unreachable")

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        lifeline, self._lifeline = os.pipe()
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "documents.extraction.sandbox.server",
                    str(theirs.fileno()),
                    str(lifeline),
                ],
                pass_fds=(theirs.fileno(), lifeline),
                cwd=PROJECT,
                env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        finally:
            theirs.close()
            os.close(lifeline)
        self._control = ours

    def _discard(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._lifeline is not None:
            with suppress(OSError):
                os.close(self._lifeline)
        self._control = self._lifeline = None
        if self._process is not None:
            process, self._process = self._process, None
            # Only the process that started the server is its parent and can wait for it; a forked job cannot.
            with suppress(subprocess.TimeoutExpired, ChildProcessError):
                process.wait(timeout=5)


fork_server = ForkServerClient()
# A lock that another thread holds during a fork stays locked in the forked process.
os.register_at_fork(after_in_child=fork_server.renew_lock)


def start_fork_server() -> None:
    """Start the fork server of this worker (about half a second). Call it once, before the worker forks jobs."""
    fork_server.start()
