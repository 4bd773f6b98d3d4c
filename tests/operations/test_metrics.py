import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from documents.models import Attempt, Document, Task
from documents.work import queue
from documents.work.reconciler import beat
from qa.models import Question
from ragsite import llm
from ragsite.operations import metrics
from ragsite.operations.metrics import Metric
from tests.http.test_health import get, worker  # noqa: F401 (a fixture)
from tests.support.factories import make_document, make_indexed, make_question

TOKEN = "a-token-of-the-scrapers"
SAMPLE = re.compile(r'ragsite_[a-z_]+(\{([a-z]+="([^"\\\n]|\\["\\n])*",?)+\})? -?[0-9.e+-]+')


def figures():
    """Return all samples as {name with labels: value}."""
    lines = [line for line in metrics.exposition().splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


# Access


@pytest.mark.django_db
def test_only_operators_may_read_the_metrics(client, alice, operator, settings):
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401
    client.force_login(alice)
    assert client.get("/metrics").status_code == 401
    client.force_login(operator)
    answer = client.get(reverse("metrics"))

    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.django_db
def test_a_scraper_authenticates_with_the_token(client, settings):
    settings.METRICS_TOKEN = TOKEN

    assert client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    for wrong in (TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", "Bearer ünpassend"):
        assert client.get("/metrics", headers={"Authorization": wrong}).status_code == 401


@pytest.mark.django_db(transaction=True)
async def test_with_the_token_any_host_name_and_plain_http_work(settings):
    settings.METRICS_TOKEN, settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = (
        TOKEN,
        ["example.com"],
        True,
    )
    status, headers, body = await get("/metrics", authorization=f"Bearer {TOKEN}")

    assert status == 200
    assert headers[b"content-type"] == metrics.CONTENT_TYPE.encode()
    assert b'ragsite_up{part="database"} 1' in body
    assert (await get("/metrics", authorization="Bearer wrong"))[0] != 200


# Content


@pytest.mark.django_db
def test_every_line_is_in_prometheus_text_format(alice, fake_openai):
    make_indexed(alice)
    make_question(alice, state="complete", kind="written", model='odd "model"\\\n', input_tokens=3)
    names = set()
    for line in metrics.exposition().splitlines():
        if line.startswith("# TYPE"):
            assert line.split()[2] not in names, "a name is declared once, with all its samples after it"
            names.add(line.split()[2])
        if not line.startswith("#"):
            assert SAMPLE.fullmatch(line), line
            assert line.partition("{")[0].partition(" ")[0] in names


def test_times_are_in_seconds_and_unknown_values_are_left_out():
    metric = Metric("x", "Of tests.")
    metric.add(None, name="left out")
    metric.add(timedelta(milliseconds=1500), name="time")
    assert [(sample.labels, sample.value) for sample in metric.samples] == [({"name": "time"}, 1.5)]


@pytest.mark.django_db
def test_documents_tasks_and_due_tasks_come_from_the_database(alice):
    make_indexed(alice)
    make_document(alice, text="Another one.", name="b.txt")
    Task.objects.filter(state="open").update(next_try_at=timezone.now() - timedelta(seconds=90))
    found = figures()

    assert found['ragsite_documents{state="ready"}'] == 1
    assert found['ragsite_documents{state="waiting"}'] == 1
    assert found['ragsite_documents{state="failed"}'] == 0
    assert found["ragsite_chunks"] == Document.objects.ready().get().chunk_count > 0
    assert found['ragsite_tasks{kind="index",state="open"}'] >= 1
    assert found["ragsite_tasks_due"] >= 1
    assert 90 <= found["ragsite_oldest_due_seconds"] < 120


@pytest.mark.django_db
def test_a_scheduled_task_is_not_due(alice):
    make_document(alice)
    Task.objects.update(next_try_at=timezone.now() + timedelta(hours=1))
    found = figures()

    assert (found["ragsite_tasks_due"], found["ragsite_oldest_due_seconds"]) == (0, 0)


@pytest.mark.django_db
def test_stages_are_counted_and_timed_within_their_windows(alice):
    document = make_document(alice)
    Attempt.objects.all().delete()
    now = timezone.now()
    for seconds, hours, outcome in [
        (1, 0, "done"),
        (3, 0, "done"),
        (9, 0, "failed"),
        (5, 3, "done"),
        (5, 30, "done"),
    ]:
        Attempt.objects.create(
            document=document, stage="embed", outcome=outcome, tokens=100,
            duration=timedelta(seconds=seconds), started_at=now - timedelta(hours=hours),
        )  # fmt: skip
    found = figures()

    assert found['ragsite_attempts{outcome="done",stage="embed",window="1h"}'] == 2
    assert found['ragsite_attempts{outcome="failed",stage="embed",window="1h"}'] == 1
    assert found['ragsite_attempts{outcome="done",stage="embed",window="24h"}'] == 3
    assert found['ragsite_attempt_seconds{quantile="0.5",stage="embed",window="1h"}'] == 2
    assert found['ragsite_attempt_seconds{quantile="0.5",stage="embed",window="24h"}'] == 3
    assert found['ragsite_attempt_tokens{stage="embed",window="1h"}'] == 300


@pytest.mark.django_db
def test_questions_with_their_tokens_their_cost_and_how_long_they_took(alice):
    for seconds in (2, 4):
        question = make_question(
            alice, state="complete", kind="written", model="gpt-4.1-mini", input_tokens=1000, output_tokens=50,
            cost="0.001250",
        )  # fmt: skip
        Question.objects.filter(pk=question.pk).update(
            finished_at=question.created_at + timedelta(seconds=seconds)
        )
    make_question(alice)
    found = figures()

    assert found['ragsite_questions{kind="written",state="complete"}'] == 2
    assert found['ragsite_questions{kind="none",state="running"}'] == 1
    assert found['ragsite_question_tokens{direction="input",model="gpt-4.1-mini"}'] == 2000
    assert found['ragsite_question_cost_dollars{model="gpt-4.1-mini"}'] == 0.0025
    assert found['ragsite_answer_seconds{quantile="0.5",window="1h"}'] == 3


@pytest.mark.django_db
def test_queues_workers_and_clock_come_from_redis(alice, worker):  # noqa: F811
    make_document(alice).tasks.get().enqueue()
    before = figures()["ragsite_workers"]
    worker("one", seconds_left=80)
    beat()
    found = figures()

    assert found['ragsite_queue_jobs{queue="documents"}'] == 1
    assert found['ragsite_queue_failed_jobs{queue="documents"}'] == 0
    assert (found["ragsite_workers"], found["ragsite_clock_alive"]) == (before + 1, 1)


@pytest.mark.django_db
def test_without_redis_the_database_metrics_remain(alice, settings):
    make_document(alice)
    settings.QUEUE_URL = "unix:///nowhere/redis.sock"
    queue.queue_connection.cache_clear()
    try:
        found = figures()
    finally:
        queue.queue_connection.cache_clear()

    assert (found['ragsite_up{part="queue"}'], found['ragsite_up{part="database"}']) == (0, 1)
    assert found['ragsite_documents{state="waiting"}'] == 1
    assert "ragsite_workers" not in found


@pytest.mark.django_db
def test_a_refused_key_opens_the_breaker_metric(alice, fake_openai):
    assert figures()['ragsite_breaker_open{reason="key_refused"}'] == 0
    fake_openai.fault("bad_key")
    with pytest.raises(llm.KeyRefused):
        llm.complete([{"role": "user", "content": "Hello"}])

    assert figures()['ragsite_breaker_open{reason="key_refused"}'] == 1


@pytest.mark.django_db
def test_no_user_text_is_in_the_metrics(alice):
    make_indexed(alice, "The canarytext lies here.", name="canarytitle.txt")
    make_question(alice, "canaryquestion?")

    assert "canary" not in metrics.exposition()
