import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone
from redis import Redis
from rq import SimpleWorker

from documents.models import Attempt, Document, Index, State, Task
from documents.models.attempt import Outcome
from documents.models.index import IndexState
from documents.models.task import Kind, TaskState
from documents.work import queue as jobs
from documents.work import replay
from documents.work.job import JSON_SERIALIZER, Job
from qa.models import Question
from ragsite import llm
from ragsite.operations import backlog, queueing, spending, stage_times
from ragsite.operations.templatetags.activity_words import span
from tests.support.factories import make_document, make_indexed, make_pdf, make_question, make_user

pytestmark = pytest.mark.django_db(transaction=True)

ACTIVITY = "/operations/activity/"
WORK = "/operations/activity/work/"
PARTS = ["now", "trouble", "stages", "ledger"]


@pytest.fixture
def desk(client, operator):
    """The operator's browser: `desk.get(path)` is the page's text."""
    client.force_login(operator)

    class Desk:
        def get(self, path):
            answer = client.get(path)
            assert answer.status_code == 200, answer.status_code
            return answer.content.decode()

        def press(self, verb, **fields):
            answer = client.post(reverse(f"operations:{verb}"), fields, follow=True)
            assert answer.status_code == 200
            return answer.content.decode()

    return Desk()


@pytest.fixture
def worker():
    """A registered, idle worker."""
    queue = jobs.get_queue("documents")
    worker = SimpleWorker([queue], connection=queue.connection, serializer=JSON_SERIALIZER, job_class=Job)
    worker.register_birth()
    worker.set_state("idle")
    yield worker
    worker.register_death()


def task_of(document, kind=Kind.INDEX):
    return Task.objects.get(document=document, kind=kind)


def fail(document, kind="damaged", sentence="This file is damaged or incomplete."):
    task_of(document).fail(kind, f"UnreadableFile('{kind}')")
    document.fail(kind, sentence, "Try another copy.")
    return document


def wait(document, tries=2, kind="unavailable", seconds=40):
    Task.objects.filter(pk=task_of(document).pk).update(
        tries=tries, error_kind=kind, next_try_at=timezone.now() + timedelta(seconds=seconds)
    )
    document.wait_after(kind, "The provider is having problems right now.")
    return document


def note(document, stage="embed", outcome=Outcome.DONE, ago=60, took=1.0, **fields):
    return Attempt.objects.create(
        task=task_of(document),
        document=document,
        stage=stage,
        outcome=outcome,
        started_at=timezone.now() - timedelta(seconds=ago),
        duration=timedelta(seconds=took),
        **fields,
    )


def stop_redis(settings, monkeypatch):
    """Point Redis to a port on which nothing listens."""
    away = Redis(host="127.0.0.1", port=9, socket_connect_timeout=0.2)
    monkeypatch.setattr(jobs, "queue_connection", lambda: away)
    monkeypatch.setattr(queueing, "queue_connection", lambda: away)


# Permissions


@pytest.mark.parametrize("path", [ACTIVITY, WORK, *(f"{ACTIVITY}parts/{part}/" for part in PARTS)])
def test_a_regular_user_sees_none_of_it(client, alice, path):
    make_document(alice, name="secret plan.txt")
    client.force_login(make_user("bob"))
    answer = client.get(path)

    assert answer.status_code == 403
    assert "secret plan" not in answer.content.decode()


