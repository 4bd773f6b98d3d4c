import asyncio
import time
from contextlib import suppress
from datetime import timedelta

import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db import OperationalError, connection
from django.utils import timezone

from qa import streaming
from qa.answering import save
from qa.models import Question
from qa.streaming import clients, consumer, following, interrupt_lost_answers, producer, publisher, saver
from qa.streaming import writer as writer_of_streams
from qa.streaming.consumer import sse_event
from ragsite.database import in_thread
from ragsite.redis import name_of
from tests.qa.conftest import finished, read_event
from tests.support.factories import make_question
from tests.support.site import APPLICATION_NAME

pytestmark = pytest.mark.django_db(transaction=True)

ASKED = "What does a student membership cost?"
COUNTING = " ".join(f"word{number}" for number in range(60))


def written_by(writer, text=COUNTING, seconds=0.03):
    writer.answer = text
    writer.fault("slow", seconds=seconds)


async def test_a_lost_connection_resumes_after_the_last_event(browser, alice, prices, writer):
    written_by(writer)
    person = await browser(alice)
    question = await person.ask(ASKED)
    before = await person.follow(question, until=lambda followed: "word20" in followed.text)
    after = await person.follow(question, after=before.events[-1].id)

    assert (before.text + after.text).split() == COUNTING.split()
    assert len(writer.chats) == 1


async def test_a_second_reader_gets_the_whole_answer_from_its_first_word(browser, alice, prices, writer):
    written_by(writer)
    person = await browser(alice)
    question = await person.ask(ASKED)
    await person.follow(question, until=lambda followed: "word20" in followed.text)
    one, other = await asyncio.gather(person.follow(question), person.follow(question))

    assert one.text == other.text
    assert one.text.split() == COUNTING.split()
    assert len(writer.chats) == 1


async def test_words_are_gathered_so_that_a_token_costs_no_event(browser, alice, prices, writer):
    written_by(writer, seconds=0.002)
    followed = (await (await browser(alice)).asked(ASKED)).followed
    assert followed.kinds.count("token") < 30
    assert followed.kinds[-2:] == ["final", "done"]


async def test_a_closed_tab_neither_ends_nor_repeats_the_answer(browser, alice, prices, writer):
    written_by(writer, seconds=0.01)
    person = await browser(alice)
    question = await person.ask(ASKED)
    await person.follow(question, until=lambda followed: followed.text)
    await finished()
    await question.arefresh_from_db()
    assert question.answer == COUNTING
    assert len(writer.chats) == 1


async def test_a_finished_answer_is_streamed_again_from_the_database(browser, alice, prices):
    person = await browser(alice)
    question = await person.asked(ASKED)
    await clients.clients().producer.delete(clients.stream_key(name_of(question)))

    followed = await person.follow(question)

    assert followed.kinds == ["final", "done"]
    assert "21 euros" in followed.final


async def test_the_stream_of_another_person_is_not_there(browser, alice, bob, prices):
    question = await (await browser(alice)).asked(ASKED)
    response = await (await browser(bob)).client.get(f"/questions/{question.pk}/stream/")
    assert response.status_code == 404


async def test_following_starts_nothing(browser, alice, prices, writer):
    question = await sync_to_async(make_question)(alice, ASKED)
    person = await browser(alice)
    with pytest.raises(TimeoutError):
        await person.follow(question, seconds=1)
    assert writer.requests == []


async def test_a_person_switched_off_is_shown_no_more(browser, alice, prices, writer, monkeypatch):
    monkeypatch.setattr(consumer, "CHECK_SECONDS", 0.3)
    written_by(writer, seconds=0.1)
    person = await browser(alice)
    question = await person.ask(ASKED)
    await person.follow(question, until=lambda followed: followed.text)
    await type(alice).objects.filter(pk=alice.pk).aupdate(is_active=False)

    events = [event async for event in streaming.answer_events(question, reader=lambda: None)]

    assert read_event(events[-1].strip()).kind == "done"
    assert not any(event.startswith("event: final") for event in events)


async def test_signing_out_ends_the_stream_that_is_open(browser, alice, monkeypatch):
    monkeypatch.setattr(consumer, "CHECK_SECONDS", 0)
    monkeypatch.setattr(following, "BLOCK_MS", 50)
    question = await sync_to_async(make_question)(alice, "Why?", state="running", answer="Because 21")
    hers = await browser(alice)
    response = await hers.client.get(f"/questions/{question.pk}/stream/")
    stream = aiter(response)
    assert (await anext(stream)).startswith(b"retry")
    assert (await hers.client.post("/account/logout/")).status_code == 302
    async with asyncio.timeout(30):
        rest = b"".join([chunk async for chunk in stream]).decode()
    assert "event: done" in rest
    assert "21" not in rest


