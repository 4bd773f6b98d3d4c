"""The marks that a machine reads on answers that a model wrote, and the line that a person reads."""

import json
import re

import pytest
from django.test import Client

from qa.models import Question
from qa.provenance import BY_A_MODEL, json_ld
from qa.streaming import publisher
from ragsite.llm import host_of_chat
from tests.support.factories import make_question

ATTRIBUTE = f'data-digital-source-type="{BY_A_MODEL}"'
JSON_LD = re.compile(r'<script type="application/ld\+json">(.*?)</script>', re.DOTALL)
HOSTILE = "</script><script>alert(1)</script>&<!--"


def answered(user, **fields):
    fields = {"answer": "It rains.", "state": "complete", "kind": "written", "model": "gpt", **fields}
    return make_question(user, "Where does it rain?", **fields)


def page_of(question):
    client = Client()
    client.force_login(question.conversation.user)
    return client.get(question.conversation.get_absolute_url()).text


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["complete", "unfinished", "stopped", "interrupted"])
def test_a_written_answer_is_marked_however_it_ended(alice, state):
    question = answered(alice, state=state, host="api.example")
    page = page_of(question)
    assert page.count(ATTRIBUTE) == 1
    (described,) = json.loads(JSON_LD.search(page)[1])["@graph"]
    assert described["@id"] == f"#answer-{question.pk}"
    assert described["digitalSourceType"] == BY_A_MODEL
    assert described["creator"]["name"] == "gpt"
    assert described["creator"]["provider"]["name"] == "api.example"


@pytest.mark.django_db
def test_the_text_that_a_lost_process_left_is_marked(alice):
    page = page_of(answered(alice, state="interrupted", kind="", model=""))
    assert ATTRIBUTE in page
    assert BY_A_MODEL in JSON_LD.search(page)[1]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields", [{"kind": "quoted"}, {"kind": "nothing"}, {"kind": "", "answer": "", "state": "failed"}]
)
def test_quotes_and_answers_without_text_are_not_marked(alice, fields):
    page = page_of(answered(alice, **fields))
    assert "digital-source-type" not in page
    assert not JSON_LD.search(page)


@pytest.mark.django_db
def test_the_end_of_a_stream_is_marked(alice):
    assert ATTRIBUTE in publisher.final_html(answered(alice))
    assert ATTRIBUTE not in publisher.final_html(answered(alice, kind="quoted"))


@pytest.mark.django_db
def test_no_name_of_a_model_ends_the_element_of_the_data(alice):
    page = page_of(answered(alice, model=HOSTILE, host=HOSTILE))
    assert "<script>alert" not in page
    (described,) = json.loads(JSON_LD.search(page)[1])["@graph"]
    assert described["creator"]["name"] == HOSTILE


@pytest.mark.django_db
def test_what_the_page_does_not_show_is_not_described(alice):
    running, withheld = answered(alice, state="running", kind=""), answered(alice)
    running.is_withheld, withheld.is_withheld = False, True
    assert json_ld([running, withheld]) == ""


@pytest.mark.django_db
def test_the_question_box_says_which_model_writes(client, alice, writer):
    client.force_login(alice)
    question = answered(alice)
    for address in ("/", question.conversation.get_absolute_url()):
        line = re.search(r'<span class="note ask-writer"[^>]*>(.*?)</span>', client.get(address).text)[1]
        assert line == f"Answers are written by AI, gpt-4.1-mini at {host_of_chat()}, from your documents."


@pytest.mark.django_db
def test_the_question_box_says_nothing_of_a_model_where_answers_are_quotes(client, alice):
    client.force_login(alice)
    question = answered(alice, kind="quoted")
    for address in ("/", question.conversation.get_absolute_url()):
        assert "ask-writer" not in client.get(address).text


async def test_a_streamed_answer_of_a_model_arrives_marked(browser, alice, prices, writer, transactional_db):
    writer.answer = "It costs 21 euros [1]."
    question = await (await browser(alice)).asked("What does a student membership cost?")
    assert ATTRIBUTE in question.followed.final
    assert (await Question.objects.aget()).is_written
