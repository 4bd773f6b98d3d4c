"""The answers that this process is writing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from qa.streaming.channel import Channel


@dataclass
class Running:
    """An answer that this process is writing: its task, its stop event and its events."""

    task: asyncio.Task[None]
    stop: asyncio.Event
    channel: Channel


RUNNING: dict[str, Running] = {}  # also the strong reference that keeps a task from being garbage-collected
