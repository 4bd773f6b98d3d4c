"""A conversation as it reads: a question asked again stands in the place of its elder."""

from __future__ import annotations

from collections.abc import Iterable

from qa.answering.prompts import Turn
from qa.models import Question
from qa.models.question import mark_withheld


def in_their_places(questions: Iterable[Question]) -> list[list[Question]]:
    """As a conversation reads: a question asked again stands where its elder stood, the newest of them last."""
    places: dict[int, list[Question]] = {}
    for question in sorted(questions, key=lambda question: question.pk):
        places.setdefault(question.parent_id or question.pk, []).append(question)
    return [places[place] for place in sorted(places)]


def turns_before(question: Question) -> list[Turn]:
    """The conversation before this question, of each question its newest answer. What its asker may not read any more is left out."""
    place = question.parent_id or question.pk
    answered = Question.objects.filter(conversation=question.conversation_id, pk__lt=question.pk).exclude(
        answer=""
    )
    earlier = in_their_places(row for row in answered if (row.parent_id or row.pk) < place)
    newest = [rows[-1] for rows in earlier]
    mark_withheld(newest, question.conversation.user)
    return [Turn(row.text, row.answer, frozenset(row.origins)) for row in newest if not row.is_withheld]
