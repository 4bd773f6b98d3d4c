"""Password hashing without blocking others: one hash takes a third of a second of a core."""

from __future__ import annotations

import os
import threading

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from ragsite.database import release_connection

# A class of fifty signing in at once needs about twenty seconds on two cores.
MAX_WAIT_SECONDS = 25

_slots = threading.BoundedSemaphore(max(2, os.cpu_count() or 2))


class Busy(Exception):
    """Too many passwords are being hashed; the visitor is asked to retry in a moment."""


class Hasher(PBKDF2PasswordHasher):
    """Django's PBKDF2 hasher, but it holds no database connection and runs at most once per core at a time."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        release_connection()
        if not _slots.acquire(timeout=MAX_WAIT_SECONDS):
            raise Busy
        try:
            return super().encode(password, salt, iterations)
        finally:
            _slots.release()
