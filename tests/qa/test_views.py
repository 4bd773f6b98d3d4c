import pytest
from django.test import Client
from django.urls import reverse

from documents.models import Collection, Document, Membership
from qa.models import Citation, Conversation, Question
from qa.views import limits
from tests.qa.conftest import plain
from tests.support.factories import make_document, make_indexed, make_question

ASKED = "What does a student membership cost?"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def person(client, alice):
    client.force_login(alice)
    return client


@pytest.fixture
def stranger(bob):
    client = Client()
    client.force_login(bob)
    return client


@pytest.fixture
def answered(alice, prices, person, transactional_db):
    person.post("/ask/", {"text": ASKED})
    return Question.objects.get()


@pytest.mark.django_db
class TestHome:
    def test_an_empty_site_says_what_to_do_first(self, person):
        text = plain(person.get("/").content.decode())
        assert "Ask about your documents" in text
        assert "Add a document to start" in text
        assert "Drop files here" in text

    def test_three_questions_are_suggested_from_the_newest_document(self, person, alice):
        make_indexed(
            alice,
            "# Lease\n\n## Deposit\n\nIt is 100 euros.\n\n## Notice\n\nNotice is three months.",
            name="lease.md",
        )
        html = person.get("/").content.decode()
        assert html.count('class="suggestion"') == 3
        assert "What does “lease” say about “Deposit”?" in html

    def test_documents_that_are_being_processed_are_listed(self, person, alice):
        make_document(alice, name="report.txt")
        text = plain(person.get("/").content.decode())
        assert "A document is being processed" in text
        assert "report" in text

    def test_a_document_can_be_asked_by_itself(self, person, alice):
        document = make_indexed(alice, name="report.txt")
        html = person.get(f"/?document={document.pk}").content.decode()
        assert "Ask about report" in html
        assert f'name="document" value="{document.pk}"' in html

    @pytest.mark.parametrize("address", ["/?document={}", "/?collection={}"])
    def test_another_persons_document_is_not_there(self, person, bob, address):
        document = make_indexed(bob)
        pk = document.pk if "document" in address else document.collection_id
        assert person.get(address.format(pk)).status_code == 404

    @pytest.mark.parametrize("pk", ["x", "-1", "999999", "9" * 40, "1;drop", "²"])
    def test_an_odd_address_is_not_there(self, person, pk):
        assert person.get("/", {"document": pk}).status_code == 404

    def test_asking_needs_a_signed_in_user(self, client, db):
        assert client.get("/").status_code == 302
        assert client.post("/ask/", {"text": ASKED}).status_code == 302
        assert not Question.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestAsking:
    def test_a_question_begins_a_conversation_that_can_be_opened_again(self, person, prices):
        response = person.post("/ask/", {"text": ASKED}, follow=True)
        assert response.redirect_chain[0][0] == f"/c/{Conversation.objects.get().pk}/"
        html = response.content.decode()
        assert ASKED in html
        assert "21 euros" in html
        assert 'href="/citations/' in html

    def test_the_first_question_is_answered_with_its_conversation_and_the_address(self, person, prices):
        response = person.post("/ask/", {"text": ASKED}, headers=HTMX)
        html, conversation = response.content.decode(), Conversation.objects.get()
        assert response.status_code == 200
        assert response["HX-Push-Url"] == conversation.get_absolute_url()
        assert html.count("<main") == 1
        assert "<nav" not in html
        assert f"<title>{ASKED} · ragsite</title>" in html
        assert "21 euros" in html
        assert f'action="/c/{conversation.pk}/ask/"' in html, "the box asks in this conversation from now on"

    def test_a_first_question_that_cannot_be_asked_replaces_the_box_alone(self, person, prices):
        response = person.post("/ask/", {"text": "", "document": prices.pk}, headers=HTMX)
        assert response.status_code == 422
        assert (response["HX-Retarget"], response["HX-Reswap"]) == ("#question-form", "outerHTML")
        html = response.content.decode()
        assert "Enter a question." in html
        assert f'name="document" value="{prices.pk}"' in html
        assert "<main" not in html

    def test_a_further_question_is_sent_as_a_part_of_the_page(self, person, answered):
        response = person.post(
            f"/c/{answered.conversation_id}/ask/", {"text": "What do members borrow?"}, headers=HTMX
        )
        html = response.content.decode()
        assert html.lstrip().startswith("<section")
        assert "three instruments" in html

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("", "Enter a question."),
            ("x" * 4001, "too long"),
            ("   ", "Enter a question."),
        ],
    )
    def test_a_question_that_cannot_be_asked_is_sent_back_with_the_reason(
        self, person, answered, text, sentence
    ):
        for path, headers in (
            ("/ask/", {}),
            (f"/c/{answered.conversation_id}/ask/", HTMX),
            (f"/c/{answered.conversation_id}/ask/", {}),
        ):
            response = person.post(path, {"text": text}, headers=headers)
            assert response.status_code == 422
            assert sentence in response.content.decode()
        assert Question.objects.count() == 1

    def test_very_many_questions_in_a_minute_are_refused_kindly(self, person, prices, monkeypatch):
        monkeypatch.setattr(limits, "MAX_QUESTIONS_PER_MINUTE", 2)
        monkeypatch.setattr(limits, "minute", lambda: "1200")  # another may begin between two questions
        statuses = [person.post("/ask/", {"text": ASKED}).status_code for _ in range(3)]
        assert statuses == [302, 302, 429]
        response = person.post("/ask/", {"text": ASKED})
        assert "Wait a minute" in response.content.decode()
        assert Question.objects.count() == 2

    def test_naming_what_one_may_not_read_is_refused_before_anything_is_paid(self, person, bob, writer):
        document = make_indexed(bob)
        for value in ({"document": document.pk}, {"collection": document.collection_id}, {"document": "x"}):
            assert person.post("/ask/", {"text": ASKED, **value}).status_code == 404
        assert writer.chats == []
        assert not Conversation.objects.exists()

    def test_a_conversation_keeps_to_the_collection_it_was_begun_in(self, person, alice, prices):
        shelf = Collection.objects.create(name="Travel", everyone_reads=True)
        make_indexed(alice, "Parking costs 5 euros.", collection=shelf)
        person.post("/ask/", {"text": "What does membership cost?", "collection": shelf.pk})
        assert set(Citation.objects.values_list("document__collection", flat=True)) == {shelf.pk}

    def test_asking_again_takes_the_place_of_the_original(self, person, answered):
        response = person.post(f"/questions/{answered.pk}/again/", {"fresh": "1"}, headers=HTMX)
        repeat = Question.objects.get(parent=answered)
        assert f"question-{repeat.pk}" in response.content.decode()
        page = person.get(f"/c/{answered.conversation_id}/").content.decode()
        assert page.count('class="question"') == 1
        assert "An earlier answer" in page

    def test_an_answer_can_be_rated_and_the_rating_taken_back(self, person, answered):
        for value in ("1", "-1", "0"):
            person.post(f"/questions/{answered.pk}/rate/", {"value": value})
            answered.refresh_from_db()
            assert answered.rating == int(value)
        assert person.post(f"/questions/{answered.pk}/rate/", {"value": "7"}).status_code == 404

    def test_a_conversation_is_deleted_with_all_its_answers(self, person, answered):
        person.post(f"/c/{answered.conversation_id}/delete/")
        assert not Question.objects.exists()
        assert not Citation.objects.exists()

    def test_why_this_answer_tells_scores_and_times(self, person, answered):
        text = plain(person.get(f"/c/{answered.conversation_id}/").content.decode())
        assert "Why this answer" in text
        assert "By meaning" in text
        assert "Searching" in text

    def test_a_running_answer_loads_itself_again_where_there_is_no_script(self, person, alice, prices):
        question = make_question(alice, ASKED, answer="So far")
        html = person.get(f"/c/{question.conversation_id}/").content.decode()
        assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in html
        assert f'sse-connect="/questions/{question.pk}/stream/"' in html
        assert "So far" in html

    def test_an_interrupted_answer_shows_its_text_and_offers_another_try(self, person, alice, prices):
        question = make_question(
            alice,
            ASKED,
            answer="It costs",
            kind="written",
            state="interrupted",
            notice="This answer was interrupted.",
        )
        text = plain(person.get(f"/c/{question.conversation_id}/").content.decode())
        assert "It costs" in text
        assert "This answer was interrupted." in text
        assert "Try again" in text


