"""The order of a conversation, where a question asked again takes the place of the original."""

from __future__ import annotations

from collections.abc import Iterable

from qa.answering.prompts import Turn
from qa.models import Question
from qa.models.question import mark_withheld


def grouped_by_original(questions: Iterable[Question]) -> list[list[Question]]:
    """Group questions by their original, in the order of the originals; the newest of a group comes last."""
    groups: dict[int, list[Question]] = {}
    for question in sorted(questions, key=lambda question: question.pk):
        groups.setdefault(question.parent_id or question.pk, []).append(question)
    return [groups[original] for original in sorted(groups)]


def turns_before(question: Question) -> list[Turn]:
    """Return the turns before a question, each with its newest answer; withheld answers are left out."""
    original = question.parent_id or question.pk
    answered = Question.objects.filter(conversation=question.conversation_id, pk__lt=question.pk).exclude(
        answer=""
    )
    earlier = grouped_by_original(row for row in answered if (row.parent_id or row.pk) < original)
    newest = [rows[-1] for rows in earlier]
    mark_withheld(newest, question.conversation.user)
    return [Turn(row.text, row.answer, frozenset(row.origins)) for row in newest if not row.is_withheld]
