"""Measure how fast files become searchable: `python bench/ingest.py [--files 32] [--pages 947] [--memory]`.

Generated PDFs are added to a site as it is deployed (two workers and the clock, PostgreSQL and Redis that write to disk),
with a provider that answers after 150 ms and 1 ms an input, and that needs 1.5 s for a summary. Printed are the seconds
until all are ready and until all have a summary, and the CPU time of each kind of process.

The floor is measured in the same run, on the same files, by plain Python without any of ragsite: PDFium's text of all
pages on two cores, tokens counted, 4 requests in flight, binary COPY, postings, and the vector index at the end.
"""

import argparse
import http.client
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import local
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import psycopg

from bench import provider
from bench.harness import Site, processes
from tests.support.made.report import make_report

FILES, PAGES = 32, 947
EMBED_MS, INPUT_MS = 150.0, 1.0
FIRST_TOKEN_MS, TOKEN_MS, TOKENS = 300.0, 20.0, 60
IN_FLIGHT, BATCH, CHUNK_TOKENS = 4, 32, 450
WIDTH = 1536
PATIENCE = 600.0  # seconds
COUNTS = """
select count(*) filter (where state = 'ready'), count(*) filter (where summary_state = 'ready'),
       count(*) filter (where state = 'failed' or summary_state = 'failed') from documents_document
"""
SINCE_FIRST = "select extract(epoch from clock_timestamp() - min(created_at)) from documents_document"
ADD = """
import sys
from pathlib import Path
from django.core.files import File
from documents.models import Collection, Document
from ragsite.accounts.models import User
user, _ = User.objects.get_or_create(username="bench")
shelf = Collection.objects.private_to(user)
for path in sorted(Path({folder!r}).glob("*.pdf")):
    with path.open("rb") as file:
        Document.objects.add_file(shelf, File(file, name=path.name), user=user, is_limited=False)
"""


@dataclass
class Figures:
    """What one run cost. Seconds are counted from the moment the first file is added."""

    files: int
    pages: int
    chunks: int = 0
    floor_seconds: float = 0.0
    floor_cpu: float = 0.0
    added_seconds: float = 0.0
    ready_seconds: float = 0.0
    summary_seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)  # of each kind of process, until the last summary
    cpu_until_ready: float = 0.0  # of all processes but the provider
    requests: int = 0
    worker_megabytes: float = 0.0  # the most that a worker and its children held at once

    @property
    def ratio(self) -> float:
        return self.ready_seconds / self.floor_seconds if self.floor_seconds else 0.0

    @property
    def ms_a_chunk(self) -> float:
        return 1000 * self.cpu_until_ready / max(1, self.chunks)

    def lines(self) -> Iterator[str]:
        yield f"{self.files} files, {self.pages} pages, {self.chunks} chunks, {self.requests} requests"
        yield f"floor {self.floor_seconds:.1f} s, {self.floor_cpu:.1f} s of CPU"
        yield f"added after {self.added_seconds:.1f} s, ready after {self.ready_seconds:.1f} s: {self.ratio:.2f} times the floor"
        yield f"all summaries {self.summary_seconds - self.ready_seconds:.1f} s later"
        yield f"CPU until ready {self.cpu_until_ready:.1f} s, {self.ms_a_chunk:.2f} ms a chunk"
        yield "CPU until the last summary: " + ", ".join(f"{name} {s:.1f} s" for name, s in self.cpu.items())
        yield f"a worker with its children: at most {self.worker_megabytes:.0f} MB (shared pages divided)"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--files", type=int, default=FILES)
    arguments.add_argument("--pages", type=int, default=PAGES, help="of all files together")
    arguments.add_argument("--workers", type=int, default=2)
    arguments.add_argument("--no-floor", action="store_true")
    arguments.add_argument("--memory", action="store_true", help="one file of 1,000 pages instead")
    options = arguments.parse_args()
    files, pages = (1, 1000) if options.memory else (options.files, options.pages)
    figures = measure(files, pages, workers=options.workers, with_floor=not options.no_floor)
    print("\n".join(figures.lines()))


