"""The database as async code and a site in trouble meet it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from psycopg_pool import PoolTimeout

P = ParamSpec("P")
R = TypeVar("R")

DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)


def give_connection_back() -> None:
    """Before something slow that needs no database: a connection that is held meanwhile is missing elsewhere.

    Inside a transaction nothing happens.
    """
    if not connection.in_atomic_block:
        connection.close()


def in_thread(function: Callable[P, R]) -> Callable[P, Any]:
    """For async code: runs a function that uses the database in a thread, and gives the connection back at once."""

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        finally:
            connections.close_all()

    return sync_to_async(call, thread_sensitive=False)


# Where pgvector is, by database: hosts put extensions into a schema of their own. "" where it is on the path anyway.
_vector_schemas: dict[tuple[str, str], str] = {}


def show_vector_type(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """For every new connection: the schema that holds pgvector is on its search path, after those that are there.

    Asked once in a process, and never again where the path shows it already.
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
# A pool gives the same session again and again.
ADD_TO_PATH = """
select set_config('search_path', concat_ws(', ', nullif(current_setting('search_path'), ''), quote_ident(%(schema)s)), false)
where %(schema)s <> all(current_schemas(true))"""


def connect_signals() -> None:
    connection_created.connect(show_vector_type, dispatch_uid="show_vector_type")
