"""What a question is asked of: ticked documents and collections, also in the middle of a conversation."""

import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from documents.models import Collection, Document, Index, Membership
from qa.answering.cache import answer_key
from qa.answering.draft import searched
from qa.choices import MAX_CHOSEN, OFFERED, choice_of
from qa.models import Conversation, Question
from qa.models.scope import EVERYTHING, Scope
from tests.qa.conftest import plain
from tests.support.factories import make_document, make_indexed, make_question

HTMX = {"HX-Request": "true"}
RAIN = "Where does it rain?"
pytestmark = pytest.mark.django_db


@pytest.fixture
def towns(alice):
    """Where it rains, in a document each; the last two are in a collection of their own."""
    shelf = Collection.objects.create(name="Atlas")
    Membership.objects.create(user=alice, collection=shelf, role="owner")
    places = {"Bergen": None, "London": None, "Paris": shelf, "Lyon": shelf}
    return {
        town: make_indexed(
            alice, f"It rains in {town}.", name=f"{town}.txt", **({"collection": within} if within else {})
        )
        for town, within in places.items()
    } | {"Atlas": shelf}


@pytest.fixture
def person(client, alice):
    client.force_login(alice)
    return client


@pytest.fixture
def stranger(bob):
    client = Client()
    client.force_login(bob)
    return client


def searched_titles(question):
    return {row["document_title"] for row in question.trace} | {
        row.document_title for row in question.citations.all()
    }


def asked(person, text=RAIN, path="/ask/", **values):
    person.post(path, {"text": text, **values})
    return Question.objects.latest("pk")


@pytest.mark.django_db(transaction=True)
class TestAsking:
    def test_several_documents_and_collections_can_be_asked_at_once(self, person, towns):
        question = asked(person, document=[towns["Bergen"].pk], collection=[towns["Atlas"].pk], choice="1")
        assert question.scope == Scope.of(towns["Bergen"], towns["Atlas"])
        assert question.conversation.scope == question.scope
        assert "Bergen" in searched_titles(question)
        assert searched_titles(question) <= {"Bergen", "Paris", "Lyon"}

    def test_a_follow_up_keeps_what_was_chosen(self, person, towns):
        first = asked(person, document=[towns["Bergen"].pk, towns["London"].pk])
        again = asked(person, "And where does it rain?", f"/c/{first.conversation_id}/ask/")
        assert again.scope == first.scope
        assert searched_titles(again) <= {"Bergen", "London"}

    def test_the_choice_can_change_in_the_middle_of_a_conversation(self, person, towns):
        first = asked(person, document=[towns["Bergen"].pk])
        path = f"/c/{first.conversation_id}/ask/"
        second = asked(person, "Where does it rain a lot?", path, choice="1", document=[towns["Paris"].pk])
        assert searched_titles(second) == {"Paris"}
        third = asked(person, "Where does it rain often?", path, choice="1")
        assert third.scope == EVERYTHING
        first.refresh_from_db()
        assert first.scope == Scope.of(towns["Bergen"])
        assert Conversation.objects.get().scope == EVERYTHING
        text = plain(person.get(f"/c/{first.conversation_id}/").text)
        assert "Asked of Bergen" in text
        assert "Asked of Paris" in text
        assert "Asked of all documents" in text

    def test_asked_again_a_question_is_asked_of_the_same(self, person, towns):
        first = asked(person, document=[towns["Bergen"].pk])
        asked(person, "Where is the sun?", f"/c/{first.conversation_id}/ask/", choice="1")
        again = asked(person, RAIN, f"/questions/{first.pk}/again/")
        assert again.scope == first.scope

    def test_what_was_deleted_widens_nothing(self, person, towns):
        first = asked(person, document=[towns["Bergen"].pk])
        Document.objects.get(pk=towns["Bergen"].pk).delete()
        page = person.get(f"/c/{first.conversation_id}/").text
        assert "1 chosen document or collection was left out" in page
        assert f'type="hidden" name="document" value="{towns["Bergen"].pk}"' in page
        for values in ({}, {"choice": "1", "document": [towns["Bergen"].pk]}):
            again = asked(person, RAIN, f"/c/{first.conversation_id}/ask/", **values)
            assert (again.kind, searched_titles(again)) == ("nothing", set())
            assert "None of what you chose can be searched now" in again.notice

    def test_one_of_several_drops_out_with_a_sentence(self, person, towns):
        page = person.get("/", {"document": [towns["Bergen"].pk, 10**9]}).text
        assert "1 chosen document or collection was left out" in page
        question = asked(person, document=[towns["Bergen"].pk, 10**9])
        assert searched_titles(question) == {"Bergen"}

    def test_too_many_are_refused_with_the_limit(self, person, towns):
        keys = [towns["Bergen"].pk, *range(10**9, 10**9 + MAX_CHOSEN)]
        response = person.post("/ask/", {"text": RAIN, "document": keys})
        assert response.status_code == 422
        assert f"Choose at most {MAX_CHOSEN}" in response.text

    def test_an_export_says_what_was_asked(self, person, towns):
        question = asked(person, document=[towns["Bergen"].pk, 10**9], collection=[towns["Atlas"].pk])
        address = f"/c/{question.conversation_id}/export"
        exported = json.loads(person.get(f"{address}.json").content)
        assert exported["questions"][0]["asked_of"] == {
            "collections": ["Atlas"],
            "documents": ["Bergen"],
            "left_out": 1,
        }
        assert "Asked of: Atlas, Bergen" in person.get(f"{address}.md").text


