"""How well the pages of a document could be read: kept on its version, so that a list need not look at pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.utils.translation import gettext as _

NAMED = 12  # stretches of numbers that are listed; a person reads no more
NAMES = ("hidden_sheets", "attachments")
Ranges = list[list[int]]


class ReadPage(Protocol):
    number: int
    problem: str
    report: dict[str, Any]


@dataclass(frozen=True)
class Trouble:
    """Some pages that have the same trouble: how many, and their numbers in words."""

    kind: str
    count: int
    numbers: str
    first: int


@dataclass(frozen=True)
class PageReport:
    """`hidden`: pages with text that cannot be seen on them; they are readable all the same.

    What of other kinds of files cannot be seen was left out: text on the pages `left_out`, whole slides and sheets. Of files
    that are attached only the names are known.
    """

    total: int
    readable: int
    troubles: list[Trouble]
    hidden: Trouble | None
    tables: int
    left_out: Trouble | None = None
    hidden_slides: Trouble | None = None
    hidden_sheets: Sequence[str] = ()
    attachments: Sequence[str] = ()

    @property
    def has_left_out(self) -> bool:
        return bool(self.left_out or self.hidden_slides or self.hidden_sheets)

    @classmethod
    def stored(cls, report: dict[str, Any]) -> PageReport:
        problems = {kind: ranges for kind, ranges in report["problems"].items() if ranges}
        order = [kind for kind in ("no_text", "garbled", "unreadable") if kind in problems]
        return cls(
            report["total"],
            report["readable"],
            [_trouble(kind, problems[kind]) for kind in order],
            _trouble_if_any("hidden", report),
            report.get("tables", 0),
            _trouble_if_any("left_out", report),
            _trouble_if_any("hidden_slides", report),
            report.get("hidden_sheets", ()),
            report.get("attachments", ()),
        )


def report_of(
    pages: Iterable[ReadPage], page_count: int, metadata: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What is stored. Pages that the file has and that were not reached count as unreadable.

    `metadata` is what its loader said of the file as a whole.
    """
    numbers: dict[str, list[int]] = {}
    hidden: dict[str, list[int]] = {}
    seen = tables = 0
    for page in pages:
        seen = max(seen, page.number)
        if page.problem:
            numbers.setdefault(page.problem, []).append(page.number)
        if page.report.get("hidden"):
            hidden.setdefault("hidden", []).append(page.number)
        elif page.report.get("hidden_slide"):
            hidden.setdefault("hidden_slides", []).append(page.number)
        elif page.report.get("left_out"):
            hidden.setdefault("left_out", []).append(page.number)
        tables += bool(page.report.get("table_rows"))
    total = max(page_count, seen)
    numbers.setdefault("unreadable", []).extend(range(seen + 1, total + 1))
    return {
        "total": total,
        "readable": total - sum(map(len, numbers.values())),
        "problems": {kind: ranges_of(found) for kind, found in numbers.items() if found},
        "tables": tables,
        **{kind: ranges_of(found) for kind, found in hidden.items()},
        **{kind: list(metadata[kind]) for kind in NAMES if metadata and metadata.get(kind)},
    }


def ranges_of(numbers: Iterable[int]) -> Ranges:
    """Rising numbers as first and last of each unbroken stretch."""
    ranges: Ranges = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges


def _trouble_if_any(kind: str, report: dict[str, Any]) -> Trouble | None:
    return _trouble(kind, report[kind]) if report.get(kind) else None


def _trouble(kind: str, ranges: Sequence[Sequence[int]]) -> Trouble:
    named = ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in ranges[:NAMED])
    numbers = _("%s and more") % named if len(ranges) > NAMED else named
    return Trouble(kind, sum(last - first + 1 for first, last in ranges), numbers, ranges[0][0])
