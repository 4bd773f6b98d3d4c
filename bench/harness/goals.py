"""The goals of performance: what each row of `bench/run` measures, in which unit, and how much of it is too much."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """One row. The key's first part names the measurement it comes from.

    `most` is in the row's unit, or in multiples of the floor where `is_of_floor`; a floor is the least that the same
    work takes without ragsite, measured in the same run.
    """

    key: str
    title: str
    most: float
    unit: str = "ms"
    is_of_floor: bool = False

    @property
    def group(self) -> str:
        return self.key.partition(".")[0]

    @property
    def text(self) -> str:
        return f"≤ {self.most:g} ×" if self.is_of_floor else f"≤ {self.most:,g} {self.unit}".rstrip()


PAGES = {"home": "Home", "documents": "List of 8 documents", "sign-in": "Sign-in page"}
STREAMS = {50: 1.3, 200: 1.8, 500: 3.5}  # people at once, and the wall time over the ideal
SCOPES = ("whole", "10 %", "1 %", "0.1 %")

GOALS = (
    Goal("ingest.wall", "Ingest: until all files are searchable", 2, "s", is_of_floor=True),
    Goal("ingest.summaries", "Ingest: all summaries, after that", 5, "s"),
    Goal("ingest.cpu", "Ingest: CPU a chunk", 5),
    Goal("ingest.worker", "Ingest: a worker on a file of 1,000 pages", 300, "MB"),
    Goal("asking.first_p50", "Before the first token, p50", 20),
    Goal("asking.first_p95", "Before the first token, p95", 40),
    Goal("asking.relay", "Relay of the first token, p50", 5),
    Goal("asking.page", "POST of a question until its page is there, p50", 40),
    Goal("asking.again", "The same question again, same person, p50", 25),
    Goal("asking.again_other", "The same question again, another person, p50", 25),
    Goal("asking.again_calls", "Calls for questions asked again", 0, ""),
    Goal("asking.equal_calls", "Calls for one question by 25 people at once", 1, ""),
    *(
        goal
        for count, most in STREAMS.items()
        for goal in (
            Goal(f"asking.streams_{count}", f"{count} streams at once, wall over ideal", most, "×"),
            Goal(f"asking.errors_{count}", f"{count} streams at once, errors", 0, ""),
        )
    ),
    Goal("asking.cpu", "CPU of the web process an answer, 50 at once", 12),
    Goal("asking.memory", "Web process with 500 streams", 250, "MB"),
    Goal("quotes.last_word", "Extractive answer: its last word, p50", 300),
    *(
        goal
        for name, title in PAGES.items()
        for goal in (
            Goal(f"pages.{name}", f"{title}, p50", 25),
            Goal(f"pages.{name}_cpu", f"{title}, CPU of the web process", 20),
        )
    ),
    Goal("pages.long_list", "List of 10,000 documents, p50", 150),
    Goal("pages.packed", "Scripts and styles of the ask page, packed", 120, "kB"),
    Goal("pages.idle", "Idle site, CPU of all processes", 1, "%"),
    Goal("pages.start", "Start of the web process", 2, "s"),
    Goal("pages.memory", "Web process, idle", 150, "MB"),
    *(
        goal
        for scope in SCOPES
        for goal in (
            Goal(f"scale.{scope} p50", f"Search in 100,000 chunks, {scope}, p50", 15),
            Goal(f"scale.{scope} p95", f"Search in 100,000 chunks, {scope}, p95", 50),
        )
    ),
    Goal("scale.postings", "Bytes a chunk: postings", 3_000, "B"),
    Goal("scale.bytes", "Bytes a chunk: everything, 384 dimensions", 6_000, "B"),
    Goal("small.p50", "Search in 13,381 chunks, p50", 8),
    Goal("small.p95", "Search in 13,381 chunks, p95", 15),
)
GROUPS = tuple(dict.fromkeys(goal.group for goal in GOALS))


def matching(words: Collection[str]) -> list[Goal]:
    """The goals whose key or title contains one of the words; all without words. Raises LookupError if there are none."""
    lower = [word.lower() for word in words]
    found = [goal for goal in GOALS if not lower or any(word in f"{goal.key} {goal.title}".lower() for word in lower)]  # fmt: skip
    if not found:
        raise LookupError(f"No row is called {' or '.join(words)}.")
    return found
