import asyncio

import pytest

from documents.models import Collection, Document, Membership
from qa.answering import cache
from qa.models import Question
from tests.qa.conftest import finished
from tests.support.factories import make_indexed

pytestmark = pytest.mark.django_db(transaction=True)

ASKED = "What does a student membership cost?"


async def test_the_same_question_is_answered_from_the_cache_and_says_so(browser, alice, prices, writer):
    person = await browser(alice)
    first = await person.asked(ASKED)
    second = await person.asked("  what does a STUDENT membership cost? ")

    assert len(writer.chats) == 1
    assert second.answer == first.answer
    assert second.cached_from is not None
    assert second.cost is None
    assert "Saved answer from" in second.followed.final
    assert [row.quote async for row in second.citations.all()] == [
        row.quote async for row in first.citations.all()
    ]


async def test_quotes_are_cached_too(browser, alice, prices):
    person = await browser(alice)
    await person.asked(ASKED)
    assert (await person.asked(ASKED)).cached_from is not None


@pytest.mark.parametrize("name", ["PROMPT_VERSION", "QUOTING_VERSION"])
async def test_an_answer_of_an_earlier_release_is_not_given(browser, alice, prices, monkeypatch, name):
    person = await browser(alice)
    await person.asked(ASKED)
    monkeypatch.setattr(cache, name, getattr(cache, name) + 1)
    assert (await person.asked(ASKED)).cached_from is None


async def test_answering_again_calls_the_provider_again(browser, alice, prices, writer):
    person = await browser(alice)
    first = await person.asked(ASKED)
    await person.client.post(f"/questions/{first.pk}/again/", {"fresh": "1"})
    await finished()

    second = await Question.objects.aget(parent=first)
    assert (second.is_fresh, second.cached_from, second.state) == (True, None, "complete")
    assert len(writer.chats) == 2


async def test_a_new_document_makes_answers_of_before_outdated(browser, alice, prices, writer):
    person = await browser(alice)
    await person.asked(ASKED)
    make_indexed(alice, "A student membership now costs 25 euros.", name="new.txt")
    second = await person.asked(ASKED)
    assert second.cached_from is None


async def test_a_deleted_document_answers_no_more(browser, alice, prices):
    person = await browser(alice)
    await person.asked(ASKED)
    Document.objects.get(pk=prices.pk).delete()
    second = await person.asked(ASKED)
    assert "21 euros" not in second.answer + second.followed.final


async def test_another_person_never_gets_an_answer_from_what_they_may_not_read(browser, alice, bob, prices):
    await (await browser(alice)).asked(ASKED)
    question = await (await browser(bob)).asked(ASKED)
    assert "21 euros" not in question.answer + question.followed.final


async def test_readers_of_the_same_collections_share_an_answer(browser, alice, bob, writer):
    shelf = Collection.objects.create(name="Shared", everyone_reads=True)
    make_indexed(alice, "Membership costs 21 euros for students.", collection=shelf)
    await (await browser(alice)).asked(ASKED)
    question = await (await browser(bob)).asked(ASKED)
    assert question.cached_from is not None


async def test_who_loses_the_right_to_read_loses_the_cached_answer(browser, alice, bob, prices):
    membership = Membership.objects.create(user=bob, collection=prices.collection)
    person = await browser(bob)
    await person.asked(ASKED)
    membership.delete()
    assert "21 euros" not in (await person.asked(ASKED)).answer


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHAT_MODEL", "another-model"),
        ("SOURCE_TOKENS", 500),
        ("CHAT_TEMPERATURE", 0.5),
        ("DENSE_WEIGHT", 0.1),
    ],
)
async def test_another_model_or_setting_gives_another_answer(
    browser, alice, prices, writer, settings, name, value
):
    person = await browser(alice)
    await person.asked(ASKED)
    setattr(settings, name, value)
    assert (await person.asked(ASKED)).cached_from is None


async def test_the_same_words_later_in_a_conversation_are_another_question(browser, alice, prices, writer):
    person = await browser(alice)
    first = await person.asked("Who may borrow instruments?")
    await person.asked(ASKED)
    second = await person.asked(ASKED, conversation=first.conversation_id)
    assert second.cached_from is None


async def test_two_equal_questions_at_once_make_one_provider_call(browser, alice, prices, writer):
    writer.fault("slow", seconds=0.05)
    person = await browser(alice)
    first, second = await person.ask(ASKED), await person.ask(ASKED)
    await asyncio.gather(person.follow(first), person.follow(second))
    await finished()

    await first.arefresh_from_db()
    await second.arefresh_from_db()
    assert len(writer.chats) == 1
    assert first.answer == second.answer != ""


async def test_when_the_first_of_two_fails_the_second_asks_for_itself(browser, alice, prices, writer):
    writer.fault("no_finish", after=4)
    writer.fault("slow", seconds=0.05)
    person = await browser(alice)
    first, second = await person.ask(ASKED), await person.ask(ASKED)
    await asyncio.gather(person.follow(first), person.follow(second))
    await finished()
    states = [
        question.state
        async for question in Question.objects.filter(pk__in=[first.pk, second.pk]).order_by("pk")
    ]
    assert sorted(states) == ["complete", "unfinished"]


def test_who_writes_an_answer_is_one_at_a_time():
    assert cache.lock("answer:x", "1-a")
    assert not cache.lock("answer:x", "2-b")
    assert cache.locked_by("answer:x") == "1-a"
    cache.unlock("answer:x")
    assert cache.lock("answer:x", "2-b")


def test_without_the_cache_answers_are_given_all_the_same(settings, alice):
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "unix:///nowhere/redis.sock"}}
    assert cache.load("answer:x", alice) is None
    assert cache.lock("answer:x", "1-a")
    cache.store("answer:x", {})
    cache.unlock("answer:x")
