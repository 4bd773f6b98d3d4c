"""What the check of an answer finds about each of its sentences, as it is kept on the question."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class Verdict(models.TextChoices):
    SUPPORTED = "supported", _("Supported by its sources")
    WEAK = "weak", _("Only weakly supported by its sources")
    NONE = "none", _("No source says this")


class Reason(models.TextChoices):
    """Why some words of a sentence are underlined."""

    NUMBER = "number", _("This number is in none of the sources")
    DATE = "date", _("This date is in none of the sources")
    NAME = "name", _("This name is in none of the sources")
    QUOTE = "quote", _("These quoted words are in none of the sources")
    ELSEWHERE = "elsewhere", _("This is in another source than the one cited")
    ASKED = "asked", _("This is in the question, but in none of the sources")


UNKNOWN = frozenset([Reason.NUMBER, Reason.DATE, Reason.NAME, Reason.QUOTE])


@dataclass(frozen=True)
class Mark:
    """Words of the answer that the sources do not hold, and why they are underlined."""

    start: int
    end: int
    reason: Reason
    text: str = ""


@dataclass(frozen=True)
class Check:
    """A checked sentence of the answer; `score` is how well its sources support it, from 0 to 1."""

    start: int
    end: int
    verdict: Verdict
    score: float
    marks: tuple[Mark, ...] = ()

    @property
    def is_supported(self) -> bool:
        return self.verdict == Verdict.SUPPORTED


def to_json(checks: Iterable[Check]) -> list[dict[str, Any]]:
    """Return the checks for `Question.checks`."""
    return [asdict(check) for check in checks]


def from_json(values: Iterable[dict[str, Any]]) -> list[Check]:
    """Return the checks of a saved answer."""
    return [
        Check(
            value["start"],
            value["end"],
            Verdict(value["verdict"]),
            value["score"],
            tuple(
                Mark(mark["start"], mark["end"], Reason(mark["reason"]), mark["text"])
                for mark in value["marks"]
            ),
        )
        for value in values
    ]
