"""What a run is asked for, its figures, and the table that shows each beside its goal."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.harness.goals import Goal

HEADINGS = ("row", "goal", "floor", "measured", "ratio", "")


@dataclass(frozen=True)
class Figure:
    """What was measured, in the unit of its goal; `floor` is the least that the same work takes, if that was measured."""

    measured: float
    floor: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the floor; None without one."""
        return self.measured / self.floor if self.floor else None


Figures = dict[str, Figure]  # by the key of the goal


@dataclass(frozen=True)
class Run:
    """What is wanted: the keys of the rows, how much work, and where a corpus is kept for the next run."""

    keys: frozenset[str]
    is_quick: bool = False
    corpus: Path | None = None


def is_met(goal: Goal, figure: Figure) -> bool:
    """Whether the figure is within its goal. A goal in multiples of a floor that was not measured is not met."""
    value = figure.ratio if goal.is_of_floor else figure.measured
    return value is not None and value <= goal.most


def table(goals: Sequence[Goal], figures: Mapping[str, Figure]) -> list[str]:
    """The lines of a Markdown table; a goal without a figure shows dashes."""
    rows = [HEADINGS, *(_cells(goal, figures.get(goal.key)) for goal in goals)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [f"| {' | '.join(map(str.ljust, row, widths))} |" for row in rows]
    rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    return [lines[0], rule, *lines[1:]]


def as_json(goals: Sequence[Goal], figures: Mapping[str, Figure]) -> list[dict[str, object]]:
    """The same as objects: those of the goal, the figure, its ratio and whether the goal is met."""
    return [
        asdict(goal) | asdict(figure) | {"ratio": figure.ratio, "is_met": is_met(goal, figure)}
        for goal in goals
        if (figure := figures.get(goal.key))
    ]


def _cells(goal: Goal, figure: Figure | None) -> tuple[str, ...]:
    if figure is None:
        return (goal.title, goal.text, "-", "-", "-", "not measured")
    floor = "-" if figure.floor is None else _amount(figure.floor, goal.unit)
    ratio = "-" if figure.ratio is None else f"{figure.ratio:.2f} ×"
    return (goal.title, goal.text, floor, _amount(figure.measured, goal.unit), ratio, "ok" if is_met(goal, figure) else "over")  # fmt: skip


def _amount(value: float, unit: str) -> str:
    """About three digits, and never fewer than a whole number has."""
    digits = 0 if value >= 100 or value == int(value) else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()
