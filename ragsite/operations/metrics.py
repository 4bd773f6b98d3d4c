"""Metrics for Prometheus, read from the database and Redis at scrape time: any process reports for the whole site."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import django
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, DurationField, ExpressionWrapper, F, Min, Q, Sum
from django.db.utils import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from psycopg_pool import PoolTimeout
from redis.exceptions import RedisError
from rq.registry import FailedJobRegistry

from documents.models import Attempt, Document, State, Task
from documents.models.attempt import Outcome
from documents.models.task import Kind, TaskState
from documents.work.queue import get_queue, queue_connection, workers_alive
from documents.work.reconciler import clock_alive
from qa.models import Question
from ragsite import __version__, llm
from ragsite.llm import circuit_breaker
from ragsite.operations.stage_times import Percentile

PATH = "/metrics"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # what `generate_latest` writes
STATEMENT_TIMEOUT_MS = 5_000  # a scraper waits ten seconds
WINDOWS = {"1h": timedelta(hours=1), "24h": timedelta(hours=24)}
QUANTILES = {"0.5": 0.5, "0.95": 0.95}
DATABASE_ERRORS = (DatabaseError, PoolTimeout)


@require_safe
@never_cache
def page(request: HttpRequest) -> HttpResponse:
    """Serve the metrics to operators and to clients that send METRICS_TOKEN."""
    if not has_token(request.headers.get("Authorization", "")) and not _is_operator(request):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(exposition(), content_type=CONTENT_TYPE)


def has_token(authorization: str) -> bool:
    scheme, _space, token = authorization.partition(" ")
    wanted = settings.METRICS_TOKEN
    return bool(wanted) and scheme.lower() == "bearer" and constant_time_compare(token.strip(), wanted)


def _is_operator(request: HttpRequest) -> bool:
    return request.user.is_authenticated and request.user.is_operator


class Metric(GaugeMetricFamily):
    """One metric with its samples. All are gauges: rows can be deleted, so no value only grows."""

    def __init__(self, name: str, documentation: str) -> None:
        super().__init__(f"ragsite_{name}", documentation)

    def add(self, value: int | float | timedelta | Decimal | None, **labels: object) -> None:
        """Add a sample; None, an unknown value, is skipped."""
        if value is None:
            return
        number = value.total_seconds() if isinstance(value, timedelta) else float(value)
        self.add_sample(self.name, {name: str(text) for name, text in labels.items()}, number)


class SiteCollector(Collector):
    """Collects at scrape time; no process keeps a count."""

    def collect(self) -> Iterable[Metric]:
        return collect()


def exposition() -> str:
    """Return all metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(SiteCollector())
    return generate_latest(registry).decode()


def collect() -> list[Metric]:
    """Return all metrics. `up` is 0 for an unavailable part, whose metrics are left out."""
    metrics = [build_info()]
    is_up = Metric("up", "Whether a part of the site responds.")
    for part, collect_part, errors in (
        ("database", from_database, DATABASE_ERRORS),
        ("queue", from_redis, (RedisError,)),
    ):
        try:
            metrics += collect_part()
            is_up.add(1, part=part)
        except errors:
            is_up.add(0, part=part)
    return [*metrics, is_up, breaker()]


def build_info() -> Metric:
    metric = Metric("build_info", "Versions, as labels; always 1.")
    metric.add(1, version=__version__, python=platform.python_version(), django=django.get_version())
    return metric


def breaker() -> Metric:
    """Return the circuit breaker's state; 0 also while the cache, which stores it, is unavailable."""
    metric = Metric(
        "breaker_open", "Whether calls to the provider are paused: a refused key or an exhausted quota."
    )
    kinds = {opened.kind for opened in llm.breakers()}
    for reason in circuit_breaker.REASONS:
        metric.add(int(reason in kinds), reason=reason)
    return metric


def from_redis() -> list[Metric]:
    workers = Metric("workers", "Workers with a heartbeat in the last 45 seconds.")
    workers.add(workers_alive(queue_connection()))
    clock = Metric("clock_alive", "Whether a clock process had a heartbeat in the last minute.")
    clock.add(int(clock_alive()))
    waiting = Metric("queue_jobs", "Jobs waiting on a queue.")
    failed = Metric("queue_failed_jobs", "Jobs on RQ's failed list.")
    for name in settings.RQ_QUEUES:
        queue = get_queue(name)
        waiting.add(queue.count, queue=name)
        failed.add(FailedJobRegistry(queue=queue).get_job_count(cleanup=False), queue=name)
    return [workers, clock, waiting, failed]


