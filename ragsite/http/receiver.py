"""An ASGI `receive` that limits the size of a body and requires a minimum rate."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from django.utils.translation import gettext as _

from ragsite.http.rejections import Rejected, too_large
from ragsite.http.responses import Receive

MAX_PAUSE_SECONDS = 30  # between two chunks
BASE_SECONDS = 30  # for a body of any size
MIN_BYTES_PER_SECOND = 32 * 1024  # once these have passed


class BodyReceiver:
    """Pass on the messages of a body. Raises Rejected for one that is too large or too slow."""

    def __init__(self, receive: Receive, max_bytes: int) -> None:
        self._receive, self._max_bytes = receive, max_bytes
        self._received, self._started = 0, time.monotonic()
        self._is_complete = False

    async def __call__(self) -> dict[str, Any]:
        # After the body, Django waits for the disconnect, which may take as long as the response.
        if self._is_complete:
            return await self._receive()
        try:
            async with asyncio.timeout(self._remaining_seconds):
                message = await self._receive()
        except TimeoutError:
            raise Rejected(408, _("The upload was too slow. Check your connection and try again.")) from None
        self._received += len(message.get("body", b""))
        if self._received > self._max_bytes:
            raise too_large()
        self._is_complete = not message.get("more_body", False)
        return message

    @property
    def _remaining_seconds(self) -> float:
        allowed = BASE_SECONDS + self._received / MIN_BYTES_PER_SECOND
        return min(MAX_PAUSE_SECONDS, self._started + allowed - time.monotonic())
