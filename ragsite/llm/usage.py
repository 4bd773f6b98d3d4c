"""Tokens, money and the one log line of every call to a model."""

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
MAX_TOKENS = 100_000_000  # of one call; what is more is no count


@dataclass(frozen=True)
class Usage:
    """Tokens as the provider counted them; None where it did not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None


NOT_SAID = Usage()


def read_usage(value: object, *, is_embedding: bool = False) -> Usage:
    """The usage in a provider's answer; anything odd counts as not said. Embeddings have no output."""
    return Usage(_count(value, "prompt_tokens"), 0 if is_embedding else _count(value, "completion_tokens"))


def _count(value: object, name: str) -> int | None:
    number = value.get(name) if isinstance(value, dict) else None
    if not isinstance(number, int) or isinstance(number, bool):
        return None
    return number if 0 <= number <= MAX_TOKENS else None


def price(model: str, input_tokens: int | None, output_tokens: int | None) -> Decimal | None:
    """US dollars by settings.MODEL_PRICES; None for a model that is not listed or tokens that are not known."""
    # Providers answer with a dated name (gpt-4.1-2025-04-14) that costs what the plain one costs.
    prices = settings.MODEL_PRICES.get(model) or settings.MODEL_PRICES.get(
        re.sub(r"-\d{4}-\d\d-\d\d$", "", model)
    )
    if not prices or input_tokens is None or output_tokens is None:
        return None
    paid = Decimal(str(prices["input"])) * input_tokens + Decimal(str(prices["output"])) * output_tokens
    return paid / MILLION


@dataclass
class Collected:
    """What the calls inside a `collect_usage()` block used. Calls that did not say count nothing."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


_collecting: ContextVar[tuple[Collected, ...]] = ContextVar("collecting", default=())


@contextmanager
def collect_usage() -> Iterator[Collected]:
    """Sums the tokens of all calls made inside the block, blocks inside it included."""
    collected = Collected()
    token = _collecting.set((*_collecting.get(), collected))
    try:
        yield collected
    finally:
        _collecting.reset(token)


@dataclass
class Call:
    """One request to a model, timed from its making."""

    name: str
    model: str
    host: str
    texts: int = 0
    usage: Usage = NOT_SAID
    started: float = field(default_factory=monotonic)

    @property
    def ms(self) -> int:
        return round((monotonic() - self.started) * 1000)

    def ended(self, outcome: str = "ok") -> None:
        """Writes the log line: names and numbers, never a text. Safe in any thread."""
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
        """Adds the tokens to the `collect_usage()` blocks around. To be called in the caller's own thread."""
        for collected in _collecting.get():
            collected.calls += 1
            collected.input_tokens += self.usage.input_tokens or 0
            collected.output_tokens += self.usage.output_tokens or 0
