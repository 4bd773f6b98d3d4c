"""Builds the HNSW index over the vectors of one index, with enough memory and in parallel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import OperationalError, connection

from ragsite.disk import DISK_FULL_SQLSTATE

GRAPH_BYTES = 1_100  # of a vector, beside the vector itself


def create(name: str, index: int, dimensions: int, chunks: int, *, concurrently: bool) -> None:
    """Create the HNSW index unless there is a valid one of that name."""
    if not is_valid(name):
        drop(name)
    with build_memory(chunks * (2 * dimensions + GRAPH_BYTES) // 2**20):
        try:
            _build(name, index, dimensions, concurrently=concurrently)
        except OperationalError as error:
            if connection.in_atomic_block or getattr(error.__cause__, "sqlstate", "") != DISK_FULL_SQLSTATE:
                raise
            # Parallel workers share the graph in /dev/shm, which is small in many containers.
            drop(name)
            with session_setting("max_parallel_maintenance_workers", "0"):
                _build(name, index, dimensions, concurrently=concurrently)


def is_valid(name: str) -> bool:
    """An interrupted concurrent build leaves an invalid index of that name, which no search uses."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select exists (select from pg_index where indisvalid and indexrelid = to_regclass(%s))", [name]
        )
        return bool(cursor.fetchone()[0])


def drop(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"drop index if exists {name}")


def _build(name: str, index: int, dimensions: int, *, concurrently: bool) -> None:
    how = "concurrently if not exists" if concurrently else "if not exists"
    with connection.cursor() as cursor:
        cursor.execute(
            f"create index {how} {name} on documents_chunk"
            f" using hnsw ((embedding::halfvec({dimensions})) halfvec_cosine_ops) where index_id = {index}"
        )


@contextmanager
def build_memory(megabytes: int) -> Iterator[None]:
    """Give this session so much memory for building an index, up to INDEX_BUILD_MEMORY_MB, if it has less.

    A graph that outgrows it is built several times slower; and PostgreSQL starts a parallel worker for each 32 MB.
    """
    wanted = min(megabytes, settings.INDEX_BUILD_MEMORY_MB)
    with connection.cursor() as cursor:
        cursor.execute("select pg_size_bytes(current_setting('maintenance_work_mem'))")
        present = cursor.fetchone()[0]
    if present >= wanted * 2**20:
        yield
        return
    with session_setting("maintenance_work_mem", f"{wanted}MB"):
        yield


@contextmanager
def session_setting(name: str, value: str) -> Iterator[None]:
    """Change a setting of the session; a concurrent build runs outside a transaction, so it cannot be local to one."""
    with connection.cursor() as cursor:
        cursor.execute("select set_config(%s, %s, false)", [name, value])
        try:
            yield
        finally:
            if connection.is_usable():  # not in a failed transaction, which resets it too
                cursor.execute(f"reset {name}")
