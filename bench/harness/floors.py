"""The floors of asking, measured on bench/harness/minimal.py with the same provider, people and clock as the site."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg
from pgvector import HalfVector
from pgvector.psycopg import register_vector

from bench.harness import processes
from bench.harness.site import ROOT, free_port
from bench.provider import Running
from ragsite import embedded

PASSAGES = 300
TABLES = """
create extension if not exists vector;
create table session (key text primary key, user_id int);
create table question (id serial primary key, user_id int, text text, answer text);
create table passage (id int primary key, reader int, text text, embedding halfvec(384));
insert into session values ('key', 1);
"""


@dataclass
class Read:
    """When the first and the last event of one answer arrived, by the monotonic clock."""

    began: float
    first_token: float = 0.0
    ended: float = 0.0


@dataclass
class Floor:
    """What the minimal application took: milliseconds of one person, the wall time and CPU of many at once."""

    first_token: list[float]
    relay: list[float]
    seconds: dict[int, float]
    cpu_ms: dict[int, float]  # of an answer
    megabytes: float


def measure(stub: Running, streams: Sequence[int], alone: int, provider_ms: float, tokens: int) -> Floor:
    """Ask `alone` questions one after the other, then as many at once as `streams` says."""
    with minimal_site(stub) as (port, pid):
        first, relay = asyncio.run(ask_alone(port, stub, alone, provider_ms))
        stub.change(tokens=tokens)
        found = Floor(first, relay, {}, {}, 0.0)
        for count in streams:
            cpu = processes.cpu_seconds([pid])
            found.seconds[count] = asyncio.run(ask_together(port, count))
            found.cpu_ms[count] = (processes.cpu_seconds([pid]) - cpu) * 1000 / count
            found.megabytes = processes.peak_megabytes(pid)
    return found


@contextmanager
def minimal_site(stub: Running) -> Iterator[tuple[int, int]]:
    """Run the application on a PostgreSQL of its own that writes to disk; gives its port and process id."""
    with tempfile.TemporaryDirectory(prefix="ragsite-bench-") as folder:
        try:
            url = embedded.start(Path(folder), redis=False)["DATABASE_URL"]
            fill(url)
            with application(url, stub.port) as found:
                yield found
        finally:
            embedded.discard(Path(folder))


def fill(url: str) -> None:
    """Tables with a session and some passages."""
    random = np.random.default_rng(1)
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(TABLES)
        register_vector(database)
        for number in range(PASSAGES):
            vector = HalfVector(random.standard_normal(384).astype(np.float32))
            row = (number, number % 3, f"Rule {number}. " * 60, vector)
            database.execute("insert into passage values (%s, %s, %s, %s)", row)


@contextmanager
def application(url: str, provider_port: int) -> Iterator[tuple[int, int]]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "bench.harness.minimal:application", "--lifespan", "on"]
    quiet = ["--port", str(port), "--no-access-log", "--no-server-header", "--log-level", "error"]
    own = {"DATABASE": url, "PROVIDER_PORT": str(provider_port), "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen([*command, *quiet], cwd=ROOT, env=os.environ | own, start_new_session=True)
    try:
        asyncio.run(wait_until_ready(port))
        yield port, process.pid
    finally:
        processes.end([process])


async def wait_until_ready(port: int, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while True:
            try:
                await ask(port, "/")
                return
            except OSError:
                await asyncio.sleep(0.05)


async def ask_alone(port: int, stub: Running, count: int, provider_ms: float) -> tuple[list[float], list[float]]:  # fmt: skip
    """Milliseconds before the first token without the provider's, and those of its relay, of `count` questions."""
    first, relay = [], []
    for number in range(count + 3):  # the first three warm up
        read = await ask(port, f"/ask?alone-{number}")
        if number >= 3:
            first.append((read.first_token - read.began) * 1000 - provider_ms)
            relay.append((read.first_token - stub.stats()["first_token_at"]) * 1000)
    return first, relay


async def ask_together(port: int, count: int) -> float:
    """Seconds until `count` people who ask at once have their whole answers."""
    began = time.monotonic()
    reads = await asyncio.gather(*(ask(port, f"/ask?{count}-{number}") for number in range(count)))
    return max(read.ended for read in reads) - began


async def ask(port: int, path: str) -> Read:
    """One request on a connection of its own, read to the end."""
    read = Read(time.monotonic())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    while line := await reader.readline():
        if line == b"event: token\n":
            read.first_token = read.first_token or time.monotonic()
    read.ended = time.monotonic()
    writer.close()
    return read
