"""Names in Redis that mean one thing: of this site alone, and of one row alone.

Several sites may share one database, so every key begins with `settings.REDIS_PREFIX`. RQ and its dashboard have their key names (`rq:queue:...`) in their source. The connection therefore renames on the wire:
`rq:x` is sent as `<prefix>:rq:x`, and `<prefix>:rq:x` in a reply reads `rq:x`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from redis import Redis
from redis.connection import Connection, ConnectionPool, SSLConnection, UnixDomainSocketConnection, parse_url
from redis.exceptions import ResponseError

logger = logging.getLogger("ragsite.redis")
RQ = "rq:"  # what every key and channel of RQ begins with

if TYPE_CHECKING:
    Base = Connection
else:
    Base = object  # whatever it is mixed into


class Row(Protocol):
    pk: Any
    created_at: datetime


def name_of(row: Row) -> str:
    """The row's name in Redis: its number and the moment it was made. After a backup is restored numbers are given
    again, and Redis may still hold what belonged to a row of that number."""
    return f"{row.pk}-{round(row.created_at.timestamp() * 1_000_000):x}"


class Renaming(Base):
    """A connection on which RQ's names carry the prefix, in both directions; whoever uses it sees RQ's own names."""

    def __init__(self, *args: Any, prefix: str, **kwargs: Any) -> None:
        self._prefix = f"{prefix}:"
        super().__init__(*args, **kwargs)

    def send_command(self, *args: Any, **kwargs: Any) -> None:
        super().send_command(*self._with_prefix(args), **kwargs)

    def pack_command(self, *args: Any) -> Any:
        return super().pack_command(*self._with_prefix(args))

    def pack_commands(self, commands: Iterable[Iterable[Any]]) -> Any:
        return super().pack_commands([self._with_prefix(command) for command in commands])

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        return self._without_prefix(super().read_response(*args, **kwargs))

    def _with_prefix(self, command: Iterable[Any]) -> list[Any]:
        return [self._renamed(argument) for argument in command]

    def _renamed(self, argument: Any) -> Any:
        if isinstance(argument, str) and argument.startswith(RQ):
            return self._prefix + argument
        if isinstance(argument, bytes) and argument.startswith(RQ.encode()):
            return self._prefix.encode() + argument
        return argument

    def _without_prefix(self, reply: Any) -> Any:
        if isinstance(reply, bytes):
            return reply[len(self._prefix) :] if reply.startswith(f"{self._prefix}{RQ}".encode()) else reply
        if isinstance(reply, str):
            return reply[len(self._prefix) :] if reply.startswith(f"{self._prefix}{RQ}") else reply
        if isinstance(reply, (list, tuple, set)):
            return type(reply)(self._without_prefix(part) for part in reply)
        if isinstance(reply, dict):
            return {self._without_prefix(name): self._without_prefix(part) for name, part in reply.items()}
        return reply


class RenamingConnection(Renaming, Connection): ...


class RenamingUnixConnection(Renaming, UnixDomainSocketConnection): ...


class RenamingSSLConnection(Renaming, SSLConnection): ...


RENAMING: dict[type, type[Renaming]] = {
    Connection: RenamingConnection,
    UnixDomainSocketConnection: RenamingUnixConnection,
    SSLConnection: RenamingSSLConnection,
}


def renaming_pool(url: str, prefix: str, **options: Any) -> ConnectionPool:
    """Connections for RQ under that prefix. Nothing connects before the first command."""
    kind = RENAMING[parse_url(url).get("connection_class", Connection)]
    return ConnectionPool.from_url(url, connection_class=kind, prefix=prefix, **options)


def renaming_client(url: str, prefix: str, **options: Any) -> Redis:
    """A client for RQ under that prefix, with a pool of its own."""
    return Redis.from_pool(renaming_pool(url, prefix, **options))


def connect_beside_the_queue(connection: Any) -> None:
    """As redis_connect_func of the database after the queue's: where the server has none, the queue's own.

    Hosted servers often have one database only. Keys are apart by their prefixes.
    """
    try:
        connection.on_connect()
    except ResponseError as error:
        if not (connection.db and is_about_database(error)):
            raise
        logger.debug("this Redis has no database %s: the cache shares the queue's", connection.db)
        connection.db -= 1
        connection.on_connect()


def is_about_database(error: Exception) -> bool:
    """Whether the server has no database of that number, or none but one."""
    said = str(error).lower()
    return isinstance(error, ResponseError) and any(
        word in said for word in ("db index", "select", "database")
    )
