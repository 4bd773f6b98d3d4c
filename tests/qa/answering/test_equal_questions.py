"""Equal questions of several people: one provider call, and never a word that somebody may not read."""

import asyncio

import pytest
from asgiref.sync import sync_to_async

from documents.models import Collection, Document, Membership
from qa import streaming
from qa.answering import cache, equal
from qa.models import Question
from qa.streaming.running import RUNNING
from ragsite.redis import name_of
from tests.qa.conftest import finished
from tests.support.factories import make_indexed, make_user

pytestmark = pytest.mark.django_db(transaction=True)

ASKED = "What does a student membership cost?"
COUNTING = " ".join(f"word{number}" for number in range(40))


@pytest.fixture
def shelf(alice):
    shared = Collection.objects.create(name="Shared", everyone_reads=True)
    make_indexed(alice, "Membership costs 21 euros for students.", collection=shared)
    return shared


async def people(browser, count):
    users = [await sync_to_async(make_user)(f"person{number}") for number in range(count)]
    for user in users:
        await sync_to_async(Collection.objects.private_to)(user)
    return [await browser(user) for user in users]


async def answers(*questions):
    return [await Question.objects.aget(pk=question.pk) for question in questions]


async def test_people_with_a_private_shelf_each_share_an_answer(browser, shelf, writer):
    one, other = await people(browser, 2)
    await one.asked(ASKED)
    assert (await other.asked(ASKED)).cached_from is not None
    assert len(writer.chats) == 1


async def test_many_people_who_ask_the_same_at_once_make_one_call(browser, shelf, writer):
    writer.answer = COUNTING
    writer.fault("slow", seconds=0.03)
    crowd = await people(browser, 6)
    questions = [await person.ask(ASKED) for person in crowd]
    followed = await asyncio.gather(
        *(person.follow(question) for person, question in zip(crowd, questions, strict=True))
    )
    await finished()
    assert len(writer.chats) == 1
    assert {each.text for each in followed} == {COUNTING}
    assert {row.answer for row in await answers(*questions)} == {COUNTING}
    assert all("word39" in each.final for each in followed)


async def test_who_asks_the_same_reads_along_as_it_is_written(browser, shelf, writer):
    writer.answer = COUNTING
    writer.fault("slow", seconds=0.1)
    one, other = await people(browser, 2)
    first, second = await one.ask(ASKED), await other.ask(ASKED)
    await other.follow(second, until=lambda followed: "word3" in followed.text)
    assert (await Question.objects.aget(pk=first.pk)).is_running
    assert (await Question.objects.aget(pk=second.pk)).draws_on, "known before the first word"
    await streaming.request_stop(first)
    await streaming.request_stop(second)


async def test_an_answer_of_another_process_is_followed_too(browser, shelf, writer):
    writer.answer = COUNTING
    writer.fault("slow", seconds=0.03)
    one, other = await people(browser, 2)
    first = await one.ask(ASKED)
    running = RUNNING.pop(name_of(first))  # as another process sees it
    followed = (await other.asked(ASKED)).followed
    await asyncio.wait([running.task])
    assert followed.text == COUNTING
    assert len(writer.chats) == 1


@pytest.mark.parametrize("how", ["stopped", "failed"])
async def test_when_the_first_one_has_no_answer_the_others_get_one_from_one_more_call(
    browser, shelf, writer, how
):
    writer.answer = COUNTING
    writer.fault("slow", seconds=0.03)
    if how == "failed":
        writer.fault("no_finish", after=30)
    crowd = await people(browser, 4)
    first = await crowd[0].ask(ASKED)
    await crowd[0].follow(first, until=lambda followed: "word1" in followed.text)  # else another may write it
    questions = [first, *[await person.ask(ASKED) for person in crowd[1:]]]
    await crowd[1].follow(questions[1], until=lambda followed: "word2" in followed.text)
    if how == "stopped":
        await streaming.request_stop(questions[0])
    followed = await asyncio.gather(
        *(person.follow(question) for person, question in zip(crowd, questions, strict=True))
    )
    await finished()
    rows = await answers(*questions)
    assert rows[0].state in ("stopped", "unfinished")
    assert {(row.state, row.answer) for row in rows[1:]} == {("complete", COUNTING)}
    assert {each.text for each in followed[1:]} == {COUNTING}, "what was taken back is not repeated"
    assert len(writer.chats) == 2


