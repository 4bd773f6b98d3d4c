"""A text that is too long is refused with a sentence and its count, and comes back whole: no browser cuts it before."""

import re
from html import unescape

import pytest

from documents.models import Document
from qa.forms import MAX_QUESTION_LENGTH
from qa.models import Conversation, Question
from tests.http.test_markup import pages_of
from tests.support.factories import make_document, make_question

LONG = "It rains in Bergen. " * 250  # 5,000 characters


@pytest.fixture
def olga(operator, client):
    client.force_login(operator)
    return operator


def test_no_field_of_any_page_lets_a_browser_cut_a_text(client, olga):
    document = make_document(olga, failure_kind="password", state="failed")
    question = make_question(olga, state="complete")
    for url in [
        *pages_of(document, question),
        "/admin/documents/collection/add/",
        "/admin/accounts/user/add/",
    ]:
        assert "maxlength" not in client.get(url).text, url
    client.logout()
    assert "maxlength" not in client.get("/account/login/").text


@pytest.mark.parametrize("htmx", [{}, {"HX-Request": "true"}])
def test_a_question_that_is_too_long_comes_back_whole_with_its_count(client, olga, htmx):
    conversation = Conversation.objects.create(user=olga)
    for url in ("/ask/", f"/c/{conversation.pk}/ask/"):
        response = client.post(url, {"text": LONG}, headers=htmx)
        assert response.status_code == 422
        assert "too long: it has 4999 characters, the limit is 4000" in response.text
        assert LONG.strip() in unescape(response.text)
    assert not Question.objects.exists()


def test_a_line_end_counts_as_the_one_character_that_was_typed(client, olga, monkeypatch):
    monkeypatch.setattr("qa.views.ask._start", lambda request, question: None)
    text = "\r\n".join(["rain"] * 800)
    assert len(text) > MAX_QUESTION_LENGTH - 3 > len(text.replace("\r\n", "\n")) - 3
    assert client.post("/ask/", {"text": text}).status_code == 302
    assert Question.objects.get().text == text.replace("\r\n", "\n")


def test_a_pasted_text_or_title_that_is_too_long_comes_back_whole(client, olga):
    response = client.post("/documents/text/", {"title": LONG, "text": "It rains."})
    assert response.status_code == 422
    assert "at most 200 characters (it has 4999)" in response.text
    assert LONG.strip() in unescape(response.text)
    long = client.post("/documents/text/", {"title": "Rain", "text": "x" * 1_000_001})
    assert "it has 1000001 characters, and the limit is 1000000" in long.text
    assert "x" * 1_000_001 in long.text
    assert not Document.objects.exists()


@pytest.mark.parametrize("page", ["/documents/", "{document}", "{document}pages/1/"])
def test_a_search_that_is_too_long_says_so_and_stays_in_its_field(client, olga, page):
    document = make_document(olga)
    document.index()
    response = client.get(page.format(document=document.get_absolute_url()), {"q": LONG})
    assert response.status_code == 200
    assert re.search(r"200 characters.{0,40}4,?999|4,?999 characters.{0,40}200", response.text)
    assert LONG.strip() in unescape(response.text)
