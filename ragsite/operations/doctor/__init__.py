"""What an operator asks of a new machine, or of one that behaves oddly: every part is really tried, and each has a remedy."""

from __future__ import annotations

from collections.abc import Iterator

from ragsite.operations.doctor import machine, providers, servers
from ragsite.operations.doctor.finding import Finding, State

__all__ = ["Finding", "State", "examine"]


def examine(*, ask_provider: bool = True) -> Iterator[Finding]:
    """The findings one by one, as they are made. With `ask_provider` the models get one real call each, and a long prompt."""
    yield from servers.examine()
    if ask_provider:
        yield from providers.examine()
    yield from machine.examine()