@pytest.mark.parametrize("verb", ["replay", "cancel"])
@pytest.mark.parametrize("scope", ["work", "attempts", "group", "search"])
def test_a_regular_user_changes_nothing(client, alice, verb, scope):
    failed, waiting = fail(make_document(alice)), wait(make_document(alice, "It snows.", name="snow.txt"))
    attempts = [note(failed), note(waiting)]
    before = list(Task.objects.order_by("pk").values())
    chosen = [task_of(failed).pk, task_of(waiting).pk] if scope == "work" else [a.pk for a in attempts]
    client.force_login(alice)
    answer = client.post(
        reverse(f"operations:{verb}"), {"scope": scope, "chosen": chosen, "state": "failed", "search": ""}
    )

    assert answer.status_code == 403
    assert list(Task.objects.order_by("pk").values()) == before
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("verb", ["replay", "cancel"])
def test_a_get_request_changes_nothing(client, operator, alice, verb):
    document = fail(make_document(alice))
    client.force_login(operator)

    assert client.get(reverse(f"operations:{verb}"), {"scope": "group", "state": "failed"}).status_code == 405
    document.refresh_from_db()
    assert document.state == State.FAILED


def test_an_anonymous_visitor_must_sign_in(client, operator):
    assert client.get(ACTIVITY).status_code == 302


def test_an_operator_without_staff_status_sees_everything_but_no_link_to_the_admin(client, alice):
    oscar = make_user("oscar")
    oscar.user_permissions.add(Permission.objects.get(codename="operate"))
    document = fail(make_document(alice, name="plan.txt"))
    note(document, outcome=Outcome.FAILED)
    client.force_login(oscar)
    page = client.get(ACTIVITY).content.decode()

    assert "plan" in page
    assert "/admin/documents" not in page
    assert document.get_absolute_url() not in page  # not on a shelf that oscar may read


def test_only_operators_have_the_link_and_its_dot_says_that_something_failed(client, operator, alice):
    document = make_document(alice)
    client.force_login(operator)
    assert "Something failed" not in client.get("/account/").content.decode()
    fail(document)
    assert "Something failed" in client.get("/account/").content.decode()

    client.force_login(alice)
    assert ACTIVITY not in client.get("/account/").content.decode()


# Workers and queues


def test_a_running_worker_shows_its_current_job(desk, alice, worker):
    document = make_document(alice, name="weather.txt")
    task = task_of(document)
    Attempt.objects.create(task=task, document=document, stage="embed")
    worker.set_current_job_id(task.job_id)
    page = desk.get(ACTIVITY)

    assert "No worker is running" not in page
    assert re.search(r"Make searchable:\s*(?:<bdi>)?weather(?:</bdi>)?\s*· Compute embeddings", page)


def test_a_killed_worker_is_detected_within_a_minute(desk, worker):
    seconds_left_after_silence = 90 - 50  # an idle worker renews its 90 seconds every 15
    jobs.queue_connection().expire(worker.key, seconds_left_after_silence)
    page = desk.get(f"{ACTIVITY}parts/now/")

    assert "not responding" in page
    assert "No worker is running" in page


def test_without_a_worker_it_says_so_and_what_to_do(desk):
    page = desk.get(f"{ACTIVITY}parts/now/")

    assert "No worker is running" in page
    assert "bin/dev" in page


def test_the_page_opens_while_redis_is_unavailable_and_says_so(desk, alice, settings, monkeypatch):
    wait(make_document(alice))
    stop_redis(settings, monkeypatch)
    page = desk.get(ACTIVITY)

    assert "Redis is not responding" in page
    assert "The provider is having problems" in page


def test_it_shows_how_many_jobs_are_due_and_for_how_long(desk, alice, worker):
    make_document(alice)
    wait(make_document(alice, "It snows.", name="snow.txt"))
    Task.objects.filter(error_kind="").update(next_try_at=timezone.now() - timedelta(minutes=5))
    found, seen = queueing.due(), queueing.snapshot()

    assert (found.due, found.later) == (1, 1)
    assert timedelta(minutes=5) <= timezone.now() - found.oldest_at < timedelta(minutes=6)
    assert seen.depth == 2
    assert seen.queues[0].oldest_at is not None
    assert "5 min" in desk.get(f"{ACTIVITY}parts/now/")


