"""The events of a running answer, in the memory of the process that writes it."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

COALESCE_SECONDS = 0.05  # between two events with text


class Position(NamedTuple):
    """The place of an event in its answer: the characters of text up to its end, then the events without text since."""

    characters: int = 0
    events: int = 0

    @classmethod
    def parse(cls, id: str) -> Self:
        """Return the position of an id such as 120-0, which is also one of a Redis Stream."""
        characters, _dash, events = id.partition("-")
        return cls(int(characters), int(events or 0))

    def __str__(self) -> str:
        return f"{self.characters}-{self.events}"


@dataclass(frozen=True, slots=True)
class Event:
    """A piece of text ("token"), or what else the page is told."""

    kind: str
    body: str
    position: Position

    @property
    def id(self) -> str:
        return str(self.position)

    def beyond(self, last: Position) -> Event:
        """Return the event without the text before `last`: events are merged differently in different places."""
        seen = last.characters - (self.position.characters - len(self.body))
        return replace(self, body=self.body[seen:]) if self.kind == "token" and seen > 0 else self


def merged(events: Sequence[Event]) -> list[Event]:
    """Join consecutive pieces of text into one event each."""
    found: list[tuple[Event, list[str]]] = []
    for event in events:
        if event.kind == "token" and found and found[-1][0].kind == "token":
            found[-1] = event, [*found[-1][1], event.body]
        else:
            found.append((event, [event.body]))
    return [replace(last, body="".join(bodies)) if len(bodies) > 1 else last for last, bodies in found]


@dataclass(eq=False)
class Channel:
    """What an answer has published so far. Any number of followers read it."""

    events: list[Event] = field(default_factory=list)
    is_over: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _end: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, kind: str, body: str) -> None:
        before = self.events[-1].position if self.events else Position()
        if kind == "token":
            position = Position(before.characters + len(body))
        else:
            position = Position(before.characters, before.events + 1)
        self.events.append(Event(kind, body, position))
        self._wake()

    def close(self) -> None:
        """Nothing more will come."""
        self.is_over = True
        self._end.set()
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def wait_for_more(self, count: int, seconds: float) -> None:
        """Return once there are more than `count` events, the answer is over, or the time is."""
        if len(self.events) == count and not self.is_over:
            await _wait(self._news, seconds)

    async def wait_for_end(self, seconds: float) -> None:
        await _wait(self._end, seconds)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


class Follower:
    """Reads a channel from a position on: the first text at once, further text gathered for COALESCE_SECONDS."""

    def __init__(self, channel: Channel, last: Position) -> None:
        self.channel, self.last = channel, last
        self._count = bisect_right(channel.events, last, key=lambda event: event.position)
        self._has_text = False

    @property
    def is_at_end(self) -> bool:
        """Whether nothing more will come."""
        return self.channel.is_over and self._count == len(self.channel.events)

    async def next(self, seconds: float) -> list[Event]:
        """Return the next events; none after that many seconds or at the end."""
        await self.channel.wait_for_more(self._count, seconds)
        if self._has_text:
            await self.channel.wait_for_end(COALESCE_SECONDS)
        new = self.channel.events[self._count :]
        self._count += len(new)
        self._has_text = any(event.kind == "token" for event in new)
        return [event.beyond(self.last) for event in merged(new)]
