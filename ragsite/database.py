"""Database connections in threads, connection errors, and the schema of pgvector."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from psycopg_pool import PoolTimeout

P = ParamSpec("P")
R = TypeVar("R")

DATABASE_ERRORS = (OperationalError, InterfaceError, PoolTimeout)


def release_connection() -> None:
    """Close the connection before slow work without queries, so that the pool can reuse it.

    Does nothing inside a transaction.
    """
    if not connection.in_atomic_block:
        connection.close()


# More would wait for each other and for a connection of the pool.
_threads = ThreadPoolExecutor(16, "database")


def in_thread(function: Callable[P, R]) -> Callable[P, Any]:
    """Wrap a function for async code: it runs in a thread and releases its database connection at the end.

    The threads are few: what waits for another server belongs into `asyncio.to_thread`.
    """

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        finally:
            connections.close_all()

    return sync_to_async(call, thread_sensitive=False, executor=_threads)


# The schema of pgvector by database: some hosts install extensions in a separate one. "" if it is on the search path.
_vector_schemas: dict[tuple[str, str], str] = {}


def add_vector_schema_to_path(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Append the schema of pgvector to the search path of a new connection.

    Each process looks it up once.
    """
    key = connection.alias, str(connection.settings_dict["NAME"])
    with connection.connection.cursor() as cursor:
        if key not in _vector_schemas and (found := cursor.execute(VECTOR_SCHEMA).fetchone()):
            _vector_schemas[key] = "" if found[1] else found[0]
        if schema := _vector_schemas.get(key):
            cursor.execute(ADD_TO_PATH, {"schema": schema})


VECTOR_SCHEMA = """
select nspname, nspname = any(current_schemas(true))
from pg_extension join pg_namespace on pg_namespace.oid = extnamespace where extname = 'vector'"""
# Idempotent, because a pool reuses sessions.
ADD_TO_PATH = """
select set_config('search_path', concat_ws(', ', nullif(current_setting('search_path'), ''), quote_ident(%(schema)s)), false)
where %(schema)s <> all(current_schemas(true))"""


def connect_signals() -> None:
    connection_created.connect(add_vector_schema_to_path, dispatch_uid="add_vector_schema_to_path")
