"""Limits of a server and model that were found by rejected requests, stored for a week."""

from dataclasses import dataclass, field
from hashlib import sha256

from ragsite.llm import cache
from ragsite.llm.provider import Provider

WEEK = 7 * 24 * 3600


@dataclass
class Quirks:
    """Parameters to omit, and the largest batch."""

    key: str
    dropped: set[str] = field(default_factory=set)
    texts: int | None = None
    tokens: int | None = None

    def drop(self, parameter: str) -> None:
        self.dropped.add(parameter)

    def save(self) -> None:
        value = {"dropped": sorted(self.dropped), "texts": self.texts, "tokens": self.tokens}
        cache.remember(self.key, value, WEEK)


def quirks_of(server: Provider, model: str) -> Quirks:
    key = "llm:quirks:" + sha256(f"{server.base_url}\0{model}".encode()).hexdigest()
    known = cache.recall_lately(key)[0] or {}
    return Quirks(key, set(known.get("dropped", ())), known.get("texts"), known.get("tokens"))
