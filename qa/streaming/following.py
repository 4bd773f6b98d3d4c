"""Follows the events of an answer: from memory in the process that writes it, or else from Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from html import unescape
from time import monotonic

from redis.exceptions import RedisError

from qa.answering import Piece
from qa.streaming.channel import Event, Follower, Position
from qa.streaming.clients import PAUSE_SECONDS, clients, stream_key
from qa.streaming.running import RUNNING

BLOCK_MS = 2500  # of one read, below redis-py's own socket time-out
MAX_SILENCE_SECONDS = 30  # of an answer of another process, which may have died


class Events:
    """The events of an answer after a position."""

    def __init__(self, name: str, last: Position | None = None) -> None:
        self.name, self.last = name, last or Position()
        running = RUNNING.get(name)
        self.follower = Follower(running.channel, self.last) if running else None
        self.is_cut_off = False  # its writer in this process is gone
        self._wait: int | None = None  # the first read does not block: the stream may be complete

    async def next(self) -> list[Event]:
        """Return the next events; none after BLOCK_MS, and none while Redis is down."""
        if self.follower:
            new = await self.follower.next(BLOCK_MS / 1000)
            if self.follower.is_at_end:
                self.follower, self.is_cut_off = None, True
        else:
            new = await _next_entries(self.name, self.last, self._wait)
            self._wait = BLOCK_MS
        self.last = new[-1].position if new else self.last
        return new


async def _next_entries(name: str, last: Position, wait: int | None) -> list[Event]:
    try:
        answers = await clients().consumer.xread({stream_key(name): str(last)}, block=wait, count=500)
    except (RedisError, OSError):
        await asyncio.sleep(PAUSE_SECONDS)
        return []
    entries = answers[0][1] if isinstance(answers, list) and answers else []
    return [
        Event(entry[b"kind"].decode(), entry[b"body"].decode(), Position.parse(id.decode())).beyond(last)
        for id, entry in entries
    ]


async def follow_text(name: str) -> AsyncGenerator[Piece]:
    """Yield the text of the running answer with this name, until it ends or its writer seems to have died."""
    events, heard_at = Events(name), monotonic()
    while events.follower or monotonic() - heard_at < MAX_SILENCE_SECONDS:
        for event in await events.next():
            heard_at = monotonic()
            if event.kind == "token":
                yield Piece(text=unescape(event.body))
            elif event.kind == "back":
                yield Piece(takes_back=True)
            elif event.kind in ("final", "done"):
                return
        if events.is_cut_off:
            return