@pytest.mark.django_db(transaction=True)
class TestSources:
    def test_a_number_opens_the_page_with_the_quoted_words_marked(self, person, answered):
        row = answered.citations.get(is_cited=True)
        html = person.get(f"/citations/{row.pk}/", headers=HTMX).content.decode()
        assert f"<mark>{row.quote}</mark>" in html
        assert "<html" not in html

    def test_without_script_a_source_is_a_separate_page(self, person, answered):
        row = answered.citations.get(is_cited=True)
        html = person.get(f"/citations/{row.pk}/").content.decode()
        assert "<mark>" in html
        assert "Back to the answer" in html

    def test_the_pages_around_can_be_read(self, person, answered):
        row = answered.citations.get(is_cited=True)
        version = row.version
        version.pages.create(number=2, text="The second page.", start=len(version.text) + 2)
        first = person.get(f"/citations/{row.pk}/", headers=HTMX).content.decode()
        second = person.get(f"/citations/{row.pk}/?page=2", headers=HTMX).content.decode()
        assert f"/citations/{row.pk}/?page=2" in first
        assert "The second page." in second
        assert "<mark>" not in second
        assert "Back to the cited page" in second

    def test_the_other_sources_of_the_answer_are_one_step_away(self, person, answered, bob):
        first = answered.citations.get(is_cited=True)
        secret = make_document(bob, "Nobody else's.", name="secret.txt")

        def another(number, **fields):
            values = {
                "document": first.document,
                "version": first.version,
                "document_title": f"Title {number}",
            }
            values |= {
                "page": 1,
                "page_end": 1,
                "excerpt": "x",
                "start": 0,
                "end": 1,
                "is_cited": True,
            } | fields
            return Citation.objects.create(question=answered, number=number, **values)

        another(71, is_cited=False)
        another(72, document=secret, version=None)
        last = another(73)
        html = person.get(f"/citations/{first.pk}/", headers=HTMX).content.decode()
        assert f'href="/citations/{last.pk}/"' in html
        assert "Title 73" in html
        assert "Title 71" not in html  # it was only read
        assert "Title 72" not in html
        html = person.get(f"/citations/{last.pk}/", headers=HTMX).content.decode()
        assert f'href="/citations/{first.pk}/"' in html
        assert html.count('hx-target="#panel"') == 1

    def test_a_source_whose_document_is_gone_still_shows_its_words(self, person, answered, prices):
        Document.objects.get(pk=prices.pk).delete()
        row = answered.citations.get(is_cited=True)
        text = person.get(f"/citations/{row.pk}/", headers=HTMX).content.decode()
        assert "This document was deleted" in text
        assert f"<mark>{row.quote}</mark>" in text

    def test_a_source_that_was_replaced_says_so(self, person, answered, prices):
        newer = prices.versions.create(
            number=2, file_name="x", media_type="text/plain", size=1, sha256="0" * 64
        )
        Document.objects.filter(pk=prices.pk).update(serving=newer)
        row = answered.citations.get(is_cited=True)
        assert "has since been replaced" in person.get(f"/citations/{row.pk}/", headers=HTMX).content.decode()

    def test_a_source_that_may_no_longer_be_read_shows_nothing_of_it(self, person, answered, alice, prices):
        Membership.objects.filter(user=alice).delete()
        row = answered.citations.get(is_cited=True)
        html = person.get(f"/citations/{row.pk}/", headers=HTMX).content.decode()
        assert "You can no longer open this document" in html
        assert "21 euros" not in html

    def test_a_page_extracted_again_shows_the_words_in_their_new_place(self, person, answered):
        row = answered.citations.get(is_cited=True)
        page = row.version.pages.get()
        page.text = "Something new stands here.\n\n" + page.text
        page.save()
        assert (
            f"<mark>{row.quote}</mark>" in person.get(f"/citations/{row.pk}/", headers=HTMX).content.decode()
        )


