"""Lets a running job stop between two steps when its worker shuts down."""

from __future__ import annotations

import threading


class Stopped(Exception):
    """The worker shuts down. Nothing failed: the task stays due, and another worker continues it."""


_is_requested = threading.Event()


def request(*_signal: object) -> None:
    """Make `check` raise from now on. A signal handler of the job's own process."""
    _is_requested.set()


def is_requested() -> bool:
    return _is_requested.is_set()


def check() -> None:
    """Raise Stopped once the worker was asked to stop. Call it where little work is lost."""
    if _is_requested.is_set():
        raise Stopped
