"""How much of the event loop a stream may take: one that never pauses must not keep the others waiting."""

import asyncio
from time import perf_counter

SLICE_SECONDS = 0.005
SHARE = 2  # all streams together leave the loop about half of its time

_streams = 0


class Pace:
    """Call `worked` with what was spent, `waited` with what the server let us wait; used as a context manager."""

    def __init__(self) -> None:
        self._owed = 0.0
        self._since = perf_counter()

    def __enter__(self) -> "Pace":
        global _streams
        _streams += 1
        return self

    def __exit__(self, *_error: object) -> None:
        global _streams
        _streams -= 1

    def has_waited(self) -> None:
        """To be called when something has come: what others did meanwhile is not our work."""
        now = perf_counter()
        self._owed = max(self._owed - (now - self._since), 0.0)
        self._since = now

    async def rest(self) -> None:
        """To be called after each piece of work: gives the loop to the others where a slice is used up."""
        now = perf_counter()
        self._owed += now - self._since
        self._since = now
        if self._owed >= SLICE_SECONDS:
            await asyncio.sleep(min(self._owed, 0.05) * SHARE * max(_streams, 1))
            self._owed, self._since = 0.0, perf_counter()
