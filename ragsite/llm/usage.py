"""Token usage, prices, and the log line of each call to a model."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from time import monotonic

from django.conf import settings

logger = logging.getLogger("ragsite.llm")
MILLION = 1_000_000
MAX_TOKENS = 100_000_000  # per call; larger numbers are invalid


@dataclass(frozen=True)
class Usage:
    """Token counts reported by the provider; None if it reports none."""

    input_tokens: int | None = None
    output_tokens: int | None = None


NO_USAGE = Usage()


def read_usage(value: object, *, is_embedding: bool = False) -> Usage:
    """Parse the usage in a response, ignoring invalid values. Embeddings have no output tokens."""
    return Usage(_count(value, "prompt_tokens"), 0 if is_embedding else _count(value, "completion_tokens"))


def _count(value: object, name: str) -> int | None:
    number = value.get(name) if isinstance(value, dict) else None
    if not isinstance(number, int) or isinstance(number, bool):
        return None
    return number if 0 <= number <= MAX_TOKENS else None


def price(model: str, input_tokens: int | None, output_tokens: int | None) -> Decimal | None:
    """US dollars by settings.MODEL_PRICES; None if the model or the token counts are unknown."""
    # Providers report dated names (gpt-4.1-2025-04-14) with the price of the plain one.
    prices = settings.MODEL_PRICES.get(model) or settings.MODEL_PRICES.get(
        re.sub(r"-\d{4}-\d\d-\d\d$", "", model)
    )
    if not prices or input_tokens is None or output_tokens is None:
        return None
    paid = Decimal(str(prices["input"])) * input_tokens + Decimal(str(prices["output"])) * output_tokens
    return paid / MILLION


@dataclass
class Collected:
    """The total usage of the calls in a `collect_usage()` block. Calls without reported usage add nothing."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


_collecting: ContextVar[tuple[Collected, ...]] = ContextVar("collecting", default=())


@contextmanager
def collect_usage() -> Iterator[Collected]:
    """Sum the tokens of all calls in the block, nested blocks included."""
    collected = Collected()
    token = _collecting.set((*_collecting.get(), collected))
    try:
        yield collected
    finally:
        _collecting.reset(token)


@dataclass
class Call:
    """A request to a model, timed from its creation."""

    name: str
    model: str
    host: str
    texts: int = 0
    usage: Usage = NO_USAGE
    started: float = field(default_factory=monotonic)

    @property
    def ms(self) -> int:
        return round((monotonic() - self.started) * 1000)

    def log(self, outcome: str = "ok") -> None:
        """Write the log line: names and numbers, never a text. Safe in any thread."""
        values = {
            "call": self.name,
            "model": self.model,
            "host": self.host,
            "ms": self.ms,
            "texts": self.texts,
            "input_tokens": self.usage.input_tokens,
            "output_tokens": self.usage.output_tokens,
            "outcome": outcome,
        }
        line = " ".join(
            f"{name}={value}" for name, value in values.items() if value not in (None, 0) or name == "ms"
        )
        logger.log(
            logging.INFO if outcome in ("ok", "cancelled") else logging.WARNING, "%s", line, extra=values
        )

    def count(self) -> None:
        """Add the tokens to the enclosing `collect_usage()` blocks. Must run in the caller's thread."""
        for collected in _collecting.get():
            collected.calls += 1
            collected.input_tokens += self.usage.input_tokens or 0
            collected.output_tokens += self.usage.output_tokens or 0