@pytest.mark.django_db(transaction=True)
def test_nothing_of_one_person_is_there_for_another(stranger, answered):
    row = answered.citations.first()
    for name, pk, method in (
        ("conversation", answered.conversation_id, "get"),
        ("ask_in", answered.conversation_id, "post"),
        ("delete", answered.conversation_id, "post"),
        ("stream", answered.pk, "get"),
        ("stop", answered.pk, "post"),
        ("again", answered.pk, "post"),
        ("rate", answered.pk, "post"),
        ("citation", row.pk, "get"),
    ):
        assert (
            getattr(stranger, method)(
                reverse(f"qa:{name}", args=[pk]), {"text": "x", "value": "1"}
            ).status_code
            == 404
        ), name
    assert Question.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_every_change_needs_the_forms_token_and_a_post(alice, answered):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    for name, pk in (
        ("ask_in", answered.conversation_id),
        ("delete", answered.conversation_id),
        ("stop", answered.pk),
        ("again", answered.pk),
        ("rate", answered.pk),
    ):
        path = reverse(f"qa:{name}", args=[pk])
        assert strict.post(path, {"text": "x", "value": "1"}).status_code == 403, name
        assert strict.get(path).status_code == 405, name
    assert strict.post("/ask/", {"text": "x"}).status_code == 403
    assert Question.objects.count() == 1


@pytest.mark.django_db(transaction=True)
async def test_the_page_comes_before_the_answer_is_there(alice, prices, writer, browser):
    writer.fault("slow", seconds=0.1)
    person = await browser(alice)
    question = await person.ask(ASKED)
    html = (await person.client.get(f"/c/{question.conversation_id}/")).content.decode()
    assert "sse-connect" in html


@pytest.mark.django_db(transaction=True)
def test_no_page_has_anything_inline(person, answered):
    row = answered.citations.first()
    for path in ("/", f"/c/{answered.conversation_id}/", f"/citations/{row.pk}/"):
        html = person.get(path).content.decode()
        assert "<script>" not in html
        assert " style=" not in html
        assert "<style" not in html
        assert "hx-on" not in html
        assert " onclick" not in html
