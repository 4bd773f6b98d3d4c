"""Computing what a password becomes takes a third of a second of a core: nothing else waits for it meanwhile."""

from __future__ import annotations

import os
import threading

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from ragsite.database import release_connection

SECONDS_TO_WAIT = 25  # for a turn: a class of fifty that signs in at once needs some twenty on two cores

_turns = threading.BoundedSemaphore(max(2, os.cpu_count() or 2))


class Busy(Exception):
    """Too many passwords are being looked at; the visitor is asked to come back in a moment."""


class Hasher(PBKDF2PasswordHasher):
    """Django's own, in every respect but two: it holds no database connection, and only as many compute at once as there are cores."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        release_connection()
        if not _turns.acquire(timeout=SECONDS_TO_WAIT):
            raise Busy
        try:
            return super().encode(password, salt, iterations)
        finally:
            _turns.release()