def test_due_jobs_without_a_queue_entry_prompt_to_check_the_clock(desk, alice, worker, queue):
    make_document(alice)
    queue.empty()
    assert "Is the clock running?" not in desk.get(ACTIVITY)  # it has just come

    Task.objects.update(next_try_at=timezone.now() - timedelta(minutes=2))
    assert "Is the clock running?" in desk.get(ACTIVITY)


def test_documents_are_counted_by_state(desk, alice):
    fail(make_document(alice))
    make_document(alice, "It snows.", name="snow.txt")

    counts = dict(backlog.documents_by_state())
    assert (counts[State.FAILED], counts[State.WAITING], counts[State.READY]) == (1, 1, 0)


def test_an_open_breaker_is_shown_with_its_reason(desk, alice, fake_openai):
    fake_openai.fault("bad_key", times=0)
    with pytest.raises(llm.KeyRefused):
        llm.embed_query("rain", model="text-embedding-3-small")
    page = desk.get(f"{ACTIVITY}parts/now/")

    assert "The provider rejects the API key of this site." in page
    assert "the next attempt is in" in page


def test_tokens_and_cost_of_today_are_summed_where_prices_are_known(alice):
    Index.objects.live()
    document = make_document(alice)
    Index.objects.update(embedding_model="text-embedding-3-small")
    note(document, tokens=1_000_000)
    note(document, tokens=5_000_000, ago=3 * 86400)
    make_question(alice, input_tokens=100, output_tokens=20, cost="0.50")
    spent = spending.spent_today()
    assert (spent.documents, spent.questions, float(spent.cost), spent.is_complete) == (
        1_000_000,
        120,
        0.52,
        True,
    )

    Question.objects.update(cost=None)
    assert not spending.spent_today().is_complete


# Failed and waiting jobs


def test_failures_are_grouped_with_their_count_and_sentence(desk, alice):
    for number in range(3):
        fail(make_document(alice, f"text {number}", name=f"{number}.txt"))
    fail(make_document(alice, name="other.txt"), "password", "This PDF needs a password.")
    found = backlog.groups("failed")

    assert [(group.error_kind, group.count) for group in found] == [("damaged", 3), ("password", 1)]
    page = desk.get(ACTIVITY)
    assert "This file is damaged or incomplete." in page
    assert "This PDF needs a password." in page


def test_failures_in_a_retired_index_are_ignored(alice):
    Index.objects.live()
    fail(make_document(alice))
    assert backlog.something_failed()
    Index.objects.update(state=IndexState.RETIRED)

    assert not backlog.something_failed()
    assert backlog.groups("failed") == []


def test_a_waiting_job_shows_its_next_attempt_and_reason_and_from_the_sixth_that_it_keeps_failing(
    desk, alice
):
    wait(make_document(alice, name="new.txt"), tries=2, seconds=40)
    assert "keeps failing" not in desk.get(ACTIVITY)
    wait(make_document(alice, "It snows.", name="old.txt"), tries=6, seconds=300)
    page = desk.get(ACTIVITY)

    assert 20 < int(re.search(r"next attempt in (\d+) s \(no. 3\)", page)[1]) <= 40
    assert "keeps failing" in page
    assert "The provider is having problems right now." in page


def test_a_provider_timeout_is_not_reported_as_a_file_timeout(alice):
    wait(make_document(alice), kind="timeout")
    fail(make_document(alice, "It snows.", name="snow.txt"), "timeout", "Processing this file took too long.")

    assert backlog.groups("waiting")[0].sentence == "The provider did not answer in time."
    assert backlog.groups("failed")[0].sentence == "Processing this file took too long."


# Actions


def test_one_click_replays_a_group_and_nothing_else(desk, alice, queue, work):
    damaged = [fail(make_document(alice, f"text {n}", name=f"{n}.txt")) for n in range(2)]
    locked = fail(make_document(alice, name="locked.txt"), "password", "This PDF needs a password.")
    queue.empty()
    page = desk.press("replay", scope="group", state="failed", kind="index", error_kind="damaged")

    assert "2 jobs queued again." in page
    assert sorted(queue.job_ids) == sorted(task_of(document).job_id for document in damaged)
    work()
    assert set(Document.objects.ready()) == set(damaged)
    locked.refresh_from_db()
    assert locked.state == State.FAILED