def from_database() -> list[Metric]:
    """Query in one transaction, for a consistent snapshot, with a statement timeout."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"set local statement_timeout = {STATEMENT_TIMEOUT_MS}")
        return [*documents(), *tasks(), *attempts(), *questions()]


def documents() -> Iterator[Metric]:
    by_state = Metric("documents", "Documents by state.")
    counts = dict(Document.objects.order_by().values_list("state").annotate(Count("pk")))
    for state in State.values:
        by_state.add(counts.get(state, 0), state=state)
    yield by_state
    chunks = Metric("chunks", "Chunks of the live index.")
    chunks.add(Document.objects.aggregate(sum=Sum("chunk_count"))["sum"] or 0)
    yield chunks


def tasks() -> Iterator[Metric]:
    by_state = Metric("tasks", "Tasks by kind and state.")
    found = Task.objects.order_by().values_list("kind", "state").annotate(count=Count("pk"))
    counts = {(kind, state): count for kind, state, count in found}
    for kind in Kind.values:
        for state in TaskState.values:
            by_state.add(counts.get((kind, state), 0), kind=kind, state=state)
    now = timezone.now()
    is_due = Q(next_try_at__lte=now)
    due = Task.objects.open().aggregate(
        count=Count("pk", filter=is_due), since=Min("next_try_at", filter=is_due)
    )
    number = Metric("tasks_due", "Open tasks that are due, including those in progress.")
    number.add(due["count"])
    oldest = Metric("oldest_due_seconds", "Time since the oldest of them became due.")
    oldest.add(now - due["since"] if due["since"] else 0)
    yield from (by_state, number, oldest)


def attempts() -> Iterator[Metric]:
    number = Metric("attempts", "Attempts of a stage started within the window, by outcome.")
    took = Metric("attempt_seconds", "Duration of successful attempts.")
    tokens = Metric("attempt_tokens", "Tokens used by attempts of a stage within the window.")
    for window, length in WINDOWS.items():
        began = Attempt.objects.filter(started_at__gte=timezone.now() - length).order_by()
        counted = began.values("stage", "outcome").annotate(count=Count("pk"), tokens=Sum("tokens"))
        used: dict[str, int] = {}
        for row in counted:
            number.add(row["count"], window=window, stage=row["stage"], outcome=row["outcome"])
            used[row["stage"]] = used.get(row["stage"], 0) + (row["tokens"] or 0)
        for stage, count in used.items():
            tokens.add(count, window=window, stage=stage)
        done = began.filter(outcome=Outcome.DONE).values("stage").annotate(**_percentiles("duration"))
        for times in done:
            _add_percentiles(took, dict(times), window=window, stage=times["stage"])
    yield from (number, took, tokens)


def questions() -> Iterator[Metric]:
    by_state = Metric("questions", "Stored questions by state and kind of answer.")
    tokens = Metric("question_tokens", "Tokens used by their answers.")
    cost = Metric("question_cost_dollars", "Cost in US dollars, for models with a known price.")
    rows = Question.objects.order_by().values("state", "kind").annotate(count=Count("pk"))
    for row in rows:
        by_state.add(row["count"], state=row["state"], kind=row["kind"] or "none")
    written = Question.objects.exclude(model="").order_by().values_list("model")
    for model, read, wrote, paid in written.annotate(Sum("input_tokens"), Sum("output_tokens"), Sum("cost")):
        tokens.add(read, model=model, direction="input")
        tokens.add(wrote, model=model, direction="output")
        cost.add(paid, model=model)
    sentences = Metric(
        "answer_sentences", "Checked sentences of written answers, by whether their sources support them."
    )
    checked, supported = Question.objects.support()
    sentences.add(supported, supported="yes")
    sentences.add(checked - supported, supported="no")
    yield from (by_state, tokens, cost, sentences, answer_times())


def answer_times() -> Metric:
    took = Metric(
        "answer_seconds", "Time from question to complete answer, for questions asked within the window."
    )
    duration = ExpressionWrapper(F("finished_at") - F("created_at"), output_field=DurationField())
    for window, length in WINDOWS.items():
        asked = Question.objects.filter(
            created_at__gte=timezone.now() - length, finished_at__isnull=False, cached_from=None
        ).annotate(duration=duration)
        _add_percentiles(took, asked.aggregate(**_percentiles("duration")), window=window)
    return took


def _percentiles(name: str) -> dict[str, Any]:
    return {f"q{quantile}".replace(".", "_"): Percentile(name, part) for quantile, part in QUANTILES.items()}


def _add_percentiles(metric: Metric, row: dict[str, Any], **labels: object) -> None:
    for quantile in QUANTILES:
        metric.add(row[f"q{quantile}".replace(".", "_")], **labels, quantile=quantile)
