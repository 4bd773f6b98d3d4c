"""Limit a stream's share of the event loop, so that a fast stream does not delay the others."""

import asyncio
from time import perf_counter

SLICE_SECONDS = 0.005
SHARE = 2  # all streams together leave the loop about half of its time

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

    async def rest(self) -> None:
        """Call after each unit of work: yields to the event loop once the time slice is used up."""
        now = perf_counter()
        self._debt += now - self._since
        self._since = now
        if self._debt >= SLICE_SECONDS:
            await asyncio.sleep(min(self._debt, 0.05) * SHARE * max(_streams, 1))
            self._debt, self._since = 0.0, perf_counter()
