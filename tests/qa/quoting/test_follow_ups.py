"""Which questions of a conversation depend on the one before."""

import pytest
from django.test import Client

from qa.answering.quoting.follow_ups import depends
from qa.models import Question
from tests.support.factories import make_indexed

ALONE = [
    "How many days does it rain in Oslo?",
    "How long does it take to get a library card?",
    "Is it allowed to bring dogs into the reading room?",
    "Is it still possible to join the choir?",
    "How many lockers are there in the entrance hall?",
    "Is there a lift in the Harbour branch?",
    "Are there discounts for students?",
    "What is the fee that students pay for courses?",
    "Which rules apply to those who work at night?",
]
DEPENDING = [
    "How much does it cost?",
    "And for students?",
    "Who wrote that?",
    "What does that mean for pensioners?",
    "Is it open on Sundays?",
    "When were they built?",
    "Why?",
    "Who pays for those?",
    "How do I get there?",
]


@pytest.mark.parametrize("question", ALONE)
def test_a_question_of_its_own_needs_no_other(question):
    assert not depends(question)


@pytest.mark.parametrize("question", DEPENDING)
def test_a_question_that_refers_back_needs_the_one_before(question):
    assert depends(question)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How many days does it rain in Oslo?", "163"),
        ("Do the guides of the Bergen tour bring their own lunch?", "own lunch"),
    ],
)
def test_what_only_seems_to_refer_back_is_answered_for_itself(alice, question, answer):
    make_indexed(alice, "Membership costs 42 euros a year; students pay 21 euros.", name="fees.txt")
    make_indexed(alice, "Town,Days of rain\nBergen,240\nOslo,163\n", name="rain.csv")
    make_indexed(alice, "The guides of the Bergen tour bring their own lunch.", name="tour.txt")
    client = Client()
    client.force_login(alice)
    client.post("/ask/", {"text": "What does a student membership cost?"})
    conversation = Question.objects.get().conversation

    client.post(f"/c/{conversation.pk}/ask/", {"text": question})

    assert answer in Question.objects.latest("pk").answer
