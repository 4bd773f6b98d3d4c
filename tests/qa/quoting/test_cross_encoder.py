"""Sentences chosen by the local cross-encoder, which reads question and sentence together."""

import re

import pytest

from qa.answering import ask
from ragsite import llm
from ragsite.llm.backends import reranker
from tests.support.factories import make_indexed, make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not llm.has_reranker(), reason="the reranker is not installed"),
]

MANUAL = """# Coffee machine: manual for the kitchen

Written by Petra Lind, building services.

## Filter blocked

Pull the tray out, rinse it under the tap, and push it back until it clicks.

## Every evening

Empty the box for the grounds and wipe the glass with a dry cloth.
"""
LAKE = """# The lake

The ice was measured in January. It was nineteen centimetres thick near the jetty, and less in the middle.

The jetty was painted in spring by twelve members of the club, who were given lunch.
"""
CONTACTS = """# The office

The office is led by Ruth Amber, who came in 2019 from the town hall. Visitors ring at the door.

The caretaker, Milo Pratt, can be called on 0551 77 20 14 until six.
"""

ZOO = """# Helpers at the petting zoo

## What you can do

Feed the goats, sweep the paths, or show the rabbits to children.

## What we ask

Helpers do not handle money and do not open up or lock up. Helpers are insured.

## How to begin

Talk to Ned Harrow, who looks after our helpers, on Tuesdays.
"""


@pytest.fixture
def person():
    person = make_user("person")
    for name, text in (("coffee machine.md", MANUAL), ("lake.md", LAKE), ("office.md", CONTACTS)):
        make_indexed(person, text, name=name)
    return person


def test_a_sentence_is_read_under_the_titles_above_it(person):
    answer = ask("What do I do if the filter of the coffee machine is clogged?", user=person).answer
    assert "rinse it under the tap" in answer
    assert "Petra Lind" not in answer


def test_what_answers_is_chosen_before_what_has_more_of_the_words(person):
    make_indexed(person, ZOO, name="helpers.md")
    answer = ask("What kinds of work can helpers do?", user=person).answer
    assert "Feed the goats" in answer
    assert "handle money" not in answer


def test_a_sentence_that_needs_the_one_before_is_read_and_quoted_with_it(person):
    answer = ask("How thick was the ice?", user=person).answer
    assert "nineteen centimetres" in answer
    assert "The ice was measured" in answer


def test_a_telephone_number_is_answered_by_one_and_else_not_at_all(person):
    assert "0551 77 20 14" in ask("What is the phone number of the caretaker?", user=person).answer
    assert ask("What is the phone number of Ruth Amber?", user=person).kind == "nothing"


def test_a_german_question_is_answered_by_words_and_vectors_alone(person):
    make_indexed(person, "Der Steg ist 34 Meter lang. Er wurde im Mai gestrichen.", name="Steg.txt")
    assert "34 Meter" in ask("Wie lang ist der Steg?", user=person).answer


def test_only_sentences_that_may_still_win_are_read(person, caplog):
    def pairs_read(question):
        caplog.clear()
        assert ask(question, user=person).kind == "quoted"
        lines = [record.getMessage() for record in caplog.records if "call=rerank" in record.getMessage()]
        return sum(int(re.search(r"texts=(\d+)", line)[1]) for line in lines)

    caplog.set_level("INFO", "ragsite.llm")
    few = pairs_read("Who painted the jetty in spring?")
    assert 0 < few < pairs_read("Who painted the jetty in spring and where do visitors ring?")


def test_without_the_cross_encoder_words_and_vectors_choose(person, monkeypatch):
    monkeypatch.setattr(reranker, "_model", None)
    monkeypatch.setattr(reranker, "_has_failed", True)
    assert llm.rerank("Why?", ["Because."]) is None
    assert "nineteen centimetres" in ask("How thick was the ice near the jetty?", user=person).answer


def test_a_known_word_that_no_document_has_is_not_corrected(person):
    question = ask("Who has thrown the tray into the lake?", user=person)
    assert "thrown" in question.search_query


def test_a_word_is_corrected_by_what_another_corrected_word_finds(person):
    question = ask("wich caretaekr can be caled", user=person)
    assert question.search_query == "which caretaker can be called"
