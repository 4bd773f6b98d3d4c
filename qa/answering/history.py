"""A conversation as it reads: a question asked again stands in the place of its elder."""

from __future__ import annotations

from collections.abc import Iterable

from qa.models import Question
from qa.prompts import Turn


def in_their_places(questions: Iterable[Question]) -> list[list[Question]]:
    """As a conversation reads: a question asked again stands where its elder stood, the newest of them last."""
    places: dict[int, list[Question]] = {}
    for question in sorted(questions, key=lambda question: question.pk):
        places.setdefault(question.parent_id or question.pk, []).append(question)
    return [places[place] for place in sorted(places)]


def turns_before(question: Question) -> list[Turn]:
    """The conversation before this question, of each question its newest answer."""
    place = question.parent_id or question.pk
    answered = Question.objects.filter(conversation=question.conversation_id, pk__lt=question.pk).exclude(
        answer=""
    )
    earlier = in_their_places(row for row in answered if (row.parent_id or row.pk) < place)
    return [Turn(rows[-1].text, rows[-1].answer) for rows in earlier]
