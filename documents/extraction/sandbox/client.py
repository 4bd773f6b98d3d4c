"""The worker's side of the nursery: ask for a document, follow the messages of the process that reads it."""

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
# A reading process meets hostile files: it gets no keys and no addresses, only what Python needs to start.
ENVIRONMENT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "TZ", "VIRTUAL_ENV")
QUIET_SECONDS = 120  # the longest silence: one page's CPU limit on a machine that is ten times too busy


class Nursery:
    """One small process that forks a limited child per document; shared by a worker and all it forks."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._control: socket.socket | None = None
        self._lifeline: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make sure that a nursery runs. Call it before forking, so that no job pays for the start."""
        with self._guard:
            if self._control is None:
                self._start()

    def stop(self) -> None:
        """End it and every document it reads."""
        with self._guard:
            self._forget()

    def read(
        self, *, patience: float = QUIET_SECONDS, **request: Any
    ) -> Generator[dict[str, Any], None, None]:
        """The messages of a child that works as asked; the last is `exit`, if the child lived to have one.

        Closing the iterator ends the child. Raises TimeoutError when it has been silent for longer than `patience`.
        """
        answer = self._ask(json.dumps(request).encode())
        with answer:
            answer.settimeout(patience)
            yield from messages_from(answer)

    def renew_lock(self) -> None:
        self._guard = threading.Lock()

    def _ask(self, request: bytes) -> socket.socket:
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
                        self._forget()
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

    def _forget(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._lifeline is not None:
            with suppress(OSError):
                os.close(self._lifeline)
        self._control = self._lifeline = None
        if self._process is not None:
            process, self._process = self._process, None
            # A forked job is not its parent: only the one who started it can wait for its end.
            with suppress(subprocess.TimeoutExpired, ChildProcessError):
                process.wait(timeout=5)


nursery = Nursery()
# A lock that another thread held at the fork would stay locked in the child for ever.
os.register_at_fork(after_in_child=nursery.renew_lock)


def start_nursery() -> None:
    """Start the process that forks readers, once per worker and before it forks its jobs (about half a second)."""
    nursery.start()
