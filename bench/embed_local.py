"""Measure the speed of the local models: `python bench/embed_local.py`.

Reports chunks of 250 word pieces per second and the milliseconds of a short question, with one and with two threads that
compute batches, each in a separate process. BLAS has one thread, as in the Procfile. The floor is the time of the
matrix products alone; the ratio shows the overhead outside BLAS. A second line is the reranker's: the milliseconds of
a question with 20 passages, by the clock and by the processor.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PIECES = 250
CHUNKS = 8
SECONDS = 5.0
QUESTION = "How much does fresh water cost at the quay?"
# Pairs of 28 to 66 word pieces, 47 in the mean.
PASSAGES = ["ship " * (15 + 2 * number) for number in range(20)]


def main() -> None:
    for threads in (1, 2):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        for model in ("embedder", "reranker"):
            subprocess.run([sys.executable, __file__, model, str(threads)], env=environment, check=True)


def measure_embedder(threads: int) -> None:
    from ragsite.llm.backends import local

    local.THREADS = threads
    started = time.perf_counter()
    local.load()
    local.tokenizer.count("")
    loaded = time.perf_counter() - started
    chunk = best(lambda: local.embed(["ship " * PIECES] * CHUNKS)) / CHUNKS
    question = best(lambda: local.embed([QUESTION]))
    with ThreadPoolExecutor(threads) as pool:
        floor = best(lambda: list(pool.map(multiply, [CHUNKS * PIECES] * threads))) / (CHUNKS * threads)
    print(
        f"{threads} thread(s): {1 / chunk:5.1f} chunks/s (floor {1 / floor:5.1f}, ratio {chunk / floor:.2f}),"
        f" one question {question * 1000:5.1f} ms, load {loaded * 1000:4.0f} ms, {resident_megabytes()} MB resident"
    )


def measure_reranker(threads: int) -> None:
    from ragsite.llm.backends import reranker

    before = resident_megabytes()
    reranker.THREADS = threads
    started = time.perf_counter()
    model = reranker.load()
    loaded = time.perf_counter() - started
    if model is None:
        print("The reranker is not installed.")
        return
    seconds = best(lambda: model.score(QUESTION, PASSAGES))
    processor = best(lambda: model.score(QUESTION, PASSAGES), time.process_time)
    print(
        f"{threads} thread(s): {len(PASSAGES)} passages {seconds * 1000:5.1f} ms, of processor {processor * 1000:5.1f} ms,"
        f" load {loaded * 1000:4.0f} ms, {resident_megabytes()} MB resident, {before} before"
    )


def best(action: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the seconds of the fastest run, which other processes disturb least."""
    action()
    end = time.perf_counter() + SECONDS
    fastest = float("inf")
    while time.perf_counter() < end:
        started = clock()
        action()
        fastest = min(fastest, clock() - started)
    return fastest


def multiply(rows: int) -> None:
    """Compute only the matrix products of the dense layers, 1,000 rows at once."""
    import numpy as np

    for inputs, outputs in [(384, 1152), (384, 384), (384, 1536), (1536, 384)]:
        left, right = np.ones((1000, inputs), np.float32), np.ones((inputs, outputs), np.float32)
        result = np.empty((1000, outputs), np.float32)
        for _ in range(6 * rows // 1000):
            np.matmul(left, right, out=result)


def resident_megabytes() -> str:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return "?"
    return next(str(int(line.split()[1]) // 1024) for line in lines if line.startswith("VmRSS"))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    measures = {"embedder": measure_embedder, "reranker": measure_reranker}
    measures[sys.argv[1]](int(sys.argv[2])) if len(sys.argv) > 1 else main()