def measure(files: int = FILES, pages: int = PAGES, *, workers: int = 2, with_floor: bool = True) -> Figures:
    """Add generated files to a deployed site and wait until all are searchable and have a summary."""
    figures = Figures(files, pages)
    delays = {"embed_ms": EMBED_MS, "input_ms": INPUT_MS, "first_token_ms": FIRST_TOKEN_MS}
    with (
        tempfile.TemporaryDirectory() as folder,
        provider.running(**delays, token_ms=TOKEN_MS, tokens=TOKENS) as stub,
    ):
        paths = make_files(Path(folder), files, pages)
        with Site(
            {"worker": workers, "clock": 1},
            OPENAI_API_KEY="any",
            OPENAI_BASE_URL=stub.url,
            EMBEDDING_MODEL="text-embedding-3-small",
            CHAT_MODEL="gpt-4.1-mini",
        ) as site:
            if with_floor:
                figures.floor_seconds, figures.floor_cpu = floor(paths, site.database_url, stub)
            stub.reset()
            wait_for_workers(site, workers)
            ingest(site, Path(folder), figures)
            figures.requests = stub.stats()["embeddings"]
    return figures


def make_files(folder: Path, count: int, pages: int) -> list[Path]:
    """Reports in two columns; the longest has about five times the pages of the shortest."""
    weights = [10 + 39 * place / max(1, count - 1) for place in range(count)]
    ends = [round(pages * sum(weights[: place + 1]) / sum(weights)) for place in range(count)]
    paths = [folder / f"report-{place:03}.pdf" for place in range(count)]
    for place, (path, end) in enumerate(zip(paths, ends, strict=True)):
        make_report(path, end - (ends[place - 1] if place else 0), seed=place)
    return paths


# --- ragsite


def wait_for_workers(site: Site, count: int) -> None:
    """Wait until the workers have registered."""
    code = "from documents.work.queue import known_workers; print(known_workers())"
    until = time.monotonic() + PATIENCE
    while int(site.shell(code)) < count and time.monotonic() < until:
        time.sleep(0.5)


def ingest(site: Site, folder: Path, figures: Figures) -> None:
    kinds = [*site.running, "postgres", "redis"]
    with psycopg.connect(site.database_url, autocommit=True) as database:
        before = {kind: site.cpu_seconds(kind) for kind in kinds}
        site.shell(ADD.format(folder=str(folder)))
        # From the first row on: starting Python is no part of it.
        figures.added_seconds = float((database.execute(SINCE_FIRST).fetchone() or (0,))[0])
        began = time.perf_counter() - figures.added_seconds
        while (elapsed := time.perf_counter() - began) < PATIENCE:
            ready, with_summary, failed = database.execute(COUNTS).fetchone() or (0, 0, 0)
            if failed:
                raise RuntimeError(f"{failed} failed:\n{site.log('worker')[-3000:]}")
            watch_memory(site, figures)
            if ready == figures.files and not figures.ready_seconds:
                figures.ready_seconds = elapsed
                figures.cpu_until_ready = sum(site.cpu_seconds(kind) - before[kind] for kind in kinds)
            if ready == with_summary == figures.files:
                figures.summary_seconds = elapsed
                break
            time.sleep(0.1)
        else:
            raise RuntimeError(f"Not finished in time:\n{site.log('worker')[-3000:]}")
        figures.cpu = {kind: site.cpu_seconds(kind) - before[kind] for kind in kinds}
        found = database.execute("select count(*) from documents_chunk").fetchone()
        figures.chunks = found[0] if found else 0


def watch_memory(site: Site, figures: Figures) -> None:
    if figures.files == 1:  # reading it costs more than the rest of the round
        for worker in site.pids("worker"):
            figures.worker_megabytes = max(figures.worker_megabytes, processes.pss_megabytes([worker]))


# --- the floor