async def test_a_silent_stream_shows_a_sign_of_life(alice, monkeypatch):
    monkeypatch.setattr(consumer, "KEEPALIVE_SECONDS", 0.2)
    monkeypatch.setattr(following, "BLOCK_MS", 100)
    question = await sync_to_async(make_question)(alice, ASKED)
    stream = streaming.answer_events(question)
    async with asyncio.timeout(20):
        async for event in stream:
            if event.startswith(":"):
                break
    await stream.aclose()
    await streaming.close_clients()


async def test_a_model_that_is_slow_to_begin_is_explained(browser, alice, prices, writer, monkeypatch):
    monkeypatch.setattr(publisher, "SILENCE_SECONDS", 0.3)
    writer.fault("late", seconds=1)
    followed = (await (await browser(alice)).asked(ASKED)).followed
    assert any("The model is thinking" in event.body for event in followed.events if event.kind == "step")


async def test_the_text_is_saved_as_it_grows(browser, alice, prices, writer, monkeypatch):
    monkeypatch.setattr(saver, "SAVE_SECONDS", 0.1)
    written_by(writer)
    person = await browser(alice)
    question = await person.ask(ASKED)
    await person.follow(question, until=lambda followed: "word30" in followed.text)
    await question.arefresh_from_db()
    assert question.is_running
    assert question.answer.startswith("word0 word1")


async def test_a_server_that_stops_marks_what_it_was_writing_as_interrupted(browser, alice, prices, writer):
    written_by(writer, seconds=0.1)
    person = await browser(alice)
    question = await person.ask(ASKED)
    await person.follow(question, until=lambda followed: "word3" in followed.text)
    await streaming.finish_running_answers(timeout=0.1)

    await question.arefresh_from_db()
    assert question.state == "interrupted"
    assert question.answer.startswith("word0 word1 word2")


async def test_a_server_that_stops_lets_an_answer_end(browser, alice, prices, writer):
    written_by(writer, seconds=0.01)
    person = await browser(alice)
    question = await person.ask(ASKED)
    await streaming.finish_running_answers(timeout=10)
    await question.arefresh_from_db()
    assert question.state == "complete"


async def test_stop_reaches_an_answer_that_another_process_writes(
    browser, alice, prices, writer, monkeypatch
):
    monkeypatch.setattr(saver, "SAVE_SECONDS", 0.1)
    written_by(writer, seconds=0.1)
    person = await browser(alice)
    question = await person.ask(ASKED)
    await person.follow(question, until=lambda followed: followed.text)
    running = producer.RUNNING.pop(name_of(question))  # as another process sees it
    await streaming.request_stop(question)
    await asyncio.wait([running.task], timeout=20)
    await question.arefresh_from_db()
    assert question.state == "stopped"


def test_an_answer_without_a_heartbeat_is_interrupted_with_its_text(alice):
    long_ago = timezone.now() - timedelta(seconds=21)
    lost = make_question(alice, heartbeat_at=long_ago, answer="It rains in")
    alive = make_question(alice)
    done = make_question(alice, heartbeat_at=long_ago, state="complete")

    assert interrupt_lost_answers() == 1

    lost.refresh_from_db()
    assert (lost.state, lost.answer) == ("interrupted", "It rains in")
    assert Question.objects.get(pk=alive.pk).is_running
    assert Question.objects.get(pk=done.pk).is_complete


async def test_with_redis_away_the_answer_is_written_saved_and_shown(
    browser, alice, prices, writer, settings, monkeypatch
):
    settings.STREAM_URL = "unix:///nowhere/redis.sock"
    monkeypatch.setattr(consumer, "CHECK_SECONDS", 0.2)
    monkeypatch.setattr(following, "PAUSE_SECONDS", 0.2)
    question = await (await browser(alice)).asked(ASKED)
    assert question.state == "complete"
    assert question.followed.kinds[-2:] == ["final", "done"]
    assert "21 euros" in question.followed.final


async def test_with_redis_away_another_process_shows_the_answer_of_the_database(
    browser, alice, prices, writer, settings, monkeypatch
):
    settings.STREAM_URL = "unix:///nowhere/redis.sock"
    monkeypatch.setattr(consumer, "CHECK_SECONDS", 0.2)
    monkeypatch.setattr(following, "PAUSE_SECONDS", 0.2)
    person = await browser(alice)
    question = await person.ask(ASKED)
    running = producer.RUNNING.pop(name_of(question))  # as another process sees it
    followed = await person.follow(question)
    await asyncio.wait([running.task])
    assert followed.kinds == ["final", "done"]
    assert "21 euros" in followed.final


