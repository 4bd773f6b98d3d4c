"""A worker that is told to end lets its job finish the batch at hand: the job asks here between two steps."""

from __future__ import annotations

import threading


class Stopped(Exception):
    """The worker is ending. Nothing went wrong: the task stays due, and another worker goes on where this one left off."""


_is_asked = threading.Event()


def ask(*_signal: object) -> None:
    """From now on `check` raises. A signal handler: it runs in the job's own process only."""
    _is_asked.set()


def check() -> None:
    """Call it where little is lost by ending; raises Stopped once the worker has been told to end."""
    if _is_asked.is_set():
        raise Stopped