def test_a_replay_here_changes_the_same_rows_as_replaying_the_document(alice):
    def rows(document):
        document.refresh_from_db()
        task = Task.objects.filter(pk=task_of(document).pk).values().get()
        own = Document.objects.filter(pk=document.pk).values().get()
        differing = ["id", "document_id", "title", "sha256", "embedding"]
        times = ["created_at", "state_since", "next_try_at", "changed_at"]
        return {k: v for k, v in (task | own).items() if k not in differing + times}

    one, other = (wait(fail(make_document(alice, text, name=f"{text}.txt")), 3) for text in ("a", "b"))
    Task.objects.update(crashes=2, start_at="embed", error="boom")
    one.replay()
    replay.replay(Task.objects.filter(pk=task_of(other).pk))
    assert rows(one) == rows(other)
    assert task_of(other).is_due

    one.cancel()
    replay.cancel(Task.objects.filter(pk=task_of(other).pk))
    assert rows(one) == rows(other)


def test_a_summary_that_failed_is_replayed_as_a_summary(desk, alice, work):
    document = make_indexed(alice, "It rains in Bergen nearly every day, and people carry umbrellas.")
    task_of(document, Kind.SUMMARISE).fail("refused", "")
    Document.objects.update(summary="", summary_state="failed")
    desk.press("replay", scope="group", state="failed")
    document.refresh_from_db()
    assert (document.state, document.summary_state) == (State.READY, "waiting")

    jobs.get_queue("documents").empty()
    work()
    document.refresh_from_db()
    assert "Bergen" in document.summary


def test_selected_attempts_replay_their_work_once(desk, alice, queue):
    first, second = fail(make_document(alice)), fail(make_document(alice, "It snows.", name="snow.txt"))
    chosen = [note(first).pk, note(first, "extract").pk]
    note(second)
    queue.empty()
    desk.press("replay", scope="attempts", chosen=chosen)

    assert queue.job_ids == [task_of(first).job_id]


def test_all_of_a_search_replays_what_failed_or_waits_and_leaves_the_rest_alone(desk, alice, bob, queue):
    failed, waiting = (
        fail(make_document(alice), "crashed"),
        wait(make_document(alice, "It snows.", name="snow.txt")),
    )
    in_vain = fail(make_document(alice, "It drips.", name="drips.txt"))
    under_way = make_document(alice, "It hails.", name="hail.txt")
    bobs = fail(make_document(bob))
    done = make_indexed(alice, "It thaws.", name="thaw.txt")
    for document in (failed, waiting, in_vain, under_way, bobs, done):
        note(document)
    queue.empty()
    desk.press("replay", scope="search", search="person=alice")

    assert set(queue.job_ids) == {task_of(failed).job_id, task_of(waiting).job_id}
    assert task_of(under_way).generation == task_of(done).generation - 1 == 1


def test_an_invalid_search_replays_nothing(desk, alice):
    note(fail(make_document(alice)))
    for search in ("since=yesterday", "outcome=nonsense", "document=x"):
        assert "Nothing to do" in desk.press("replay", scope="search", search=search)
    assert "Nothing to do" in desk.press("replay", scope="group", state="nonsense")
    assert "Nothing to do" in desk.press("replay", scope="everything")

    assert Task.objects.get().state == TaskState.FAILED


def test_cancel_stops_what_is_open_and_only_that(desk, alice, work):
    waiting, failed = wait(make_document(alice)), fail(make_document(alice, "It snows.", name="snow.txt"))
    page = desk.press("cancel", scope="work", chosen=[task_of(waiting).pk, task_of(failed).pk])
    work()

    assert "1 job cancelled." in page
    assert {document.title: document.state for document in Document.objects.all()} == {
        "weather": State.CANCELLED,
        "snow": State.FAILED,
    }


