"""Session-level advisory locks: one worker at a time for a task. PostgreSQL releases them when their holder dies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock

import psycopg
from django.conf import settings
from django.db import connection

NAMESPACE = 0x5241  # "RA": other programs may use advisory locks in the same database
RECONCILER = 0


@contextmanager
def advisory_lock(number: int) -> Iterator[bool]:
    """Try to take the lock until the block ends; yields whether it was free.

    Uses a separate connection: a pooled one would outlive the block. Raises psycopg.OperationalError if the database is away.
    """
    with one_of_each([(NAMESPACE, [number])]) as is_free:
        yield is_free


@contextmanager
def one_of_each(choices: Iterable[tuple[int, Iterable[int]]]) -> Iterator[bool]:
    """As `advisory_lock`, for one free lock of each choice: a namespace and its candidate numbers."""
    with psycopg.connect(lock_conninfo(), autocommit=True, connect_timeout=3) as own:
        has_all = all(
            any(try_lock(own, namespace, number) for number in numbers) for namespace, numbers in choices
        )
        if not has_all:
            own.close()
        try:
            yield has_all
        finally:
            with suppress(psycopg.Error):  # closing the connection releases them too, but later
                own.execute("select pg_advisory_unlock_all()")


class SharedLocks:
    """Locks that the threads of a process hold on one connection, so that each does not cost a connection of its own."""

    def __init__(self) -> None:
        self.own = psycopg.connect(lock_conninfo(), autocommit=True, connect_timeout=3)
        self.held: set[int] = set()
        self.guard = Lock()

    @contextmanager
    def advisory_lock(self, number: int) -> Iterator[bool]:
        """As the function of this name."""
        is_free = self._take(key := lock_key(number))
        try:
            yield is_free
        finally:
            if is_free:
                self._release(key)

    def _take(self, key: int) -> bool:
        with self.guard:
            # PostgreSQL gives a session a lock that it has once more.
            if key in self.held or not try_lock(self.own, NAMESPACE, key):
                return False
            self.held.add(key)
            return True

    def _release(self, key: int) -> None:
        with self.guard:
            self.held.discard(key)
            with suppress(psycopg.Error):
                self.own.execute("select pg_advisory_unlock(%s, %s)", [NAMESPACE, key])

    def close(self) -> None:
        self.own.close()


def try_lock(own: psycopg.Connection, namespace: int, number: int) -> bool:
    """Take the lock if it is free; whether this connection holds it now."""
    row = own.execute("select pg_try_advisory_lock(%s, %s)", [namespace, lock_key(number)]).fetchone()
    return bool(row and row[0])


def locked(namespace: int = NAMESPACE) -> set[int]:
    """The lock keys that any process holds now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select objid::bigint from pg_locks where locktype = 'advisory' and classid = %s and granted"
            " and database = (select oid from pg_database where datname = current_database())",
            [namespace],
        )
        return {number for (number,) in cursor.fetchall()}


def lock_key(number: int) -> int:
    """The task's id as the 4-byte number that PostgreSQL takes: ids wrap around, and two that collide only wait for each other."""
    return number % 2**31


def lock_conninfo() -> str:
    """Connection parameters that bypass a connection pooler, which would share sessions."""
    database = connection.settings_dict
    if settings.DIRECT_DATABASE_URL != settings.DATABASE_URL:
        return settings.DIRECT_DATABASE_URL
    wanted = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    values = {key: str(database[name]) for key, name in wanted.items() if database.get(name)}
    extra = {
        key: value for key, value in database["OPTIONS"].items() if key.startswith("ssl") or key == "host"
    }
    return psycopg.conninfo.make_conninfo(**{**values, **extra})
