from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from documents.ingestion.estimates import Estimate
from documents.models import Attempt, Task
from documents.models.attempt import Outcome
from documents.models.task import Kind
from documents.work.remedies import Remedy
from ragsite import llm
from ragsite.operations.backlog import Group
from ragsite.operations.queueing import WorkerState, WorkerStatus
from ragsite.operations.spending import Spent, describe_estimate
from ragsite.operations.templatetags import activity_words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.34, "340 ms"),
        (4.2, "4.2 s"),
        (40, "40 s"),
        (180, "3 min"),
        (5 * 3600, "5 h"),
        (3 * 86400, "3 d"),
    ],
)
def test_a_duration_is_shown_in_the_unit_that_matters(seconds, text):
    assert activity_words.span(seconds) == text
    assert activity_words.span(seconds and timedelta(seconds=seconds)) == text


def test_an_open_task_says_when_its_next_attempt_is():
    later = Task(tries=2, next_try_at=timezone.now() + timedelta(hours=5))
    assert activity_words.next_try(later) == "next attempt in 5 h (no. 3)"
    assert activity_words.next_try(Task(tries=0, next_try_at=timezone.now())) == "next attempt now (no. 1)"


@pytest.mark.parametrize(
    ("remedy", "hint", "action"),
    [
        (Remedy.UNLOCK, "needs its password", "Unlock"),
        (Remedy.REPLACE, "needs another file", "Replace"),
        (Remedy.REFRESH, "its address can be fetched again", "Fetch again"),
        (Remedy.REPLAY, "", ""),
    ],
)
def test_a_failure_that_a_retry_cannot_fix_says_what_it_needs(remedy, hint, action):
    assert (activity_words.hint(remedy), activity_words.action(remedy)) == (hint, action)


def test_an_outcome_that_went_wrong_is_coloured():
    badges = [activity_words.outcome_badge(Attempt(outcome=outcome)) for outcome in Outcome]
    assert badges == ["badge-accent", "", "badge-danger", "badge-danger", ""]


@pytest.mark.parametrize(
    ("state", "stubborn", "label"),
    [
        ("waiting", 0, ""),
        ("waiting", 3, "3 keep failing"),
        ("waiting", 1200, "keeps failing"),
        ("failed", 3, ""),
    ],
)
def test_a_group_says_how_many_of_its_waiting_tasks_keep_failing(state, stubborn, label):
    group = Group(state, Kind.INDEX, "timeout", 1200, timezone.now(), stubborn, "It timed out.")
    assert group.stubborn_label == label


@pytest.mark.parametrize(
    ("is_silent", "job_id", "state"),
    [
        (True, "task-1", WorkerState.SILENT),
        (False, "task-1", WorkerState.BUSY),
        (False, "", WorkerState.IDLE),
    ],
)
def test_a_worker_is_busy_idle_or_not_responding(is_silent, job_id, state):
    worker = WorkerStatus("w", "host", "1", "documents", None, is_silent, job_id)
    assert worker.status == state


@pytest.mark.parametrize(
    ("cost", "is_complete", "label"),
    [
        ("0.02", True, "$0.0200"),
        ("0", True, "$0.0000"),
        ("0.5", False, "at least $0.5000"),
        ("0", False, "price unknown"),
    ],
)
def test_the_cost_of_today_says_whether_it_is_complete(cost, is_complete, label):
    assert Spent(1, 1, Decimal(cost), is_complete).cost_label == label


def test_an_estimate_names_its_price_as_far_as_it_is_known(settings):
    local, hosted = llm.embedding_model("all-MiniLM-L6-v2"), llm.embedding_model("text-embedding-3-small")
    prefix = "About 1,200 chunks and 600,000 tokens. "
    known, unknown = Estimate(1200, 600_000, Decimal("0.012")), Estimate(1200, 600_000, None)

    assert describe_estimate(unknown, local) == prefix + "Built on this machine, at no cost."
    assert describe_estimate(unknown, hosted) == prefix + "The price of this model is unknown."
    date = settings.MODEL_PRICES_DATE
    assert describe_estimate(known, hosted) == prefix + f"About $0.0120 at the prices of {date}."
