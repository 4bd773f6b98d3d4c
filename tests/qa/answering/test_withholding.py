"""What a person may no longer read reaches nobody: no page, no stream, no model."""

import pytest
from asgiref.sync import sync_to_async
from django.urls import reverse

from documents.models import Collection, Document, Membership, Notice
from documents.notifications import notify
from qa import streaming
from qa.models import Citation, Conversation, Question
from qa.models.scope import Scope
from qa.streaming import clients, consumer
from tests.qa.conftest import read_event
from tests.support.factories import make_indexed

pytestmark = pytest.mark.django_db(transaction=True)

ASKED = "What does a student membership cost?"
NO_LONGER = "can no longer open"


@pytest.fixture
def membership(alice, bob, prices):
    """Bob reads what Alice wrote, until this is deleted."""
    return Membership.objects.create(user=bob, collection=prices.collection)


async def opened(person, question):
    response = await person.client.get(question.conversation.get_absolute_url())
    return response.content.decode()


async def test_an_answer_goes_with_the_right_to_read_its_source(browser, bob, membership, writer):
    writer.answer = "Students pay 21 euros [1]."
    person = await browser(bob)
    question = await person.asked(ASKED)
    assert "21 euros" in await opened(person, question)
    await membership.adelete()

    page = await opened(person, question)

    assert NO_LONGER in page
    assert [words for words in ("21 euros", "observatory", "prices") if words in page] == []


async def test_quotes_go_too(browser, bob, membership):
    person = await browser(bob)
    question = await person.asked(ASKED)
    await membership.adelete()
    page = await opened(person, question)
    assert NO_LONGER in page
    assert "21 euros" not in page


async def test_deleting_a_document_restores_access_to_nobody(browser, bob, membership, prices):
    person = await browser(bob)
    question = await person.asked(ASKED)
    await membership.adelete()
    await Document.objects.filter(pk=prices.pk).adelete()
    assert "21 euros" not in await opened(person, question)


async def test_members_of_the_collection_keep_the_words_of_a_deleted_document(browser, alice, prices):
    person = await browser(alice)
    question = await person.asked(ASKED)
    await Document.objects.filter(pk=prices.pk).adelete()
    page = await opened(person, question)
    assert "21 euros" in page
    assert "has since been deleted" in page


async def test_the_panel_of_such_a_source_shows_neither_words_nor_title(browser, bob, membership, prices):
    person = await browser(bob)
    question = await person.asked(ASKED)
    row = await Citation.objects.filter(question=question).afirst()
    await membership.adelete()
    await Document.objects.filter(pk=prices.pk).adelete()
    for headers in ({}, {"HX-Request": "true"}):
        response = await person.client.get(reverse("qa:citation", args=[row.pk]), headers=headers)
        page = response.content.decode()
        assert "You can no longer open this document" in page
        assert [words for words in ("21 euros", "prices", "observatory") if words in page] == []


async def test_its_stream_tells_nothing_again(browser, bob, membership, writer):
    writer.answer = "Students pay 21 euros [1]."
    person = await browser(bob)
    question = await person.asked(ASKED)
    await membership.adelete()
    followed = await person.follow(question)
    assert followed.kinds == ["final", "done"]
    assert NO_LONGER in followed.final
    assert "21 euros" not in followed.final


async def test_an_answer_under_way_stops_for_who_may_no_longer_read(
    browser, bob, membership, writer, monkeypatch
):
    monkeypatch.setattr(consumer, "CHECK_SECONDS", 0.2)
    writer.answer = " ".join(["word"] * 200)
    writer.fault("slow", seconds=0.05)
    person = await browser(bob)
    question = await person.ask(ASKED)
    await person.follow(question, until=lambda followed: followed.text)
    await membership.adelete()

    followed = await person.follow(question)
    await streaming.request_stop(question)

    assert followed.text == ""
    assert followed.kinds[-2:] == ["back", "done"]


async def test_a_follow_up_sends_nothing_of_it_to_the_model(browser, bob, membership, writer):
    writer.answer = "Students pay 21 euros [1]."
    person = await browser(bob)
    first = await person.asked(ASKED)
    await membership.adelete()
    await sync_to_async(make_indexed)(bob, "Parking costs 3 euros.", name="parking.txt")

    await person.asked("And what does parking cost?", conversation=first.conversation_id)

    sent = str(writer.chats[1:])
    assert "Parking costs 3 euros" in sent
    assert "21 euros" not in sent


