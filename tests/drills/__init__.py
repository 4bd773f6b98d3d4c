"""Faults staged on real processes, and the expected outcome of each. `bin/drill` runs them; DRILLS lists them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

FAMILIES = ("workers", "queue", "providers", "database", "uploads", "web", "output", "chaos")


class CannotBeStaged(Exception):
    """This machine lacks something that the drill needs; the message says what."""


@dataclass(frozen=True)
class Figure:
    """What was measured. `is_late`: all that is wrong is that it took longer than it may."""

    text: str
    has_passed: bool
    is_late: bool = False


@dataclass
class Report:
    """What one drill found out: figures beside their limits."""

    figures: list[Figure] = field(default_factory=list)

    @property
    def has_passed(self) -> bool:
        return bool(self.figures) and all(figure.has_passed for figure in self.figures)

    def at_most(self, name: str, value: float, limit: float, unit: str = "") -> None:
        shown = "never" if math.isinf(value) else f"{value:.4g}{unit}"
        is_late = unit == " s" and limit < value < math.inf
        self.figures.append(Figure(f"{name} {shown} (at most {limit:.4g}{unit})", value <= limit, is_late))

    def at_least(self, name: str, value: float, limit: float) -> None:
        """For what a drill must have met: without it, it would have shown nothing."""
        self.figures.append(Figure(f"{name} {value:.4g} (at least {limit:.4g})", value >= limit))

    def exactly(self, name: str, value: object, wanted: object) -> None:
        self.figures.append(Figure(f"{name} {value} (must be {wanted})", value == wanted))

    def note(self, text: str) -> None:
        """A figure without a limit, such as that of the calm run."""
        self.figures.append(Figure(text, True))


@dataclass(frozen=True)
class Drill:
    id: str
    run: Callable[[Any, Report], None]
    is_quick: bool

    @property
    def title(self) -> str:
        return (self.run.__doc__ or "").strip().split("\n")[0]


DRILLS: dict[str, Drill] = {}


def drill(id: str, *, quick: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers a drill; `quick` ones also run with the tests."""

    def register(run: Callable[..., None]) -> Callable[..., None]:
        DRILLS[id] = Drill(id, run, quick)
        return run

    return register
