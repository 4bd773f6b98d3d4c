"""Limit a stream's share of the event loop, so that a fast stream does not delay the others."""

import asyncio
from collections.abc import AsyncIterator, Callable
from time import perf_counter

SLICE_SECONDS = 0.005
SHARE = 2  # all streams together leave the loop about half of its time

# With many streams, each is read less often and finds several tokens at once. With few, every token is passed on alone.
FEW_STREAMS = 20
GATHER_SECONDS_PER_STREAM = 0.001
MOST_GATHER_SECONDS = 0.3
BUFFERED_SECONDS = 0.0005  # a part that arrives sooner was there already, and others may be behind it

_streams = 0


class Pace:
    """Measure the processing time of one stream and sleep in proportion to it. Used as a context manager."""

    def __init__(self) -> None:
        self._debt = 0.0
        self._since = perf_counter()

    def __enter__(self) -> "Pace":
        global _streams
        _streams += 1
        return self

    def __exit__(self, *_error: object) -> None:
        global _streams
        _streams -= 1

    def has_waited(self) -> None:
        """Call when data arrives: the time spent waiting for it reduces the debt."""
        now = perf_counter()
        self._debt = max(self._debt - (now - self._since), 0.0)
        self._since = now

    async def gathered(
        self, parts: AsyncIterator[bytes], is_at_its_end: Callable[[], bool]
    ) -> AsyncIterator[bytes]:
        """Yield the parts as they arrive; with many streams, wait for more of them after one that was waited for."""
        asked = perf_counter()
        async for part in parts:
            was_waited_for = perf_counter() - asked > BUFFERED_SECONDS
            yield part
            if was_waited_for and _streams > FEW_STREAMS and not is_at_its_end():
                await asyncio.sleep(min(_streams * GATHER_SECONDS_PER_STREAM, MOST_GATHER_SECONDS))
            asked = perf_counter()

    async def rest(self) -> None:
        """Call after each unit of work: yields to the event loop once the time slice is used up."""
        now = perf_counter()
        self._debt += now - self._since
        self._since = now
        if self._debt >= SLICE_SECONDS:
            await asyncio.sleep(min(self._debt, 0.05) * SHARE * max(_streams, 1))
            self._debt, self._since = 0.0, perf_counter()
