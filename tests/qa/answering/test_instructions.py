"""Answering instructions: written by a collection's owner, sent to the model, named on the question."""

import pytest
from django.urls import reverse

from documents.models import Collection, Index, Membership, Role
from qa.answering import ask
from qa.answering.cache import answer_key
from qa.answering.prompts import DEFAULT_INSTRUCTIONS, RULES
from qa.models import Instructions
from qa.models.instructions import instructions_for
from tests.support.factories import make_indexed


@pytest.fixture
def shelf(alice):
    return Collection.objects.private_to(alice)


def page(collection):
    return reverse("qa:instructions", args=[collection.pk])


def system_of(fake_openai):
    return fake_openai.chats[-1].body["messages"][0]["content"]


def test_saving_makes_a_version_and_the_same_text_makes_none(alice, shelf):
    first = Instructions.objects.write(shelf, "In rhymes.", alice)
    assert (first.number, first.author) == (1, alice)
    assert Instructions.objects.write(shelf, "In rhymes.", alice) == first
    assert Instructions.objects.write(shelf, "", alice).number == 2
    assert [version.text for version in Instructions.objects.filter(collection=shelf).current()] == [""]


def test_only_one_collection_may_speak(alice, bob, shelf):
    other = Collection.objects.private_to(bob)
    rhymes = Instructions.objects.write(shelf, "In rhymes.", alice)
    assert instructions_for([rhymes], [shelf.pk, other.pk]) == rhymes
    assert instructions_for([rhymes], [other.pk]) is None
    prose = Instructions.objects.write(other, "In prose.", bob)
    assert instructions_for([rhymes, prose], [shelf.pk, other.pk]) is None
    assert instructions_for([Instructions.objects.write(shelf, "", alice)], [shelf.pk]) is None


def test_the_owner_sees_the_default_and_saves_a_version(client, alice, shelf):
    client.force_login(alice)
    assert DEFAULT_INSTRUCTIONS.split(",")[0] in client.get(page(shelf)).content.decode()
    client.post(page(shelf), {"text": DEFAULT_INSTRUCTIONS})
    assert Instructions.objects.get().text == ""
    response = client.post(page(shelf), {"text": "In rhymes.\r\nShort."}, follow=True)
    assert "Version 2" in response.content.decode()
    assert Instructions.objects.filter(collection=shelf).current().get().text == "In rhymes.\nShort."
    assert client.post(page(shelf), {"text": "x" * 5000}).status_code == 400


@pytest.mark.parametrize("role", [None, Role.READER, Role.EDITOR])
def test_nobody_but_owners_may_read_or_write_them(client, alice, bob, shelf, role):
    if role:
        Membership.objects.create(user=bob, collection=shelf, role=role)
    client.force_login(bob)
    assert client.get(page(shelf)).status_code == 404
    assert client.post(page(shelf), {"text": "In rhymes."}).status_code == 404
    assert not Instructions.objects.exists()


def test_operators_write_those_of_the_collections_that_everyone_reads(client, operator, alice):
    shared = Collection.objects.create(name="Handbooks", everyone_reads=True)
    client.force_login(operator)
    assert client.post(page(shared), {"text": "In rhymes."}).status_code == 302
    client.force_login(alice)
    assert client.get(page(shared)).status_code == 404


def test_the_account_page_leads_to_them(client, alice, shelf):
    client.force_login(alice)
    assert page(shelf) in client.get(reverse("accounts:account")).content.decode()


@pytest.mark.django_db(transaction=True)
def test_the_model_is_told_and_the_question_names_the_version(fake_openai, alice, shelf):
    make_indexed(alice, "It rains in Bergen on most days of the year.")
    version = Instructions.objects.write(shelf, "Answer in rhymes.", alice)
    fake_openai.answer = "It rains on most days [1]."
    question = ask("How often does it rain in Bergen?", user=alice)
    told = system_of(fake_openai)
    assert told.startswith(RULES)
    assert told.endswith("Answer in rhymes.")
    assert DEFAULT_INSTRUCTIONS not in told
    assert question.instructions == version


@pytest.mark.django_db(transaction=True)
def test_another_version_is_another_cache_entry(fake_openai, alice, shelf):
    make_indexed(alice, "It rains in Bergen on most days of the year.")
    fake_openai.answer = "It rains on most days [1]."
    for text in ("In rhymes.", "In rhymes.", "In prose."):
        Instructions.objects.write(shelf, text, alice)
        question = ask("How often does it rain in Bergen?", user=alice)
    assert len(fake_openai.chats) == 2
    assert question.cached_from is None
    again = ask("How often does it rain in Bergen?", user=alice)
    assert again.cached_from
    assert again.instructions == question.instructions


def test_the_key_holds_the_version(alice, shelf):
    def key(*versions):
        return answer_key(
            "Why?",
            [],
            index=Index.objects.live(),
            collections=Collection.objects.all(),
            instructions=versions,
        )

    first = Instructions.objects.write(shelf, "In rhymes.", alice)
    assert len({key(), key(first), key(Instructions.objects.write(shelf, "In prose.", alice))}) == 3
