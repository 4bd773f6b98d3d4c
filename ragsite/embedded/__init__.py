"""PostgreSQL 18 with pgvector and Redis, from wheels, for bin/dev and bin/test. Uses only the standard library.

Both listen on Unix sockets in folders that only their owner can access, and outlive the process that started them.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from ragsite.embedded import record
from ragsite.embedded.postgres import Postgres
from ragsite.embedded.redis import Redis, find_redis_server
from ragsite.embedded.server import CannotStart, Server

__all__ = [
    "CannotStart",
    "ask_database",
    "discard",
    "find_redis_server",
    "known_urls",
    "start",
    "stop",
    "stop_unless_used",
]


def known_urls(var: Path) -> dict[str, str]:
    """Return DATABASE_URL and REDIS_URL of the servers that were started for this folder."""
    return {name: url for name, url in record.entries(var).items() if name in ("DATABASE_URL", "REDIS_URL")}


def start(var: Path, *, postgres: bool = True, redis: bool = True, temporary: bool = False) -> dict[str, str]:
    """Start the servers that are not running yet and return all URLs. Safe to call from several processes at once.

    Temporary servers are faster, lose their data in a crash, and end with the process that started them.
    """
    for server in _servers(var, postgres, redis, temporary):
        server.start()
    return known_urls(var)


def stop(var: Path) -> None:
    """Stop the servers of this folder, even if they are in use."""
    for server in _servers(var):
        server.stop()


def stop_unless_used(var: Path, *, postgres: bool = True, redis: bool = True) -> list[str]:
    """Stop the servers without connected clients, and return the names of the others."""
    used = []
    for server in _servers(var, postgres, redis):
        if server.count_clients():
            used.append(server.name)
        else:
            server.stop()
    return used


def ask_database(var: Path, query: str) -> str:
    """Run a query without a client library. Return its output, or an empty string if it fails."""
    return Postgres(var).ask(query)


def discard(var: Path) -> None:
    """Stop the servers of this folder and delete their data."""
    for server in _servers(var):
        server.stop()
        shutil.rmtree(server.home, ignore_errors=True)
        shutil.rmtree(server.socket_folder, ignore_errors=True)
    (Path(var) / record.RECORD).unlink(missing_ok=True)


def _servers(var: Path, postgres: bool = True, redis: bool = True, temporary: bool = False) -> list[Server]:
    wanted: list[tuple[bool, Callable[[Path, bool], Server]]] = [(redis, Redis), (postgres, Postgres)]
    return [server(var, temporary) for is_wanted, server in wanted if is_wanted]