def floor(paths: list[Path], database_url: str, stub: provider.Running) -> tuple[float, float]:
    """Seconds and CPU seconds of the least that the same work takes."""
    from ragsite.llm.tokens import tiktoken_tokenizer

    tokenizer = tiktoken_tokenizer()
    tokenizer.count("ready")
    with (
        psycopg.connect(database_url, autocommit=True) as database,
        multiprocessing.Pool(2) as readers,
        ThreadPoolExecutor(IN_FLIGHT) as threads,
    ):
        server = processes.cpu_seconds([database.info.backend_pid])
        pool = [reader.pid for reader in multiprocessing.active_children() if reader.pid]
        before, began = time.process_time() + processes.cpu_seconds(pool), time.perf_counter()
        texts: list[str] = []
        requests: list[Future[list[str]]] = []
        for pages in readers.imap_unordered(pdfium_text, map(str, reversed(paths))):
            texts += chunks_of(pages, tokenizer)
            while len(texts) - BATCH * len(requests) >= BATCH:
                start = BATCH * len(requests)
                requests.append(threads.submit(embed, stub.port, texts[start : start + BATCH]))
        if rest := texts[BATCH * len(requests) :]:
            requests.append(threads.submit(embed, stub.port, rest))
        vectors = [vector for request in requests for vector in request.result()]
        store(database, texts, vectors)
        seconds = time.perf_counter() - began
        cpu = time.process_time() + processes.cpu_seconds(pool) - before
        cpu += processes.cpu_seconds([database.info.backend_pid]) - server
        database.execute("drop table floor_chunk, floor_posting")
    return seconds, cpu


def pdfium_text(path: str) -> list[str]:
    import pypdfium2

    return [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(path)]


def chunks_of(pages: list[str], tokenizer: Any) -> Iterator[str]:
    """Lines packed up to the tokens of a chunk."""
    lines: list[str] = []
    tokens = 0
    for line in (line for page in pages for line in page.splitlines()):
        count = tokenizer.count(line)
        if lines and tokens + count > CHUNK_TOKENS:
            yield "\n".join(lines)
            lines, tokens = [], 0
        lines.append(line)
        tokens += count
    if lines:
        yield "\n".join(lines)


_kept = local()


def embed(port: int, texts: list[str]) -> list[str]:
    """The vectors as base64, by a connection that each thread keeps."""
    if not hasattr(_kept, "connection"):
        _kept.connection = http.client.HTTPConnection("127.0.0.1", port)
    body = {"model": "text-embedding-3-small", "input": texts, "encoding_format": "base64"}
    _kept.connection.request("POST", "/v1/embeddings", json.dumps(body))
    answer = json.load(_kept.connection.getresponse())
    return [item["embedding"] for item in answer["data"]]


def store(database: psycopg.Connection, texts: list[str], vectors: list[str]) -> None:
    import base64

    from pgvector import HalfVector
    from pgvector.psycopg import register_vector

    register_vector(database)
    database.execute("create table floor_chunk (id int8, text text, embedding halfvec)")
    database.execute("create table floor_posting (lexeme text, chunk_id int8, tf int2)")
    with database.cursor().copy("copy floor_chunk from stdin with (format binary)") as copy:
        copy.set_types(["int8", "text", "halfvec"])
        for place, (text, vector) in enumerate(zip(texts, vectors, strict=True)):
            numbers = np.frombuffer(base64.b64decode(vector), "<f4")
            copy.write_row((place, text, HalfVector(numbers)))
    database.execute(
        "insert into floor_posting select w.lexeme, c.id, array_length(w.positions, 1)"
        " from floor_chunk c, unnest(to_tsvector('english', c.text)) w"
    )
    database.execute("create index on floor_posting (lexeme, chunk_id) include (tf)")
    database.execute(
        f"create index on floor_chunk using hnsw ((embedding::halfvec({WIDTH})) halfvec_cosine_ops)"
    )


if __name__ == "__main__":
    main()
