import asyncio

import pytest

from qa.answering import answer, ask
from qa.models import Question
from ragsite import llm
from tests.support.factories import make_indexed, make_user
from tests.support.made.club import FILES
from tests.support.snapshots import make_once


@pytest.fixture
def club(transactional_db):
    """A person with the documents of a club."""
    person = make_user("club")
    make_once("club", person, lambda: make_club(person))
    return person


def make_club(person):
    for name, text in FILES.items():
        make_indexed(person, text, name=name)


def ask_after(text, question):
    """Ask one more question in the same conversation."""
    further = Question.objects.create(conversation=question.conversation, text=text)

    async def wait():
        try:
            async for _piece in answer(further.pk):
                pass
        finally:
            await llm.aclose()

    asyncio.run(wait())
    further.refresh_from_db()
    return further


def asked(case, person):
    """Ask the question of a case, after the one before it."""
    if case.before:
        return ask_after(case.question, ask(case.before, user=person))
    return ask(case.question, user=person)
