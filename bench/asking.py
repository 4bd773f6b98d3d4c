"""Measure asking: `python -m bench.asking [--streams 1,10,50,200,500]`.

Starts the site as deployed with one web process, and a provider of its own (bench/provider.py). People who are signed in
send a question as the page does and read its stream to the end. Prints, for one person after the other, the site's own
milliseconds before the first token and those of its relay; for many at once the wall time over the ideal (the time that
the provider takes), refused and failed answers, CPU and memory of the web process; and what equal questions cost.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench import browser, provider
from bench.browser import Asked, Browser
from bench.harness import processes
from bench.harness.person import Person
from bench.harness.site import Site

FIRST_TOKEN_MS, TOKEN_MS, TOKENS, EMBED_MS = 300, 20, 80, 0
DELAYS = {
    "first_token_ms": FIRST_TOKEN_MS,
    "token_ms": TOKEN_MS,
    "tokens": TOKENS,
    "embed_ms": EMBED_MS,
    "input_ms": 0,
}
IDEAL_SECONDS = (EMBED_MS + FIRST_TOKEN_MS + TOKEN_MS * (TOKENS - 1)) / 1000
ALONE = 30  # questions of one person after the other
EQUAL = 25  # people who ask the same at once
LOAD = """
from django.core.files.base import ContentFile
from documents.models import Collection, Document
shelf = Collection.objects.create(name="Handbook", everyone_reads=True)
for number, text in enumerate({texts!r}):
    document, _is_new = Document.objects.add_file(shelf, ContentFile(text.encode(), name=f"part{{number}}.txt"), user=None)
    document.index()
