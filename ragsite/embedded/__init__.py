"""PostgreSQL 18 with pgvector and Redis, from wheels, for bin/dev and bin/test. Standard library only.

Both listen on Unix sockets inside folders that only their owner may enter, and outlive the process that started them.
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
    """DATABASE_URL and REDIS_URL of the servers that were started for this folder, as far as there are any."""
    return {name: url for name, url in record.entries(var).items() if name in ("DATABASE_URL", "REDIS_URL")}


def start(var: Path, *, postgres: bool = True, redis: bool = True, temporary: bool = False) -> dict[str, str]:
    """Start what is asked for and does not run yet; gives the URLs. Safe to call from several processes at once.

    Temporary servers are faster, forget everything in a crash, and end with the process that started them.
    """
    for server in _servers(var, postgres, redis, temporary):
        server.start()
    return known_urls(var)


def stop(var: Path) -> None:
    """Stop the servers of this folder, whoever uses them."""
    for server in _servers(var):
        server.stop()


def stop_unless_used(var: Path, *, postgres: bool = True, redis: bool = True) -> list[str]:
    """Stop the servers that no process is connected to; gives the names of those that were left running."""
    used = []
    for server in _servers(var, postgres, redis):
        if server.count_clients():
            used.append(server.name)
        else:
            server.stop()
    return used


def ask_database(var: Path, query: str) -> str:
    """What the database of this folder answers, without a client library; empty where it does not."""
    return Postgres(var).ask(query)


def discard(var: Path) -> None:
    """Stop the servers of this folder and delete all that they hold."""
    for server in _servers(var):
        server.stop()
        shutil.rmtree(server.home, ignore_errors=True)
        shutil.rmtree(server.socket_folder, ignore_errors=True)
    (Path(var) / record.RECORD).unlink(missing_ok=True)


def _servers(var: Path, postgres: bool = True, redis: bool = True, temporary: bool = False) -> list[Server]:
    wanted: list[tuple[bool, Callable[[Path, bool], Server]]] = [(redis, Redis), (postgres, Postgres)]
    return [server(var, temporary) for is_wanted, server in wanted if is_wanted]
