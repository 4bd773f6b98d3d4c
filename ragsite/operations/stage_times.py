"""Duration and failure rate of each stage, computed by the database from the ledger of attempts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Aggregate, Count, DurationField, F, Func, IntegerField, Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from documents.models import Attempt
from documents.models.attempt import AttemptQuerySet, Outcome

BINS = 24
PERIODS = {
    "hour": (_("Last hour"), timedelta(hours=1)),
    "day": (_("Last day"), timedelta(days=1)),
    "week": (_("Last week"), timedelta(days=7)),
}
STAGES = {
    "fetch": _("Fetch page"),
    "extract": _("Extract text"),
    "chunk": _("Split into chunks"),
    "embed": _("Compute embeddings"),
    "store": _("Store"),
    "ocr": _("OCR"),
    "summarise": _("Summarize"),
    "build": _("Build index"),
}


class Percentile(Aggregate):
    """A percentile of durations."""

    function = "percentile_cont"
    template = "%(function)s(%(fraction)s) within group (order by %(expressions)s)"
    output_field = DurationField()

    def __init__(self, expression: str, fraction: float, **extra: Any) -> None:
        super().__init__(expression, fraction=float(fraction), **extra)


class Bin(Func):
    """The number, from 1, of the equal part of a period that contains a time."""

    function = "width_bucket"
    template = "width_bucket(extract(epoch from %(expressions)s), %(low)s, %(high)s, %(bins)s)"
    output_field = IntegerField()


IS_DONE = Q(outcome=Outcome.DONE)
IS_FAILED = Q(outcome__in=[Outcome.FAILED, Outcome.INTERRUPTED])
FIGURES: dict[str, Any] = {
    "ended": Count("pk", filter=IS_DONE | IS_FAILED),
    "failed": Count("pk", filter=IS_FAILED),
    "p50": Percentile("duration", 0.5, filter=IS_DONE),
    "p95": Percentile("duration", 0.95, filter=IS_DONE),
}


@dataclass(frozen=True)
class Bar:
    """One bar of a stage's chart, in units of the chart, which is 100 high."""

    x: int
    p50: int
    p95: int
    failed: int
    ended: int
    starts_at: datetime
    took_p50: timedelta | None
    took_p95: timedelta | None

    @property
    def y50(self) -> int:
        return 100 - self.p50

    @property
    def y95(self) -> int:
        return 100 - self.p95


@dataclass(frozen=True)
class StageTimes:
    stage: str
    ended: int
    failed: int
    p50: timedelta | None
    p95: timedelta | None
    bars: list[Bar]
    since: datetime

    @property
    def highest(self) -> timedelta | None:
        """What the full height of the chart stands for."""
        return max((bar.took_p95 for bar in self.bars if bar.took_p95), default=None)

    @property
    def name(self) -> Promise | str:
        return STAGES.get(self.stage, self.stage)

    @property
    def failure_rate(self) -> float:
        return 100 * self.failed / self.ended if self.ended else 0.0


def stage_times(period: str) -> list[StageTimes]:
    """Return, for the attempts started in the period, how many ended, how many failed and how long successes took."""
    length = PERIODS[period][1]
    since = timezone.now() - length
    began = Attempt.objects.filter(started_at__gte=since).order_by()
    low, high = since.timestamp(), (since + length).timestamp()
    binned = began.annotate(bin=Bin(F("started_at"), low=low, high=high, bins=BINS))
    parts: dict[str, list[dict[str, Any]]] = {}
    for part in figures(binned, "stage", "bin"):
        parts.setdefault(part["stage"], []).append(part)
    order = {stage: place for place, stage in enumerate(STAGES)}
    rows = sorted(figures(began, "stage"), key=lambda row: order.get(row["stage"], len(order)))
    step = length / BINS
    return [
        StageTimes(**row, bars=bars(parts.get(row["stage"], []), since, step), since=since) for row in rows
    ]


def figures(began: AttemptQuerySet, *by: str) -> list[dict[str, Any]]:
    return [dict(row) for row in began.values(*by).annotate(**FIGURES)]


def bars(rows: list[dict[str, Any]], since: datetime, step: timedelta) -> list[Bar]:
    highest = max((row["p95"] for row in rows if row["p95"]), default=timedelta()) or timedelta(seconds=1)
    return [
        Bar(
            x=(place := min(max(row["bin"], 1), BINS) - 1) * 10,
            p50=height(row["p50"], highest),
            p95=height(row["p95"], highest),
            failed=row["failed"],
            ended=row["ended"],
            starts_at=since + place * step,
            took_p50=row["p50"],
            took_p95=row["p95"],
        )
        for row in sorted(rows, key=lambda row: row["bin"])
    ]


def height(duration: timedelta | None, highest: timedelta) -> int:
    return max(3, round(100 * (duration / highest))) if duration is not None else 0
