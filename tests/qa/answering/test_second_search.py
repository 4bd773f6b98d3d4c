"""The second search, with questions of the model, where the first found nothing good."""

import pytest

from qa.answering import ask
from qa.answering.prompts import SEARCH_AGAIN
from qa.answering.second_search import questions_in
from tests.support.factories import make_indexed

UNLIKE = "What of umbrellas and precipitation?"
ASKED_INSTEAD = "1. Does it rain in Bergen?\n2. Does it rain in Bergen?\n- Where does it snow?"


@pytest.fixture
def weather(fake_openai, alice):
    make_indexed(alice, "It rains in Bergen on most days of the year.")
    make_indexed(alice, "It snows in Tromsø from October until May.", name="snow.txt")
    fake_openai.answer = ASKED_INSTEAD
    return alice


def systems(fake_openai):
    return [chat.body["messages"][0]["content"] for chat in fake_openai.chats]


def test_a_reply_gives_up_to_three_questions_without_numbers():
    assert questions_in(ASKED_INSTEAD) == ["Does it rain in Bergen?", "Where does it snow?"]
    assert questions_in("") == []
    assert questions_in("\n".join("abcde")) == ["a", "b", "c"]
    assert len(questions_in("x" * 5000)[0]) == 300


@pytest.mark.django_db(transaction=True)
def test_where_nothing_answers_the_model_names_other_questions(fake_openai, weather, settings):
    settings.SECOND_SEARCH = True
    question = ask(UNLIKE, user=weather)
    assert [system == SEARCH_AGAIN for system in systems(fake_openai)] == [True, False]
    assert question.trace[0]["document_title"] == "weather"
    assert [source["number"] for source in question.trace] == list(range(1, len(question.trace) + 1))
    assert "second_search" in question.timings
    first, second = (fake_openai.chats[at].body["messages"] for at in (0, 1))
    assert UNLIKE in first[-1]["content"]
    assert "It rains in Bergen" in second[-1]["content"]


@pytest.mark.django_db(transaction=True)
def test_its_tokens_count_as_those_of_the_question(fake_openai, weather, settings):
    once = ask(UNLIKE, user=weather)
    settings.SECOND_SEARCH = True
    twice = ask(UNLIKE, user=weather)
    assert twice.input_tokens > once.input_tokens
    assert twice.output_tokens > once.output_tokens


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("is_on", "text"), [(False, UNLIKE), (True, "Does it rain in Bergen on most days?")])
def test_one_call_where_it_is_off_or_the_first_search_was_good(fake_openai, weather, settings, is_on, text):
    settings.SECOND_SEARCH = is_on
    ask(text, user=weather)
    assert len(fake_openai.chats) == 1


@pytest.mark.django_db(transaction=True)
def test_without_a_reply_the_first_sources_are_used(fake_openai, weather, settings):
    settings.SECOND_SEARCH = True
    fake_openai.fault("status", status=500)
    question = ask(UNLIKE, user=weather)
    assert question.state == "complete"
    assert question.answer
