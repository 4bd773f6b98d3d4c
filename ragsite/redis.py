"""Unique names in Redis: a prefix for the keys of each site, and a name for each row.

Several sites may share one database, so every key begins with `settings.REDIS_PREFIX`. RQ and its dashboard hard-code
their key names (`rq:queue:...`). The connection therefore rewrites them: it sends `rq:x` as `<prefix>:rq:x`, and
strips the prefix from replies.
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
RQ = "rq:"  # the prefix of all keys and channels of RQ

if TYPE_CHECKING:
    Base = Connection
else:
    Base = object  # a mixin at run time


class Row(Protocol):
    pk: Any
    created_at: datetime


def name_of(row: Row) -> str:
    """The row's name in Redis: its primary key and creation time.

    A restored backup assigns primary keys again, while Redis may still hold keys of the earlier rows.
    """
    return f"{row.pk}-{round(row.created_at.timestamp() * 1_000_000):x}"


class PrefixingMixin(Base):
    """Add the prefix to RQ's names in commands, and strip it from replies."""

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
        return [self._add_prefix(argument) for argument in command]

    def _add_prefix(self, argument: Any) -> Any:
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


class PrefixingConnection(PrefixingMixin, Connection): ...


class PrefixingUnixConnection(PrefixingMixin, UnixDomainSocketConnection): ...


class PrefixingSSLConnection(PrefixingMixin, SSLConnection): ...


CONNECTION_CLASSES: dict[type, type[PrefixingMixin]] = {
    Connection: PrefixingConnection,
    UnixDomainSocketConnection: PrefixingUnixConnection,
    SSLConnection: PrefixingSSLConnection,
}


def prefixing_pool(url: str, prefix: str, **options: Any) -> ConnectionPool:
    """A connection pool for RQ with this prefix. It connects at the first command."""
    kind = CONNECTION_CLASSES[parse_url(url).get("connection_class", Connection)]
    return ConnectionPool.from_url(url, connection_class=kind, prefix=prefix, **options)


def prefixing_client(url: str, prefix: str, **options: Any) -> Redis:
    """A client for RQ with this prefix and a separate pool."""
    return Redis.from_pool(prefixing_pool(url, prefix, **options))


def connect_beside_the_queue(connection: Any) -> None:
    """A redis_connect_func for the cache that falls back to the queue's database if there is no next one.

    Hosted servers often have a single database. Prefixes keep the keys apart.
    """
    try:
        connection.on_connect()
    except ResponseError as error:
        if not (connection.db and is_about_database(error)):
            raise
        logger.debug("Redis has no database %s; the cache shares the queue's database", connection.db)
        connection.db -= 1
        connection.on_connect()


def is_about_database(error: Exception) -> bool:
    """Whether the server reports that the database number does not exist."""
    message = str(error).lower()
    return isinstance(error, ResponseError) and any(
        word in message for word in ("db index", "select", "database")
    )
