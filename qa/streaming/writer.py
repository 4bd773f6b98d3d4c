"""Writes the events of this process's answers to Redis, where reloads and other processes read them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from contextvars import Context
from dataclasses import dataclass
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from redis.exceptions import RedisError, ResponseError

from qa.streaming.channel import Channel, merged
from qa.streaming.clients import PAUSE_SECONDS, clients

logger = logging.getLogger(__name__)

KEEP_SECONDS = 600  # for which the stream of a finished answer stays in Redis
MAX_SECONDS = 3600  # the same, should its writer die
GATHER_SECONDS = 0.05  # between two pipelines; longer with many answers
MOST_GATHER_SECONDS = 0.5
GIVE_UP_SECONDS = 60  # after the end of an answer that Redis did not take; the database has it


@dataclass(eq=False)
class Stream:
    """A channel on its way to Redis: how many of its events are there, and since when it is over."""

    key: str
    channel: Channel
    written: int = 0
    over_since: float = float("inf")


class Writer:
    """Sends what is new in all streams in one pipeline. While Redis is away, it waits: nothing is dropped."""

    def __init__(self) -> None:
        self._changed: dict[Stream, None] = {}
        self._task: asyncio.Task[None] | None = None
        self._is_away = False

    def note(self, stream: Stream) -> None:
        """Write the stream's new events soon."""
        self._changed[stream] = None
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self.write_loop(), context=Context())

    async def flush(self, seconds: float) -> None:
        """Wait that long for what is not written yet, then give it up."""
        if self._task and not self._task.done():
            await asyncio.wait([self._task], timeout=seconds)
            self._changed.clear()
            await end_all([self._task])

    async def write_loop(self) -> None:
        """Write until nothing is left to write."""
        while self._changed:
            streams = list(self._changed)
            is_written = await self._write(streams)
            await asyncio.sleep(_pause(len(streams)) if is_written else PAUSE_SECONDS)

    async def _write(self, streams: list[Stream]) -> bool:
        counts = {stream: len(stream.channel.events) for stream in streams}
        try:
            _raise_failure(await _pipeline(streams).execute(raise_on_error=False))
        except (RedisError, OSError) as error:
            self._note_outage(error, streams)
            return False
        self._is_away = False
        for stream, count in counts.items():
            stream.written = count
            if count == len(stream.channel.events):
                self._changed.pop(stream, None)
        return True

    def _note_outage(self, error: Exception, streams: list[Stream]) -> None:
        if not self._is_away:
            logger.warning("Redis does not take the streams of answers, %s", type(error).__name__)
        self._is_away = True
        for stream in streams:
            if stream.channel.is_over:
                stream.over_since = min(stream.over_since, monotonic())
            if monotonic() - stream.over_since > GIVE_UP_SECONDS:
                self._changed.pop(stream, None)


def _pipeline(streams: list[Stream]) -> Any:
    pipe = clients().producer.pipeline(transaction=False)
    for stream in streams:
        for event in merged(stream.channel.events[stream.written :]):
            pipe.xadd(stream.key, {"kind": event.kind, "body": event.body}, id=event.id)
        if stream.channel.is_over or not stream.written:
            pipe.expire(stream.key, KEEP_SECONDS if stream.channel.is_over else MAX_SECONDS)
    return pipe


def _raise_failure(results: list[Any]) -> None:
    """Raise the first error, but for those of events that an earlier try has written already."""
    for result in results:
        is_written_before = isinstance(result, ResponseError) and "equal or smaller" in str(result)
        if isinstance(result, Exception) and not is_written_before:
            raise result


def _pause(streams: int) -> float:
    return min(max(GATHER_SECONDS, streams / 1000), MOST_GATHER_SECONDS)


async def end_all(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel the tasks until they end: a wait that completes at the same moment can swallow a cancellation."""
    while tasks:
        for task in tasks:
            task.cancel()
        _done, tasks = await asyncio.wait(tasks, timeout=0.5)


_writers: WeakKeyDictionary[asyncio.AbstractEventLoop, Writer] = WeakKeyDictionary()


def writer() -> Writer:
    """Return the writer of the running event loop."""
    return _writers.setdefault(asyncio.get_running_loop(), Writer())
