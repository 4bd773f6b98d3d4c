import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from documents.models import Collection
from qa.models import Conversation, Question, Share
from qa.models.question import AnswerKind, AnswerState
from qa.provenance import BY_A_MODEL
from tests.support.factories import make_indexed

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def talk(client, alice):
    """A conversation of Alice about a document of hers, with a written answer and a question asked again."""
    client.force_login(alice)
    document = make_indexed(alice, text="Pensioners pay 9 euros. Students pay 12 euros.")
    conversation = Conversation.objects.create(user=alice, title="What do pensioners pay?")
    answered(conversation, document, "What do pensioners pay?", "Pensioners pay 9 euros [1].")
    conversation.document_of_test = document
    return conversation


def answered(conversation, document, text, answer, *, parent=None, kind=AnswerKind.WRITTEN):
    question = Question.objects.create(
        conversation=conversation,
        text=text,
        answer=answer,
        parent=parent,
        kind=kind,
        state=AnswerState.COMPLETE,
        model="writer",
        host="models.example",
        draws_on=[[document.pk, document.collection_id]],
    )
    question.citations.create(
        number=1,
        document=document,
        collection=document.collection,
        version=document.serving,
        document_title=document.title,
        page=1,
        page_end=1,
        excerpt="Pensioners pay 9 euros.",
        quote="Pensioners pay 9 euros.",
        start=0,
        end=23,
        is_cited=True,
    )
    return question


def address(name, *args):
    return reverse(f"qa:{name}", args=args)


ACTIONS = ["manage", "rename", "pin", "share", "delete"]


@pytest.mark.parametrize("name", ACTIONS)
def test_another_person_can_do_nothing_with_it(client, talk, bob, name):
    client.force_login(bob)
    data = {"title": "mine", "days": "7"}

    assert client.post(address(name, talk.pk), data).status_code in (404, 405)
    assert client.get(address(name, talk.pk)).status_code in (404, 405)
    assert client.get(address("export", talk.pk, "md")).status_code == 404
    talk.refresh_from_db()
    assert (talk.title, talk.is_pinned, talk.shares.count()) == ("What do pensioners pay?", False, 0)


def test_it_is_renamed(client, talk):
    client.post(address("rename", talk.pk), {"title": "  Prices\0 "})
    talk.refresh_from_db()
    assert talk.title == "Prices"

    response = client.post(address("rename", talk.pk), {"title": " "})
    assert response.status_code == 422
    assert "This field is required" in response.content.decode()


def test_a_pinned_one_comes_first_in_the_menu(client, talk, alice):
    newer = Conversation.objects.create(user=alice, title="A newer one")
    client.post(address("pin", talk.pk), {"pinned": "1"})
    assert list(Conversation.objects.visible_to(alice)) == [talk, newer]

    client.post(address("pin", talk.pk), {"pinned": "0"})
    assert list(Conversation.objects.visible_to(alice)) == [newer, talk]


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("pensioners", True),
        ("EUROS pay", True),
        ("9 pensioners", True),
        ("students", False),
        ("%", False),
        ("", True),
    ],
)
def test_conversations_are_searched_by_title_question_and_answer(client, talk, alice, bob, query, is_found):
    Conversation.objects.create(user=bob, title="Pensioners pay euros, says Bob")
    page = client.get(address("conversations"), {"q": query}).content.decode()
    listed = page[page.index('role="search"') :]

    assert ("What do pensioners pay?" in listed) == is_found
    assert "says Bob" not in page


def test_the_panel_offers_everything_and_is_a_page_without_htmx(client, talk):
    panel = client.get(address("manage", talk.pk), headers=HTMX).content.decode()
    page = client.get(address("manage", talk.pk)).content.decode()

    for name in ("rename", "pin", "share", "delete"):
        assert f'action="{address(name, talk.pk)}"' in panel
        assert f'action="{address(name, talk.pk)}"' in page
    assert "<html" in page
    assert "<html" not in panel
    assert address("manage", talk.pk) in client.get(talk.get_absolute_url()).content.decode()


# --- export