def test_jobs_of_a_deleted_document_cause_no_error(desk, alice):
    task = task_of(fail(make_document(alice)))
    Document.objects.all().delete()

    assert "Nothing to do" in desk.press("replay", scope="work", chosen=task.pk)


def test_a_replay_while_redis_is_unavailable_runs_later(desk, alice, settings, monkeypatch):
    document = fail(make_document(alice), "crashed")
    stop_redis(settings, monkeypatch)
    desk.press("replay", scope="group", state="failed")

    document.refresh_from_db()
    assert document.state == State.WAITING
    assert task_of(document).is_due


def test_every_action_is_logged(desk, alice, operator, caplog):
    task = task_of(fail(make_document(alice, name="secret plan.txt")))
    with caplog.at_level("INFO", "ragsite.operations"):
        page = desk.press("replay", scope="work", chosen=task.pk)
        desk.press("cancel", scope="search", search="q=secret")

    entry = LogEntry.objects.get()
    assert (entry.user, entry.change_message) == (operator, f"replay 1: work {task.pk}")
    assert entry.change_message in page
    assert f"user={operator.pk} verb=replay count=1 scope=work" in caplog.text
    assert "secret" not in caplog.text


def test_an_action_redirects_back_to_its_page_and_never_to_another_site(client, operator, alice):
    client.force_login(operator)
    for back, target in [
        (f"{WORK}?state=failed", f"{WORK}?state=failed"),
        ("https://elsewhere.example/", ACTIVITY),
        ("//elsewhere.example/", ACTIVITY),
    ]:
        answer = client.post(
            reverse("operations:replay"), {"scope": "group", "state": "failed", "back": back}
        )
        assert answer["Location"] == target


# Attempts