class TestRights:
    def test_what_another_person_has_cannot_be_ticked_counted_or_searched(self, stranger, bob, towns):
        mine = make_indexed(bob, "It rains in Oslo.", name="Oslo.txt")
        listed = stranger.get("/scope/", {"q": ""}).text + stranger.get("/scope/", headers=HTMX).text
        assert "Oslo" in listed
        for name in towns:
            assert name not in listed
            assert name not in stranger.get("/scope/", {"q": name[:4]}, headers=HTMX).text.replace(
                name[:4], ""
            )
        chosen = {"document": [mine.pk, towns["Bergen"].pk], "collection": [towns["Atlas"].pk]}
        page = stranger.get("/", chosen).text
        assert "Bergen" not in page
        assert "Atlas" not in page
        words = stranger.get("/scope/", chosen, headers={**HTMX, "HX-Target": "scope-words"})
        assert plain(words.text) == "Ask: Oslo"

    @pytest.mark.django_db(transaction=True)
    def test_naming_it_all_the_same_finds_nothing_of_it(self, stranger, bob, towns):
        make_indexed(bob, "It rains in Oslo.", name="Oslo.txt")
        for values in ({"document": [towns["Bergen"].pk]}, {"collection": [towns["Atlas"].pk]}):
            assert stranger.post("/ask/", {"text": RAIN, **values}).status_code == 404
        conversation = Conversation.objects.create(user=bob, title="x")
        question = asked(
            stranger, RAIN, f"/c/{conversation.pk}/ask/", document=[towns["Bergen"].pk], choice="1"
        )
        assert (question.kind, searched_titles(question)) == ("nothing", set())

    def test_another_persons_conversation_is_not_chosen_for(self, stranger, alice):
        conversation = Conversation.objects.create(user=alice, title="x")
        assert stranger.get("/scope/", {"conversation": conversation.pk}).status_code == 404

    def test_a_shared_link_names_only_what_its_reader_may_open(self, person, stranger, alice, towns):
        question = make_question(
            alice, state="complete", kind="quoted", answer="x", scope=Scope.of(towns["Bergen"])
        )
        question.draws_on = [[towns["Bergen"].pk, towns["Bergen"].collection_id]]
        question.save()
        address = question.conversation.shares.make(question.conversation, 7).get_absolute_url()
        assert "Bergen" in person.get(address).text
        assert "Bergen" not in stranger.get(address).text


class TestKey:
    def key(self, user, *rows):
        collections, documents = searched(user, Scope.of(*rows))
        return answer_key(RAIN, [], index=Index.objects.live(), collections=collections, documents=documents)

    def test_the_key_differs_with_what_is_searched(self, alice, towns):
        atlas = towns.pop("Atlas")
        scopes = [
            [],
            [atlas],
            [towns["Paris"]],
            [towns["Bergen"]],
            [towns["Bergen"], towns["Paris"]],
            [towns["Bergen"], atlas],
        ]
        assert len({self.key(alice, *rows) for rows in scopes}) == len(scopes)

    def test_a_document_of_a_chosen_collection_changes_nothing(self, alice, towns):
        assert self.key(alice, towns["Atlas"]) == self.key(alice, towns["Atlas"], towns["Paris"])

    def test_what_cannot_be_searched_is_not_in_it(self, alice, bob, towns):
        hers = make_indexed(bob, "It rains in Oslo.", name="Oslo.txt")
        unread = make_document(alice, "It rains in Rome.", name="Rome.txt")
        assert self.key(alice, towns["Bergen"]) == self.key(alice, towns["Bergen"], hers, unread)


class TestPage:
    def test_the_search_finds_documents_and_collections_and_keeps_what_is_ticked(self, person, towns):
        found = person.get("/scope/", {"q": "at", "document": towns["Bergen"].pk}, headers=HTMX).text
        text = plain(found)
        assert "Atlas" in text
        assert "Bergen" in text
        assert "London" not in text
        assert found.count("checked") == 1
        assert "Nothing else has these words" in person.get("/scope/", {"q": "xyz"}, headers=HTMX).text

    def test_only_what_can_be_asked_is_offered(self, person, alice, towns):
        make_document(alice, "It rains in Rome.", name="Rome.txt")
        assert "Rome" not in person.get("/scope/").text

    def test_without_script_a_page_leads_back_with_the_choice(self, person, alice, towns):
        conversation = Conversation.objects.create(user=alice, title="x")
        page = person.get("/scope/", {"conversation": conversation.pk}).text
        assert f'formaction="/c/{conversation.pk}/"' in page
        box = person.get(f"/c/{conversation.pk}/", {"choice": "1", "document": towns["Bergen"].pk}).text
        assert "Ask: Bergen" in plain(box)

    def test_it_costs_the_same_however_many_documents_there_are(self, person, alice, towns):
        def cost():
            with CaptureQueriesContext(connection) as seen:
                person.get("/scope/", {"document": towns["Bergen"].pk, "q": "rain"}, headers=HTMX)
            return len(seen)

        cost()
        before = cost()
        Document.objects.bulk_create(
            Document(
                collection=towns["Bergen"].collection, title=f"rain {n}", sha256=f"{n}", chunk_count=1,
                serving=towns["Bergen"].serving,
            )
            for n in range(OFFERED + 5)
        )  # fmt: skip
        assert cost() == before
        assert "There are more" in person.get("/scope/", {"q": "rain"}, headers=HTMX).text

    def test_the_words_of_a_choice(self, alice, towns):
        atlas, bergen, london = towns["Atlas"], towns["Bergen"], towns["London"]
        said = [
            choice_of(Scope.of(*rows), alice).words
            for rows in ([], [bergen], [atlas], [bergen, london, atlas])
        ]
        assert said == ["all documents", "Bergen", "Atlas", "2 documents, 1 collection"]
        assert choice_of(Scope(frozenset([10**9])), alice).words == "nothing"
