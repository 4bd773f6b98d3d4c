"""Follow a sandboxed child: collect what it sends, count what it costs, and find out why it ended early."""

import signal
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from documents.extraction.sandbox.client import fork_server

Message = dict[str, Any]
Progress = Callable[[int, int], None]

MAX_LOST_CHILDREN = 3  # in a row, before the caller gives up for now
PROGRESS_SECONDS = 0.2  # between two reports, since each may write to the database


class ReaderLost(Exception):
    """The child or the fork server was killed from outside. The file is not at fault, so a retry may succeed."""


class SandboxedRead:
    """One document as sandboxed children read it. Subclasses implement `accept()`."""

    def __init__(self, on_progress: Progress | None = None) -> None:
        self.on_progress = on_progress
        self.is_finished = False
        self.used_cpu = 0.0
        self.peak_memory = 0
        self._reported_at = 0.0

    def accept(self, message: Message) -> None:
        """Store what one message carries. Raise UnreadableFile to stop reading."""
        raise NotImplementedError

    def follow_child(self, **request: Any) -> str:
        """Accept the messages of one child until it exits. Return why it ended early, or an empty string."""
        try:
            with closing(fork_server.read(**request)) as messages:
                for message in messages:
                    if message.get("kind") == "exit":
                        self.used_cpu += float(message["cpu"])
                        self.peak_memory = max(self.peak_memory, int(message["memory"]))
                        return "" if self.is_finished else exit_reason(int(message["code"]))
                    self.accept(message)
        except TimeoutError:
            return "timeout"
        return "" if self.is_finished else "lost"

    def report_progress(self, done: int, total: int) -> None:
        """Call `on_progress`, but not more often than PROGRESS_SECONDS allows, and always for the last page."""
        if self.on_progress and (done == total or time.monotonic() - self._reported_at > PROGRESS_SECONDS):
            self._reported_at = time.monotonic()
            self.on_progress(done, total)


def exit_reason(code: int) -> str:
    """A child's exit code as a kind of UnreadableFile. Exit code 3 and an abort mean that memory ran out."""
    if code == -signal.SIGXCPU:
        return "timeout"
    return "limit" if code in (3, -signal.SIGABRT, -signal.SIGKILL) else "damaged"