"""
TEXTS = [
    f"Part {part} of the handbook.\n\n"
    + "\n\n".join(
        f"Rule {part}.{rule}: members of group {part * 7 + rule} pay {part * 10 + rule} euros for the boat house and return"
        f" the key number {rule} before the {rule + 1}. of the month to the office on quay {part}."
        for rule in range(12)
    )
    for part in range(24)
]


@dataclass
class Alone:
    """Milliseconds of questions that were asked one after the other."""

    own: list[float]  # before the first token, without the provider's time
    relay: list[float]  # of the first token
    page: list[float]  # from the POST until the page with the question stands

    def lines(self) -> list[str]:
        rows = {"before the first token": self.own, "relay": self.relay, "POST to page": self.page}
        return [
            f"{name:24} p50 {_share(row, 0.5):6.1f} ms  p95 {_share(row, 0.95):6.1f} ms"
            for name, row in rows.items()
        ]


@dataclass
class Again:
    """Milliseconds to the end of answers that were given before, and how often the provider was asked for them."""

    same: list[float]  # person
    other: list[float]
    calls: int

    def lines(self) -> list[str]:
        rows = {"same person": self.same, "another person": self.other}
        lines = [f"again, {name:15} p50 {_share(row, 0.5):6.1f} ms to the end" for name, row in rows.items()]
        return [*lines, f"again: {self.calls} calls for {len(self.same) + len(self.other)} questions"]


@dataclass
class Together:
    """What it took when `streams` people asked at once."""

    streams: int
    seconds: float
    errors: list[str]
    cpu_ms: float  # of the web process, an answer
    megabytes: float  # of the web process, at most
    first_token_ms: float  # median, without the provider's time
    calls: int

    def line(self) -> str:
        kinds = ", ".join(sorted(set(self.errors)))[:120]
        return (
            f"{self.streams:4} streams: {self.seconds / IDEAL_SECONDS:5.2f} x ideal, {len(self.errors):3} errors {kinds}"
            f" CPU {self.cpu_ms:6.1f} ms an answer, first token {self.first_token_ms:6.0f} ms, {self.megabytes:4.0f} MB,"
            f" {self.calls} calls"
        )


async def ask_alone(people: list[Person], source: provider.Running, count: int = ALONE) -> Alone:
    """Ask different questions, one after the other; the answers are short, for only their first token counts."""
    source.change(tokens=3)
    found = Alone([], [], [])
    for number in range(count + 3):
        asked = await Browser(people[number % len(people)]).ask(_question(f"alone {number}"))
        assert not asked.error, asked.error
        if number >= 3:  # the first ones warm up
            found.own.append((asked.first_token - asked.began) * 1000 - EMBED_MS - FIRST_TOKEN_MS)
            found.relay.append((asked.first_token - source.stats()["first_token_at"]) * 1000)
            found.page.append((asked.page - asked.began) * 1000)
    source.change(tokens=TOKENS)
    return found


async def ask_together(
    site: Site, people: list[Person], source: provider.Running, question: Callable[[int], str]
) -> Together:
    """Have the people ask at the same time and read to the end."""
    source.reset()
    cpu, began = site.cpu_seconds("web"), time.monotonic()
    asking = (Browser(person).ask(question(at)) for at, person in enumerate(people))
    most, asked = await _watching(site, asyncio.gather(*asking))
    seconds = max(one.ended for one in asked) - began
    tokens = [one.first_token - one.began for one in asked if not one.error and one.first_token]
    return Together(
        len(people),
        seconds,
        [one.error for one in asked if one.error],
        (site.cpu_seconds("web") - cpu) * 1000 / len(people),
        most,
        statistics.median(tokens or [0]) * 1000 - EMBED_MS - FIRST_TOKEN_MS,
        source.stats()["chats"],
    )


async def _watching(site: Site, work: Awaitable[list[Asked]]) -> tuple[float, list[Asked]]:
    """Return the most memory that the web process had during the work, and its result."""
    task, most = asyncio.ensure_future(work), 0.0
    while not task.done():
        most = max(most, processes.rss_megabytes(site.pids("web")))
        await asyncio.wait([task], timeout=0.2)
    return most, task.result()


async def ask_again(people: list[Person], source: provider.Running) -> Again:
    """Ask what was answered before: by the same person, and by another one with the same rights."""
    found, first = Again([], [], 0), 5
    source.reset()
    for number in range(first):
        question = _question(f"again {number}")
        await Browser(people[0]).ask(question)
        for row, person in zip((found.same, found.other), people, strict=False):
            asked = await Browser(person).ask(question)
            assert not asked.error, asked.error
            row.append((asked.ended - asked.began) * 1000)
    found.calls = source.stats()["chats"] - first
    return found


def _question(mark: object, number: int | str = "") -> str:
    return f"What do the members of group {mark} {number} pay for the boat house?"


def _share(values: list[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


async def measure(site: Site, people: list[Person], source: provider.Running, streams: Sequence[int]) -> None:
    """Measure everything, and print a line for each row as it is known."""
    idle = processes.rss_megabytes(site.pids("web"))
    print(f"web idle {idle:.0f} MB; ideal {IDEAL_SECONDS:.2f} s", flush=True)
    print(*(await ask_alone(people, source)).lines(), sep="\n", flush=True)
    print(*(await ask_again(people, source)).lines(), sep="\n", flush=True)
    equal = await ask_together(site, people[:EQUAL], source, lambda _at: _question("equal"))
    print(f"equal at once: {equal.line()}", flush=True)
    for count in streams:
        together = await ask_together(site, people[:count], source, partial(_question, count))
        print(together.line(), flush=True)
        await asyncio.sleep(2)


def settings_for(source: provider.Running) -> dict[str, Any]:
    """Return the settings of a site that asks this provider for answers and vectors."""
    return {
        "OPENAI_BASE_URL": source.url,
        "OPENAI_API_KEY": "unused",
        "EMBEDDING_MODEL": "bench",
        "EMBEDDING_DIMENSIONS": "384",
    }


def prepare(site: Site, count: int) -> list[Person]:
    """Load the documents, which everybody may read, and sign that many people in."""
    site.shell(LOAD.format(texts=TEXTS))
    return site.sign_in_all([f"person{number}" for number in range(count)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--streams", default="1,10,50,200,500")
    options = parser.parse_args()
    streams = [int(number) for number in options.streams.split(",") if number]
    browser.allow_many_files()
    with provider.running(**DELAYS) as source, Site({"web": 1}, **settings_for(source)) as site:
        asyncio.run(measure(site, prepare(site, max([EQUAL, *streams])), source, streams))


if __name__ == "__main__":
    main()
