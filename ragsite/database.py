"""The database as async code and a site in trouble meet it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, connection, connections
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