async def test_stopping_ones_own_answer_stops_nobody_elses(browser, shelf, writer):
    writer.answer = COUNTING
    writer.fault("slow", seconds=0.03)
    one, other = await people(browser, 2)
    first, second = await one.ask(ASKED), await other.ask(ASKED)
    await other.follow(second, until=lambda followed: "word2" in followed.text)
    await streaming.request_stop(second)
    await one.follow(first)
    await finished()
    led, stopped = await answers(first, second)
    assert (led.state, led.answer) == ("complete", COUNTING)
    assert stopped.state == "stopped"
    assert stopped.answer.startswith("word0")


async def test_a_private_document_keeps_its_owners_answer_apart(browser, alice, bob, shelf, writer):
    await sync_to_async(make_indexed)(
        alice, "The canary CANARY-7 says 25 euros for students.", name="mine.txt"
    )
    hers = await (await browser(alice)).asked(ASKED)
    his = await (await browser(bob)).asked(ASKED)
    assert (hers.cached_from, his.cached_from) == (None, None)
    assert "CANARY" not in his.answer + his.followed.final
    again = await (await browser(alice)).asked(ASKED)
    assert again.cached_from is not None


async def test_a_document_that_becomes_searchable_meanwhile_is_in_no_shared_answer(
    browser, alice, bob, shelf, prices, monkeypatch
):
    """Her key was made while her own document could not be searched; the search then finds it."""
    Document.objects.filter(pk=prices.pk).update(chunk_count=0)
    made = cache.answer_key

    def key_made_too_early(*args, **values):
        key = made(*args, **values)
        Document.objects.filter(pk=prices.pk).update(chunk_count=3)
        return key

    monkeypatch.setattr(cache, "answer_key", key_made_too_early)
    await (await browser(alice)).asked("What do pensioners contribute?")
    monkeypatch.setattr(cache, "answer_key", made)
    his = await (await browser(bob)).asked("What do pensioners contribute?")
    assert "pensioners and students" not in his.answer + his.followed.final


def test_an_answer_is_shared_only_where_its_key_names_every_origin(shelf, prices):
    assert cache.may_share([(1, shelf.pk)], [shelf])
    assert not cache.may_share([(1, shelf.pk), (prices.pk, prices.collection_id)], [shelf])
    assert not cache.may_share([(prices.pk, prices.collection_id)], [])


def test_a_cached_answer_is_given_only_to_who_may_read_its_origins_now(alice, bob, prices):
    entry = {"answer": "21 euros", "draws_on": [[prices.pk, prices.collection_id]], "citations": []}
    cache.store("answer:x", entry)
    assert cache.load("answer:x", alice)["answer"] == "21 euros"
    assert cache.load("answer:x", bob) is None
    Membership.objects.create(user=bob, collection=prices.collection)
    assert cache.load("answer:x", bob)


async def test_a_running_answer_is_followed_only_by_who_may_read_its_origins(
    browser, alice, bob, prices, writer
):
    """Even if two keys were equal by mistake."""
    writer.answer = COUNTING
    writer.fault("slow", seconds=0.05)
    hers, his = await browser(alice), await browser(bob)
    first = await hers.ask(ASKED)
    await hers.follow(first, until=lambda followed: followed.text)
    monkey = pytest.MonkeyPatch()
    monkey.setattr(cache, "locked_by", lambda key: name_of(first))
    monkey.setattr(cache, "lock", lambda key, name: False)
    monkey.setattr(equal, "RELEASE_SECONDS", 0.1)
    try:
        followed = (await his.asked(ASKED)).followed
    finally:
        monkey.undo()
    assert "word0" not in followed.text + followed.final
