"""What goes to Redis and to the database while answers are written."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from redis.exceptions import ConnectionError as RedisAway

from qa.models import Question
from qa.streaming import clients, saver, writer
from qa.streaming.channel import Channel
from qa.streaming.publisher import Publisher
from qa.streaming.writer import Stream
from tests.support.factories import make_question


@pytest.fixture
async def stream():
    made = Stream(clients.stream_key("1-test"), Channel())
    yield made
    await writer.writer().flush(0)
    await clients.clients().producer.delete(made.key)
    await clients.close_clients()


async def entries(stream):
    found = await clients.clients().producer.xrange(stream.key)
    return [(id.decode(), entry[b"body"].decode()) for id, entry in found]


async def test_text_that_came_together_is_one_entry(stream):
    for word in ("It ", "rains."):
        stream.channel.add("token", word)
        writer.writer().note(stream)
    await writer.writer().flush(10)
    assert await entries(stream) == [("9-0", "It rains.")]


async def test_while_redis_is_away_nothing_is_dropped(stream, monkeypatch):
    monkeypatch.setattr(writer, "PAUSE_SECONDS", 0.01)
    made, tries = writer._pipeline, []

    class Away:
        async def execute(self, **options):
            raise RedisAway

    def away_at_first(streams):
        tries.append(streams)
        return Away() if len(tries) <= 3 else made(streams)

    monkeypatch.setattr(writer, "_pipeline", away_at_first)
    stream.channel.add("token", "It ")
    writer.writer().note(stream)
    await asyncio.sleep(0.02)
    stream.channel.add("token", "rains.")
    writer.writer().note(stream)
    await writer.writer().flush(10)
    assert "".join(body for _id, body in await entries(stream)) == "It rains."


async def test_what_was_written_before_the_connection_broke_is_written_once(stream, monkeypatch):
    monkeypatch.setattr(writer, "PAUSE_SECONDS", 0.01)
    made, tries = writer._pipeline, []

    class BreaksAfterwards:
        def __init__(self, pipe):
            self.pipe = pipe

        async def execute(self, **options):
            await self.pipe.execute(**options)
            raise RedisAway

    def breaks_at_first(streams):
        tries.append(streams)
        return BreaksAfterwards(made(streams)) if len(tries) == 1 else made(streams)

    monkeypatch.setattr(writer, "_pipeline", breaks_at_first)
    stream.channel.add("token", "It rains.")
    writer.writer().note(stream)
    await writer.writer().flush(10)
    assert len(tries) == 2
    assert await entries(stream) == [("9-0", "It rains.")]


async def test_an_answer_that_redis_never_takes_is_given_up_after_its_end(stream, monkeypatch):
    monkeypatch.setattr(writer, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(writer, "GIVE_UP_SECONDS", 0)

    async def away(*args, **options):
        raise RedisAway

    monkeypatch.setattr(writer, "_pipeline", lambda streams: type("Away", (), {"execute": away}))
    stream.channel.add("token", "It rains.")
    stream.channel.close()
    writer.writer().note(stream)
    async with asyncio.timeout(20):
        await asyncio.wait([writer.writer()._task])


@pytest.mark.django_db
def test_the_texts_of_all_answers_are_saved_in_one_statement(alice, django_assert_num_queries):
    questions = [make_question(alice) for _number in range(5)]
    with django_assert_num_queries(1):
        deleted = saver.save_texts([(question, f"It rains {question.pk}.") for question in questions])
    assert deleted == set()
    assert {row.answer for row in Question.objects.all()} == {f"It rains {each.pk}." for each in questions}


@pytest.mark.django_db(transaction=True)
def test_a_text_that_cannot_be_saved_keeps_no_other_from_it(alice):
    good, bad = make_question(alice), make_question(alice)
    assert saver.save_texts([(bad, "\0"), (good, "It rains.")]) == set()
    good.refresh_from_db()
    assert good.answer == "It rains."
    assert Question.objects.get(pk=bad.pk).heartbeat_at > bad.heartbeat_at


@pytest.mark.django_db
def test_saving_tells_deleted_questions_from_finished_ones(alice):
    deleted, finished = make_question(alice), make_question(alice, state="complete", answer="Done.")
    number = deleted.pk
    Question.objects.filter(pk=number).delete()
    assert saver.save_texts([(deleted, "It"), (finished, "It")]) == {number}
    finished.refresh_from_db()
    assert finished.answer == "Done."


@pytest.mark.django_db(transaction=True)
async def test_a_new_answer_is_saved_also_where_the_one_before_has_just_ended(alice, monkeypatch):
    monkeypatch.setattr(saver, "SAVE_SECONDS", 0.01)

    for text in ("one", "two"):
        publisher = Publisher(await sync_to_async(make_question)(alice), asyncio.Event())
        publisher._text = [text]
        publisher.begin()
        async with asyncio.timeout(20):
            while (await Question.objects.aget(pk=publisher.question.pk)).answer != text:  # noqa: ASYNC110 (a row has no event)
                await asyncio.sleep(0.01)
        publisher.end()
    await writer.writer().flush(5)
    await clients.close_clients()