def test_the_markdown_export_has_answers_sources_and_the_mark_of_a_model(client, talk):
    response = client.get(address("export", talk.pk, "md"))
    text = response.content.decode()

    assert response["Content-Disposition"] == 'attachment; filename="what-do-pensioners-pay.md"'
    assert response["Digital-Source-Type"] == BY_A_MODEL
    assert f"digital_source_type: {BY_A_MODEL}" in text.split("---")[1]
    assert (
        "## What do pensioners pay?\n\nPensioners pay 9 euros [1].\n\n*Written by writer at models.example*"
        in text
    )
    assert "“Pensioners pay 9 euros.”" in text


def test_quotes_are_exported_without_the_mark_and_as_plain_text(client, talk, alice):
    document = talk.document_of_test
    talk.questions.all().delete()
    answered(talk, document, "What?", "# Not a heading\n- not an item", kind=AnswerKind.QUOTED)
    response = client.get(address("export", talk.pk, "md"))

    assert "\\# Not a heading\n\\- not an item" in response.content.decode()
    assert "digital" not in response.content.decode()
    assert "Digital-Source-Type" not in response


def test_the_json_export_has_the_newest_answer_of_a_question(client, talk):
    first = talk.questions.get()
    answered(talk, talk.document_of_test, first.text, "Nine euros [1].", parent=first)
    exported = json.loads(client.get(address("export", talk.pk, "json")).content)

    assert exported["digitalSourceType"] == BY_A_MODEL
    assert [row["answer"] for row in exported["questions"]] == ["Nine euros [1]."]
    assert exported["questions"][0]["sources"][0]["quote"] == "Pensioners pay 9 euros."


def test_what_may_no_longer_be_read_is_not_exported(client, talk, bob):
    other = Collection.objects.create(name="Bob's")
    talk.document_of_test.collection = other
    talk.document_of_test.save()
    text = client.get(address("export", talk.pk, "md")).content.decode()

    assert "9 euros" not in text
    assert "no longer open" in text
    assert "9 euros" not in client.get(address("export", talk.pk, "json")).content.decode()


@pytest.mark.parametrize("kind", ["pdf", "html", "exe"])
def test_other_kinds_of_export_are_not_found(client, talk, kind):
    assert client.get(address("export", talk.pk, kind)).status_code == 404


# --- sharing


def share(client, talk, days=7):
    client.post(address("share", talk.pk), {"days": days})
    return Share.objects.get()


def let_read(person, document):
    document.collection.memberships.create(user=person, role="reader")


def test_a_link_shows_the_conversation_to_a_person_who_may_read_its_documents(client, talk, bob):
    link = share(client, talk).get_absolute_url()
    let_read(bob, talk.document_of_test)
    client.force_login(bob)
    response = client.get(link)
    page = response.content.decode()

    assert "Pensioners pay 9 euros" in page
    assert response["Referrer-Policy"] == "no-referrer"
    for name in ("rate", "again"):
        assert address(name, talk.questions.get().pk) not in page
    assert 'name="text"' not in page, "nothing can be asked"


def test_a_link_shows_nothing_of_documents_that_the_reader_may_not_open(client, talk, bob):
    link = share(client, talk).get_absolute_url()
    client.force_login(bob)
    page = client.get(link).content.decode()

    assert "9 euros" not in page
    assert talk.document_of_test.title not in page.replace("What do pensioners pay?", "")
    assert "you may not open" in page


def test_an_answer_whose_origins_are_unknown_is_for_its_asker_alone(client, talk, bob, alice):
    link = share(client, talk).get_absolute_url()
    talk.questions.update(draws_on=[])
    assert "9 euros" in client.get(link).content.decode()
    client.force_login(bob)

    assert "9 euros" not in client.get(link).content.decode()


def test_a_source_opens_for_readers_of_the_link_only(client, talk, bob):
    row = talk.questions.get().citations.get()
    link = share(client, talk).get_absolute_url()
    let_read(bob, talk.document_of_test)
    client.force_login(bob)
    assert client.get(address("citation", row.pk)).status_code == 404

    client.get(link)
    assert "Pensioners pay 9 euros" in client.get(address("citation", row.pk)).content.decode()
    Share.objects.all().delete()
    assert client.get(address("citation", row.pk)).status_code == 404


