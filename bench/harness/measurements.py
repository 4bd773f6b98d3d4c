"""Run one measurement and print its figures as JSON: `python -m bench.harness.measurements GROUP --keys KEY ...`.

Each function calls the module that measures, and names its figures by the keys of goals.py: [measured, floor].
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import astuple, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.harness import Person, Site
from bench.harness.goals import PAGES, SCOPES, STREAMS
from bench.harness.table import Figure
from ragsite import embedded

Figures = dict[str, Figure]
ADD_TEXTS = """
from documents.models import Collection, Document
shelf = Collection.objects.create(name="Handbook", everyone_reads=True)
for number, text in enumerate({texts!r}):
    document, _is_new = Document.objects.add_text(shelf, f"Part {{number}}", text, user=None)
    document.index()
"""
QUICK_CHUNKS, SMALL_CHUNKS, MANY_CHUNKS = 5_000, 13_381, 100_000


@dataclass(frozen=True)
class Run:
    """What is wanted: the keys of the rows, how much work, and where a corpus is kept for the next run."""

    keys: frozenset[str]
    is_quick: bool = False
    corpus: Path | None = None


def ingest(run: Run) -> Figures:
    """32 files, or 8 in a quick run, and one of 1,000 pages."""
    module = import_module("bench.ingest")

    found: Figures = {}
    if run.keys - {"ingest.worker"}:
        figures = module.measure(8, 237) if run.is_quick else module.measure()
        floor_ms = 1000 * figures.floor_cpu / max(1, figures.chunks)
        found["ingest.wall"] = Figure(figures.ready_seconds, figures.floor_seconds)
        found["ingest.summaries"] = Figure(max(0.0, figures.summary_seconds - figures.ready_seconds))
        found["ingest.cpu"] = Figure(figures.ms_a_chunk, floor_ms)
    if "ingest.worker" in run.keys and not run.is_quick:
        long = module.measure(1, 1000, with_floor=False)
        found["ingest.worker"] = Figure(long.worker_megabytes)
    return found


def asking(run: Run) -> Figures:
    """One person after the other, then many at once; the floor is that of bench/harness/minimal.py."""
    module = import_module("bench.asking")

    counts = [50] if run.is_quick else list(STREAMS)
    figures, floor = module.figures(counts, alone=10 if run.is_quick else 30)
    found = {
        "asking.first_p50": Figure(share(figures.alone.own, 0.5), share(floor.first_token, 0.5)),
        "asking.first_p95": Figure(share(figures.alone.own, 0.95), share(floor.first_token, 0.95)),
        "asking.relay": Figure(share(figures.alone.relay, 0.5), share(floor.relay, 0.5)),
        "asking.page": Figure(share(figures.alone.page, 0.5)),
        "asking.again": Figure(share(figures.again.same, 0.5)),
        "asking.again_other": Figure(share(figures.again.other, 0.5)),
        "asking.again_calls": Figure(figures.again.calls),
        "asking.equal_calls": Figure(figures.equal.calls),
        "asking.cpu": Figure(figures.together[50].cpu_ms, floor.cpu_ms[50]),
    }
    for count, together in figures.together.items():
        ideal = module.IDEAL_SECONDS
        found[f"asking.streams_{count}"] = Figure(together.seconds / ideal, floor.seconds[count] / ideal)
        found[f"asking.errors_{count}"] = Figure(len(together.errors))
    if 500 in figures.together:
        found["asking.memory"] = Figure(figures.together[500].megabytes, floor.megabytes)
    return found


def share(values: list[float], part: float) -> float:
    """The value that this part of them does not exceed."""
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


def pages(run: Run) -> Figures:
    """A deployed site without a provider, its pages one after the other."""
    module = import_module("bench.pages")

    sizes = {"requests": 30, "many": 10_000, "idle_seconds": 10 if run.is_quick else 30}
    with Site() as site:
        figures = module.measure(site, **sizes)
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
    """A generated corpus of 100,000 chunks, or of 5,000 in a quick run, searched in four scopes."""
    figures = searched(QUICK_CHUNKS if run.is_quick else MANY_CHUNKS, run.corpus)
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
    module = import_module("bench.scale")

    with tempfile.TemporaryDirectory(prefix="ragsite-bench-") as folder:
        var = corpus or Path(folder)
        try:
            figures: dict[str, Any] = module.run(var, chunks)
            return figures
        finally:
            (embedded.stop if corpus else embedded.discard)(var)


def quotes(run: Run) -> Figures:
    """Answers without a language model, by the local embedder, one after the other."""
    asking = import_module("bench.asking")

    with Site({"web": 1}) as site:
        reader = site.sign_in("reader")
        site.shell(ADD_TEXTS.format(texts=asking.TEXTS))
        taken = asyncio.run(extractive(reader, 8 if run.is_quick else 25))
    return {"quotes.last_word": Figure(statistics.median(taken))}


async def extractive(reader: Person, count: int) -> list[float]:
    """Milliseconds from the POST to the last word of each answer; the first two warm up."""
    browser = import_module("bench.browser").Browser(reader.port, reader.cookies["ragsite_session"])
    asked = [await browser.ask(f"What do members of group {7 * number + 3} pay?") for number in range(count + 2)]  # fmt: skip
    assert not any(one.error for one in asked), asked
    return [(one.final - one.began) * 1000 for one in asked[2:]]


MEASUREMENTS: dict[str, Callable[[Run], Figures]] = {
    "ingest": ingest,
    "asking": asking,
    "pages": pages,
    "quotes": quotes,
    "scale": scale,
    "small": small,
}


def main() -> None:
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
