"""Figures of asking, by bench/asking.py, and its floor, by bench/harness/floors.py."""

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bench import asking, browser, provider
from bench.harness import Person, Site, floors
from bench.harness.goals import STREAMS
from bench.harness.table import Figure, Figures, Run

PAUSE = 2.0  # seconds between two rounds, in which the site finishes what it began
AGAIN = 10  # questions that are asked again


@dataclass
class Answers:
    """What bench/asking.py found: one person after the other, and so many at once."""

    alone: asking.Alone
    again: list[float]  # milliseconds to the last word: the same person
    again_other: list[float]  # another person with the same rights
    again_calls: int
    equal: asking.Together
    together: dict[int, asking.Together]


def measure(run: Run) -> Figures:
    """One person after the other, then 50, 200 and 500 at once; in a quick run fewer questions, and only 50."""
    counts = [50] if run.is_quick else list(STREAMS)
    alone = 10 if run.is_quick else asking.ALONE
    browser.allow_many_files()
    with provider.running(**asking.DELAYS) as stub:
        floor = floors.measure(stub, counts, alone, asking.FIRST_TOKEN_MS, asking.TOKENS)
        with Site({"web": 1}, **asking.settings_for(stub)) as site:
            people = asking.prepare(site, max(counts))
            answers = asyncio.run(ask(site, people, stub, counts, alone))
    return figures(answers, floor)


async def ask(
    site: Site, people: list[Person], stub: provider.Running, counts: Sequence[int], alone: int
) -> Answers:
    one = await asking.ask_alone(people, stub, alone)
    again, other, calls = await ask_again(people, stub)
    equal = await asking.ask_together(site, people[: asking.EQUAL], stub, lambda _at: question("equal"))
    together = {}
    for count in counts:
        await asyncio.sleep(PAUSE)
        together[count] = await asking.ask_together(site, people[:count], stub, partial(question, count))
    return Answers(one, again, other, calls, equal, together)


async def ask_again(people: list[Person], stub: provider.Running) -> tuple[list[float], list[float], int]:
    """Milliseconds of answers that were given before, to the same person and to another one, and the calls for them."""
    stub.reset()
    same, other = [], []
    for number in range(AGAIN):
        text = question("again", number)
        await milliseconds(people[0], text)
        same.append(await milliseconds(people[0], text))
        other.append(await milliseconds(people[1], text))
    return same, other, stub.stats()["chats"] - AGAIN


async def milliseconds(person: Person, text: str) -> float:
    asked = await browser.Browser(person).ask(text)
    assert not asked.error, asked.error
    return (asked.ended - asked.began) * 1000


def question(mark: object, number: int = 0) -> str:
    return f"What do the members of group {mark} {number} pay for the boat house?"


def figures(answers: Answers, floor: floors.Floor) -> Figures:
    """The figures by key. The wall time of many is in multiples of what the provider takes."""
    alone = answers.alone
    found = {
        "asking.first_p50": Figure(share(alone.own, 0.5), share(floor.first_token, 0.5)),
        "asking.first_p95": Figure(share(alone.own, 0.95), share(floor.first_token, 0.95)),
        "asking.relay": Figure(share(alone.relay, 0.5), share(floor.relay, 0.5)),
        "asking.page": Figure(share(alone.page, 0.5)),
        "asking.again": Figure(share(answers.again, 0.5)),
        "asking.again_other": Figure(share(answers.again_other, 0.5)),
        "asking.again_calls": Figure(answers.again_calls),
        "asking.equal_calls": Figure(answers.equal.calls),
        "asking.cpu": Figure(answers.together[50].cpu_ms, floor.cpu_ms[50]),
    }
    for count, together in answers.together.items():
        ideal = asking.IDEAL_SECONDS
        found[f"asking.streams_{count}"] = Figure(together.seconds / ideal, floor.seconds[count] / ideal)
        found[f"asking.errors_{count}"] = Figure(len(together.errors))
    if (most := answers.together.get(500)) is not None:
        found["asking.memory"] = Figure(most.megabytes, floor.megabytes)
    return found


def share(values: Sequence[float], part: float) -> float:
    """The value that this part of them does not exceed."""
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


def measure_quotes(run: Run) -> Figures:
    """Answers without a language model, by the local embedder, one after the other; the first two warm up."""
    count = 8 if run.is_quick else 25
    with Site({"web": 1}) as site:
        (reader,) = asking.prepare(site, 1)
        taken = asyncio.run(ask_each(reader, [question("quoted", number) for number in range(count + 2)]))
    return {"quotes.last_word": Figure(statistics.median(taken[2:]))}


async def ask_each(person: Person, questions: Sequence[str]) -> list[float]:
    return [await milliseconds(person, text) for text in questions]