async def test_an_open_stream_holds_no_database_connection(browser, alice, prices, writer):
    written_by(writer, seconds=0.5)
    person, begun = await browser(alice), await in_thread(_database_time)()
    question = await person.ask(ASKED)
    readers = [asyncio.create_task(_follow_in_own_thread(person, question)) for _ in range(10)]
    held = await _fewest_connections_since(begun, enough=2)
    reading = sum(not reader.done() for reader in readers)
    await streaming.request_stop(question)
    await asyncio.gather(*readers)
    assert reading == 10
    assert len(held) <= 2, "\n".join(map(str, held))


async def _follow_in_own_thread(person, question):
    """As on a server, where every request has a thread and in it a connection; Django's test client has one for all."""
    async with ThreadSensitiveContext():
        return await person.follow(question)


def _database_time():
    with connection.cursor() as cursor:
        cursor.execute("select clock_timestamp()")
        return cursor.fetchone()[0]


async def _fewest_connections_since(begun, enough, seconds=10):
    """Every reader asks for a moment now and then; a connection that is held is there at every look."""
    deadline = time.monotonic() + seconds
    await asyncio.sleep(1)
    fewest = await in_thread(_connections_since)(begun)
    while len(fewest) > enough and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
        fewest = min(fewest, await in_thread(_connections_since)(begun), key=len)
    return fewest


def _connections_since(begun):
    """Of this process, but for the one that looks; earlier tests may have left others in threads that are no more."""
    with connection.cursor() as cursor:
        cursor.execute(CONNECTIONS_SINCE, [begun, APPLICATION_NAME])
        return cursor.fetchall()


CONNECTIONS_SINCE = """
select application_name, now() - backend_start as age, state, left(query, 80) from pg_stat_activity
where datname = current_database() and backend_start > %s and pid <> pg_backend_pid() and application_name <> %s"""


async def test_a_cancellation_that_is_swallowed_is_made_again():
    async def stubborn():
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await writer_of_streams.end_all([task])
    assert task.cancelled()


async def test_the_loops_of_an_answer_that_is_over_end_by_themselves(alice, monkeypatch):
    monkeypatch.setattr(saver, "SAVE_SECONDS", 0)
    over = publisher.Publisher(await sync_to_async(make_question)(alice, ASKED), asyncio.Event())
    over.begin()
    over.end()
    async with asyncio.timeout(20):
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)
    await streaming.close_clients()


def test_text_cannot_pose_as_an_event():
    event = sse_event("token", "a\n\nevent: done\r\rdata: x\r\nid: 9", id="1-0")
    assert event.count("\n\n") == 1
    assert [line.split(":")[0] for line in event.strip().split("\n")] == ["event", "id", *["data"] * 6]


async def test_a_forged_event_in_an_answer_stays_text(browser, alice, prices, writer):
    writer.answer = "First.\n\nevent: done\ndata: x\n\nLast."
    followed = (await (await browser(alice)).asked(ASKED)).followed
    assert followed.kinds.count("done") == 1
    assert "event: done" in followed.text
    assert followed.text.endswith("Last.")


async def test_words_arrive_as_they_are_written(browser, alice, prices, writer):
    written_by(writer, seconds=0.2)
    person = await browser(alice)
    question = await person.ask(ASKED)
    followed = await person.follow(question, until=lambda followed: "word2" in followed.text)
    await streaming.request_stop(question)
    assert "word50" not in followed.text


async def test_with_the_database_away_at_the_end_the_reader_still_has_the_whole_answer(
    browser, alice, prices, writer, monkeypatch
):
    finish, tries = save.finish, []

    def away_once(draft):
        tries.append(draft)
        if len(tries) == 1:
            raise OperationalError
        finish(draft)

    monkeypatch.setattr(save, "finish", away_once)
    monkeypatch.setattr(save, "RETRY_SECONDS", [0.1])
    question = await (await browser(alice)).asked(ASKED)

    assert "21 euros" in question.followed.final
    assert "not saved yet" in question.followed.final
    assert (question.state, question.notice) == ("complete", "")


def test_a_database_that_is_away_is_waited_for_half_an_hour():
    pauses = save.RETRY_SECONDS
    assert 1800 <= sum(pauses) < 3600
    assert max(pauses) < producer.LOST_SECONDS, (
        "the heartbeat is back before anybody takes the writer for dead"
    )


async def test_an_answer_that_waits_for_the_database_is_saved_when_the_server_stops(
    browser, alice, prices, writer, monkeypatch
):
    finish, tries = save.finish, []

    def away_once(draft):
        tries.append(draft)
        if len(tries) == 1:
            raise OperationalError
        finish(draft)

    monkeypatch.setattr(save, "finish", away_once)
    person = await browser(alice)
    question = await person.ask(ASKED)
    await person.follow(question)
    await streaming.finish_running_answers(timeout=0)
    await question.arefresh_from_db()
    assert (len(tries), question.state, question.notice) == (2, "complete", "")
    assert "21 euros" in question.answer