async def test_what_was_written_with_it_in_mind_goes_too_and_what_came_after_stays(
    browser, bob, membership, writer
):
    await sync_to_async(make_indexed)(bob, "Parking costs 3 euros.", name="parking.txt")
    person = await browser(bob)
    first = await person.asked(ASKED)
    own = await Document.objects.aget(title="parking")
    second = await person.asked("And what does parking cost?", conversation=first.conversation_id)
    await Question.objects.filter(pk=second.pk).aupdate(answer="Parking is 3 euros, not 21 euros.")
    assert [own.pk, own.collection_id] in second.draws_on
    await membership.adelete()
    writer.answer = "Parking is 3 euros [1]."
    third = await person.asked("What does parking cost?", conversation=first.conversation_id)

    page = await opened(person, third)

    assert "not 21 euros" not in page
    assert "Parking is 3 euros" in page


async def test_an_interrupted_answer_goes_too(browser, bob, membership, writer):
    writer.answer = " ".join(["secret"] * 200)
    writer.fault("slow", seconds=0.05)
    person = await browser(bob)
    question = await person.ask(ASKED)
    await person.follow(question, until=lambda followed: followed.text)
    await streaming.finish_running_answers(timeout=0)
    assert "secret" in await opened(person, question)
    await membership.adelete()
    assert "secret" not in await opened(person, question)


def test_the_scope_of_a_conversation_is_named_only_to_users_who_may_read_it(client, alice, bob, prices):
    shelf = Collection.objects.create(name="Hidden shelf")
    narrowed = Conversation.objects.create(user=bob, title="x", scope=Scope.of(shelf))
    of_one = Conversation.objects.create(user=bob, title="y", scope=Scope.of(prices))
    client.force_login(bob)
    assert "Hidden shelf" not in client.get(narrowed.get_absolute_url()).content.decode()
    assert "prices" not in client.get(of_one.get_absolute_url()).content.decode()
    Membership.objects.create(user=bob, collection=shelf)
    Membership.objects.create(user=bob, collection=prices.collection)
    assert "Hidden shelf" in client.get(narrowed.get_absolute_url()).content.decode()
    assert "prices" in client.get(of_one.get_absolute_url()).content.decode()


def test_news_of_a_document_reach_only_who_may_still_read_it(alice, bob, prices, settings, mailoutbox):
    settings.EMAIL_HOST = "mail.example.com"
    type(bob).objects.filter(pk=bob.pk).update(email="bob@example.com", mail_when_ready=True)
    Document.objects.filter(pk=prices.pk).update(uploaded_by=bob)
    prices.refresh_from_db()
    notify(prices)
    assert (Notice.objects.filter(user=bob).count(), len(mailoutbox)) == (0, 0)

    membership = Membership.objects.create(user=bob, collection=prices.collection)
    notify(prices)
    assert (Notice.objects.unseen_by(bob).count(), len(mailoutbox)) == (1, 1)
    membership.delete()
    assert Notice.objects.unseen_by(bob).count() == 0


async def test_a_stream_ends_with_the_session_that_opened_it(browser, alice, prices, writer, monkeypatch):
    monkeypatch.setattr(consumer, "CHECK_SECONDS", 0.2)
    writer.answer = " ".join(["word"] * 200)
    writer.fault("slow", seconds=0.05)
    person, elsewhere = await browser(alice), await browser(alice)
    question = await person.ask(ASKED)
    ended = []

    response = await person.client.get(f"/questions/{question.pk}/stream/")
    async for chunk in aiter(response):
        ended += [read_event(block) for block in chunk.decode().split("\n\n") if block.startswith("event:")]
        if len(ended) == 3:
            await person.client.post(reverse("accounts:logout"))
        assert len(ended) < 100, "it goes on"
    assert ended[-1].kind == "done"
    assert (await elsewhere.follow(question, until=lambda followed: followed.text)).text
    await streaming.request_stop(question)
    await streaming.close_clients()


@pytest.mark.parametrize("change", ["switched off", "password", "deleted"])
async def test_a_stream_ends_for_who_may_not_go_on(browser, alice, prices, writer, monkeypatch, change):
    monkeypatch.setattr(consumer, "CHECK_SECONDS", 0.2)
    writer.answer = " ".join(["word"] * 200)
    writer.fault("slow", seconds=0.05)
    person = await browser(alice)
    question = await person.ask(ASKED)
    seen = []
    response = await person.client.get(f"/questions/{question.pk}/stream/")
    async for chunk in aiter(response):
        seen += [read_event(block) for block in chunk.decode().split("\n\n") if block.startswith("event:")]
        if len(seen) == 3:
            if change == "switched off":
                await type(alice).objects.filter(pk=alice.pk).aupdate(is_active=False)
            elif change == "password":
                alice.set_password("another horse battery")
                await alice.asave()
            else:
                await Conversation.objects.all().adelete()
        assert len(seen) < 100, "it goes on"
    assert seen[-1].kind == "done"
    await streaming.request_stop(question)
    await clients.close_clients()