def test_the_source_of_another_document_stays_closed(client, talk, bob):
    row = talk.questions.get().citations.get()
    link = share(client, talk).get_absolute_url()
    client.force_login(bob)
    client.get(link)

    assert client.get(address("citation", row.pk)).status_code == 404


def test_a_link_is_for_people_with_an_account(client, talk):
    link = share(client, talk).get_absolute_url()
    client.logout()

    assert client.get(link).status_code == 302


def test_each_link_is_revoked_alone(client, talk, bob):
    first = share(client, talk)
    client.post(address("share", talk.pk), {"days": 30})
    second = Share.objects.exclude(pk=first.pk).get()
    client.force_login(bob)
    assert client.post(address("revoke", first.pk)).status_code == 404
    client.force_login(talk.user)
    client.post(address("revoke", first.pk))
    client.force_login(bob)

    assert client.get(first.get_absolute_url()).status_code == 404
    assert client.get(second.get_absolute_url()).status_code == 200


def test_an_expired_link_opens_nothing(client, talk, bob):
    link = share(client, talk)
    Share.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    client.force_login(bob)

    assert client.get(link.get_absolute_url()).status_code == 404
    assert client.get(address("shared", "guess")).status_code == 404


def test_links_of_a_deactivated_account_open_nothing(client, talk, bob):
    link = share(client, talk)
    talk.user.is_active = False
    talk.user.save()
    client.force_login(bob)

    assert client.get(link.get_absolute_url()).status_code == 404


@pytest.mark.parametrize("days", ["", "0", "2", "-1", "10000", "x"])
def test_a_link_has_one_of_the_offered_times(client, talk, days):
    client.post(address("share", talk.pk), {"days": days})

    assert not Share.objects.exists()


def test_a_running_answer_is_not_shared(client, talk, alice):
    link = share(client, talk).get_absolute_url()
    talk.questions.update(state=AnswerState.RUNNING)

    assert "9 euros" not in client.get(link).content.decode()


# --- ratings


def test_a_thumb_down_asks_for_the_reason(client, talk):
    question = talk.questions.get()
    page = client.post(address("rate", question.pk), {"value": "-1"}, headers=HTMX).content.decode()
    assert 'name="reason"' in page

    page = client.post(
        address("rate", question.pk), {"value": "-1", "reason": "Wrong year"}, headers=HTMX
    ).content.decode()
    question.refresh_from_db()
    assert (question.rating, question.rating_reason) == (-1, "Wrong year")
    assert "Wrong year" in page

    client.post(address("rate", question.pk), {"value": "0"})
    question.refresh_from_db()
    assert (question.rating, question.rating_reason) == (0, "")


def test_a_thumb_up_asks_nothing(client, talk):
    question = talk.questions.get()
    page = client.post(address("rate", question.pk), {"value": "1"}, headers=HTMX).content.decode()

    assert 'name="reason"' not in page


# --- editing a question


@pytest.mark.django_db(transaction=True)
def test_an_edited_question_takes_the_place_of_the_original_with_its_answer_one_click_away(client, talk):
    original = talk.questions.get()
    page = client.post(
        address("again", original.pk), {"text": "What do students pay?"}, headers=HTMX
    ).content.decode()
    edited = talk.questions.get(parent=original)

    assert edited.text == "What do students pay?"
    assert "12 euros" in edited.answer
    for shown in (page, client.get(talk.get_absolute_url()).content.decode()):
        assert "An earlier answer" in shown
        assert "Pensioners pay 9 euros" in shown
        assert '<p class="earlier-question" dir="auto">What do pensioners pay?</p>' in shown


@pytest.mark.parametrize("text", ["", "  ", "x" * 4001])
def test_an_edited_question_must_be_one(client, talk, text):
    response = client.post(address("again", talk.questions.get().pk), {"text": text})

    assert response.status_code == 422
    assert talk.questions.count() == 1
