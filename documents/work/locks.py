"""One worker at a time for one task: a session advisory lock, which the database frees when its holder dies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import psycopg
from django.conf import settings
from django.db import connection

NAMESPACE = 0x5241  # "RA": apart from other users of advisory locks in the same database
RECONCILER = 0


@contextmanager
def advisory_lock(number: int) -> Iterator[bool]:
    """Whether the lock was free; held until the block ends. On a connection of its own: a pooled one would outlive the block.

    Raises psycopg.OperationalError when the database is away.
    """
    with one_of_each([(NAMESPACE, [number])]) as is_free:
        yield is_free


@contextmanager
def one_of_each(choices: Iterable[tuple[int, Iterable[int]]]) -> Iterator[bool]:
    """Whether of each choice (a namespace and its numbers) one lock was free; as `advisory_lock`."""
    with psycopg.connect(lock_conninfo(), autocommit=True, connect_timeout=3) as own:
        has_all = all(
            any(is_free(own, namespace, number) for number in numbers) for namespace, numbers in choices
        )
        if not has_all:
            own.close()
        try:
            yield has_all
        finally:
            with suppress(psycopg.Error):  # closing the connection frees them too, but nobody knows when
                own.execute("select pg_advisory_unlock_all()")


def is_free(own: psycopg.Connection, namespace: int, number: int) -> bool:
    """Whether this connection holds it now."""
    row = own.execute("select pg_try_advisory_lock(%s, %s)", [namespace, lock_key(number)]).fetchone()
    return bool(row and row[0])


def locked(namespace: int = NAMESPACE) -> set[int]:
    """The numbers that some process holds now, as `lock_key` gives them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select objid::bigint from pg_locks where locktype = 'advisory' and classid = %s and granted"
            " and database = (select oid from pg_database where datname = current_database())",
            [namespace],
        )
        return {number for (number,) in cursor.fetchall()}


def lock_key(number: int) -> int:
    """PostgreSQL takes two 4-byte numbers: task ids wrap around, and two that meet merely wait for each other."""
    return number % 2**31


def lock_conninfo() -> str:
    database = connection.settings_dict
    if settings.DIRECT_DATABASE_URL != settings.DATABASE_URL:
        return settings.DIRECT_DATABASE_URL
    wanted = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    values = {key: str(database[name]) for key, name in wanted.items() if database.get(name)}
    extra = {
        key: value for key, value in database["OPTIONS"].items() if key.startswith("ssl") or key == "host"
    }
    return psycopg.conninfo.make_conninfo(**{**values, **extra})
