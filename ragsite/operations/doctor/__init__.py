"""Checks of every part of a site, each with a remedy: for a new machine, or for one that misbehaves."""

from __future__ import annotations

from collections.abc import Iterator

from ragsite.operations.doctor import database, machine, providers, redis
from ragsite.operations.doctor.finding import Finding, State

__all__ = ["Finding", "State", "examine"]


def examine(*, ask_provider: bool = True) -> Iterator[Finding]:
    """Yield findings as they are made. With `ask_provider`, each model gets one real call, and the chat model a long prompt."""
    yield from database.examine()
    yield from redis.examine()
    if ask_provider:
        yield from providers.examine()
    yield from machine.examine()
