"""Run one measurement and print its figures as JSON: `python -m bench.harness.measurements GROUP --keys KEY ...`.

Each function calls the module that measures, and names its figures by the keys of goals.py: [measured, floor].
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import astuple
from pathlib import Path
from typing import Any

from bench import ingest as ingesting
from bench import pages as reading
from bench import scale as searching
from bench.harness import Site, answers
from bench.harness.goals import PAGES, SCOPES
from bench.harness.processes import be_interruptible
from bench.harness.table import Figure, Figures, Run
from ragsite import embedded

SMALL_CHUNKS, MANY_CHUNKS = 13_381, 100_000


def ingest(run: Run) -> Figures:
    """32 files, or 8 in a quick run, and one of 1,000 pages."""
    found: Figures = {}
    if run.keys - {"ingest.worker"}:
        figures = ingesting.measure(8, 237) if run.is_quick else ingesting.measure()
        floor_ms = 1000 * figures.floor_cpu / max(1, figures.chunks)
        found["ingest.wall"] = Figure(figures.ready_seconds, figures.floor_seconds)
        found["ingest.summaries"] = Figure(max(0.0, figures.summary_seconds - figures.ready_seconds))
        found["ingest.cpu"] = Figure(figures.ms_a_chunk, floor_ms)
    if "ingest.worker" in run.keys and not run.is_quick:
        long = ingesting.measure(1, 1000, with_floor=False)
        found["ingest.worker"] = Figure(long.worker_megabytes)
    return found


def pages(run: Run) -> Figures:
    """A deployed site without a provider, its pages one after the other."""
    sizes = {"requests": 30, "many": 10_000, "idle_seconds": 10 if run.is_quick else 30}
    with Site() as site:
        figures = reading.measure(site, **sizes)
    times = figures["pages"]
    found = {f"pages.{name}": Figure(times[name].p50) for name in PAGES}
    found |= {f"pages.{name}_cpu": Figure(times[name].cpu) for name in PAGES}
    return found | {
        "pages.long_list": Figure(times["list of 10,000"].p50),
        "pages.packed": Figure(sum(figures["packed"].values()) / 1000),
        "pages.idle": Figure(sum(figures["idle"].values())),
        "pages.start": Figure(figures["start"]),
        "pages.memory": Figure(figures["memory"][0]),
    }


def scale(run: Run) -> Figures:
    """A generated corpus of 100,000 chunks, searched in four scopes. To load it takes minutes: a quick run leaves it out."""
    if run.is_quick:
        return {}
    figures = searched(MANY_CHUNKS, run.corpus)
    found = {
        f"scale.{scope} {share}": Figure(figures["warm, ms"][scope][share])
        for scope in SCOPES
        for share in ("p50", "p95")
    }
    found["scale.postings"] = Figure(figures["bytes a chunk, postings"])
    return found | {"scale.bytes": Figure(figures["bytes a chunk, all"])}


def small(run: Run) -> Figures:
    """As scale(), with as many chunks as a collection of abstracts had; a quick run leaves it out."""
    if run.is_quick:
        return {}
    figures = searched(SMALL_CHUNKS, None)["warm, ms"]["whole"]
    return {f"small.{share}": Figure(figures[share]) for share in ("p50", "p95")}


def searched(chunks: int, corpus: Path | None) -> dict[str, Any]:
    """The figures of bench/scale.py; the folder `corpus`, if given, keeps the loaded database."""
    with tempfile.TemporaryDirectory(prefix="ragsite-bench-") as folder:
        var = corpus or Path(folder)
        try:
            return searching.run(var, chunks)
        finally:
            (embedded.stop if corpus else embedded.discard)(var)


MEASUREMENTS: dict[str, Callable[[Run], Figures]] = {
    "ingest": ingest,
    "asking": answers.measure,
    "pages": pages,
    "quotes": answers.measure_quotes,
    "scale": scale,
    "small": small,
}


def main() -> None:
    be_interruptible()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("group", choices=MEASUREMENTS)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--keys", nargs="*", default=[])
    options = parser.parse_args()
    run = Run(frozenset(options.keys), options.quick, options.corpus)
    with redirect_stdout(sys.stderr):  # what the modules print is no figure
        found = MEASUREMENTS[options.group](run)
    print(json.dumps({key: astuple(figure) for key, figure in found.items()}))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