def test_attempts_are_found_by_document_person_stage_outcome_error_and_time(desk, alice, bob):
    rain, snow = make_document(alice, name="rain.txt"), make_document(bob, "It snows.", name="snow.txt")
    note(rain, "extract", ago=10)
    note(snow, "embed", Outcome.FAILED, ago=7200, error_class="ReadTimeout", error_message="after 60 s")
    hour_ago = timezone.localtime(timezone.now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    searches = {
        "q=RAIN": "rain",
        "person=bob": "snow",
        "stage=extract": "rain",
        "outcome=failed": "snow",
        "error=readtime": "snow",
        "error=60+s": "snow",
        f"since={hour_ago}": "rain",
        f"until={hour_ago}": "snow",
        f"document={rain.pk}": "rain",
    }
    for search, title in searches.items():
        page = desk.get(f"{ACTIVITY}?{search}")
        assert re.findall(r'id="choose-\d+"', page).__len__() == 1, search
        assert title in page.partition('id="ledger"')[2], search


def test_the_search_is_kept_in_the_url_and_in_every_link_of_the_page(desk, alice):
    document = make_document(alice)
    for number in range(51):
        note(document, ago=number)
    page = desk.get(f"{ACTIVITY}?stage=embed")

    assert "51 attempts" in page
    assert page.count('name="chosen"') == 50
    assert re.search(r'href="/operations/activity/\?stage=embed&amp;page=2#attempts"', page)
    assert 'name="search" value="stage=embed"' in page
    assert desk.get(f"{ACTIVITY}?stage=embed&page=2").count('name="chosen"') == 1


def test_a_poll_keeps_the_selection(desk, alice):
    attempt = note(make_document(alice))
    box = re.search(r'<input[^>]* name="chosen"[^>]*>', desk.get(f"{ACTIVITY}parts/ledger/"))[0]

    assert f'id="choose-{attempt.pk}"' in box
    assert "hx-preserve" in box  # a poll that was on its way when it was ticked must not untick it


def test_typing_into_the_search_fetches_only_the_list(client, operator, alice):
    note(make_document(alice))
    client.force_login(operator)
    headers = {"HX-Request": "true", "HX-Target": "ledger"}
    part = client.get(ACTIVITY, {"q": "weather"}, headers=headers)
    back = client.get(ACTIVITY, headers=headers | {"HX-History-Restore-Request": "true"})

    assert "<html" not in part.content.decode()
    assert "HX-Target" in part["Vary"]
    assert "<html" in back.content.decode()


def test_an_attempt_leads_to_its_document_its_job_and_its_history_and_all_of_them_open(
    client, operator, work
):
    make_pdf("handbook-truncated.pdf", operator)
    work()
    client.force_login(operator)
    page = client.get(f"{ACTIVITY}?outcome=failed").content.decode().partition('id="ledger"')[2]
    links = re.findall(r'<a [^>]*href="([^"]+)"[^>]*>(?:<bdi>)?(?:handbook|history|traceback|RQ job)', page)

    assert len(links) == 4
    assert any("django_rq" in link for link in links)
    for link in links:
        assert client.get(link.replace("&amp;", "&").partition("#")[0]).status_code == 200, link
    work_page = client.get(WORK).content.decode()
    assert "django_rq" in work_page  # the try that failed, not the coming one


def failed_job_page(client, operator, work):
    """RQ's page of a failed job of an operator's document."""
    document = make_pdf("handbook-truncated.pdf", operator)
    work()
    job_id = task_of(document).attempts.last().job_id
    return document, reverse("admin:django_rq_job_detail", args=[0, job_id])


def test_a_job_leads_back_to_its_attempt_its_document_and_activity_and_all_of_them_open(
    client, operator, work
):
    document, address = failed_job_page(client, operator, work)
    client.force_login(operator)
    page = client.get(address).content.decode()
    way_back = page.partition('id="job-work"')[2].partition("</p>")[0]
    links = [link.partition("#")[0] for link in re.findall(r'href="([^"]+)"', way_back)]

    attempt = reverse("admin:documents_attempt_change", args=[task_of(document).attempts.get().pk])
    assert links == [document.get_absolute_url(), attempt, f"{ACTIVITY}?document={document.pk}", ACTIVITY]
    for link in links:
        assert client.get(link).status_code == 200, link
    assert "Requeue" in page  # RQ's own page is still whole


def test_a_job_page_hides_the_document_from_users_who_may_not_operate_the_site(client, operator, work):
    document, address = failed_job_page(client, operator, work)
    bob = make_user("bob", is_staff=True)
    bob.user_permissions.add(Permission.objects.get(codename="admin", content_type__app_label="django_rq"))
    client.force_login(bob)
    page = client.get(address)

    assert page.status_code == 200
    assert "job-work" not in page.content.decode()
    assert document.title not in page.content.decode()


def test_an_operator_who_may_not_read_a_document_gets_no_link_to_its_pages(client, operator, work):
    document, address = failed_job_page(client, operator, work)
    bob = make_user("bob", is_staff=True)
    for name in ("admin", "operate"):
        bob.user_permissions.add(Permission.objects.get(codename=name))
    client.force_login(bob)
    page = client.get(address).content.decode()

    assert f"{ACTIVITY}?document={document.pk}" in page
    assert document.get_absolute_url() not in page
    assert "/admin/documents/attempt/" not in page


def test_a_job_without_a_task_is_shown_as_rq_shows_it(client, operator, queue):
    job = queue.enqueue("os.getcwd", job_id="task-999999999999999999999-0-1-0")
    client.force_login(operator)
    page = client.get(reverse("admin:django_rq_job_detail", args=[0, job.id]))

    assert page.status_code == 200
    assert "job-work" not in page.content.decode()


def test_a_job_that_rq_has_deleted_is_not_linked(desk, alice):
    note(make_document(alice), job_id="task-1-1-99")

    assert "RQ job" not in desk.get(f"{ACTIVITY}parts/ledger/")


# Stage times


def test_stage_times_are_percentiles_of_successes_and_the_failure_rate(alice):
    document = make_document(alice)
    for seconds in range(1, 101):
        note(document, ago=600, took=seconds)
    for outcome in (Outcome.FAILED, Outcome.INTERRUPTED):
        note(document, outcome=outcome, ago=600, took=9999)
    note(document, ago=2 * 86400, took=9999)
    note(document, outcome=Outcome.SUPERSEDED, ago=600, took=9999)
    (embed,) = stage_times.stage_times("hour")

    assert embed.p50 == timedelta(seconds=50.5)
    assert embed.p95 == timedelta(seconds=95.05)
    assert (embed.ended, embed.failed) == (102, 2)
    assert round(embed.failure_rate, 1) == 2.0
    assert stage_times.stage_times("week")[0].ended == 103


def test_the_chart_has_a_bar_for_each_busy_interval_and_no_inline_style(desk, alice):
    document = make_document(alice)
    note(document, ago=30, took=4)
    note(document, ago=3500, took=2)
    note(document, outcome=Outcome.FAILED, ago=3500)
    (embed,) = stage_times.stage_times("hour")
    page = desk.get(f"{ACTIVITY}?period=hour")

    assert [(bar.x, bar.p95, bar.failed) for bar in embed.bars] == [(0, 50, 1), (230, 100, 0)]
    assert embed.highest == timedelta(seconds=4)
    assert f'aria-hidden="true">{span(embed.highest)}</span>' in page
    assert "<span>now</span>" in page
    assert page.count('class="chart-failed" x=') == 1
    assert "style=" not in page
    assert "<script>" not in page


def test_a_stage_without_successes_has_no_times(desk, alice):
    note(make_document(alice), outcome=Outcome.FAILED)
    (embed,) = stage_times.stage_times("day")

    assert embed.p50 is None
    assert "100.0 %" in desk.get(ACTIVITY)


# Whole pages


def test_an_empty_site_has_an_activity_page_too(desk):
    page = desk.get(ACTIVITY)

    assert "No failed jobs." in page
    assert "No attempts yet." in page
    assert "No attempts in this period." in page
    assert "No matching jobs." in desk.get(WORK)


@pytest.mark.parametrize("part", PARTS)
def test_each_part_polls_only_while_it_is_visible(desk, alice, part):
    note(fail(make_document(alice)))
    html = desk.get(f"{ACTIVITY}parts/{part}/?stage=embed")

    assert re.search(rf'<\w+ id="{part}"[^>]* hx-trigger="every \d+s"[^>]* data-polls', html)
    assert desk.get(ACTIVITY).count(f'id="{part}"') == 1


def test_an_unknown_part_is_not_found(client, operator):
    client.force_login(operator)

    assert client.get(f"{ACTIVITY}parts/nonsense/").status_code == 404


def test_work_is_listed_by_state_and_kind_of_failure(desk, alice):
    fail(make_document(alice, name="broken.txt"))
    wait(make_document(alice, "It snows.", name="snow.txt"))

    assert "broken" in desk.get(WORK)
    assert "snow" not in desk.get(WORK)
    assert "snow" in desk.get(f"{WORK}?state=waiting&kind=index&error_kind=unavailable")
    assert "No matching jobs." in desk.get(f"{WORK}?state=waiting&error_kind=damaged")


def test_the_number_of_queries_does_not_grow_with_the_rows(
    client, operator, alice, django_assert_max_num_queries
):
    for number in range(6):
        note(fail(make_document(alice, f"text {number}", name=f"{number}.txt")))
    client.force_login(operator)
    for path in (ACTIVITY, WORK):
        client.get(path)
        with django_assert_max_num_queries(26):
            client.get(path)
