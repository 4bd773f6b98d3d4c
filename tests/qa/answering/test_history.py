"""What a model is told of a conversation: its questions in order, each with its newest answer."""

import pytest

from qa.answering.history import grouped_by_original, turns_before
from tests.support.factories import make_question

pytestmark = pytest.mark.django_db


def told(question):
    return [(turn.question, turn.answer) for turn in turns_before(question)]


@pytest.fixture
def asked(alice):
    """Call it with a text and an answer: a question in one conversation."""
    first = make_question(alice, "First?", answer="One.")

    def ask(text, answer="", parent=None):
        return make_question(alice, text, answer=answer, parent=parent, conversation=first.conversation)

    ask.first = first
    return ask


def test_turns_are_in_the_order_of_the_questions(asked):
    asked("Second?", "Two.")
    assert told(asked("Third?")) == [("First?", "One."), ("Second?", "Two.")]


def test_the_newest_answer_takes_the_place_of_the_original(asked):
    asked("Second?", "Two.")
    asked("First?", "One, better.", parent=asked.first)
    assert told(asked("Third?")) == [("First?", "One, better."), ("Second?", "Two.")]


def test_the_turns_of_a_repeated_question_end_before_the_original(asked):
    second = asked("Second?", "Two.")
    asked("Third?", "Three.")
    assert told(asked("Second?", parent=second)) == [("First?", "One.")]


def test_turns_have_neither_unanswered_questions_nor_other_conversations(asked, alice):
    asked("Unanswered?")
    make_question(alice, "Elsewhere?", answer="Yes.")
    assert told(asked("Last?")) == [("First?", "One.")]


def test_a_conversation_reads_in_the_order_of_its_places(asked):
    second = asked("Second?", "Two.")
    again = asked("First?", "One, better.", parent=asked.first)
    assert grouped_by_original([again, second, asked.first]) == [[asked.first, again], [second]]


def test_later_answers_are_not_among_the_turns(asked):
    third = asked("Third?")
    asked("First?", "One, later.", parent=asked.first)
    assert told(third) == [("First?", "One.")]
