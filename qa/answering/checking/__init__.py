"""Checks the sentences of a written answer against its sources when it ends: by rules, and if set also by the model."""

from __future__ import annotations

import logging
from time import monotonic

from django.conf import settings

from qa.answering.checking import judge, verdicts
from qa.answering.checking.check import check_answer
from qa.answering.draft import Draft
from qa.models import AnswerState
from qa.models.question import AnswerKind
from ragsite.database import in_thread

logger = logging.getLogger(__name__)

__all__ = ["check", "is_checkable"]


def is_checkable(draft: Draft) -> bool:
    """Whether a model wrote the answer just now."""
    question = draft.question
    return question.kind == AnswerKind.WRITTEN and bool(question.answer) and not question.cached_from


async def check(draft: Draft) -> None:
    """Set the question's checks. An answer is never lost to a fault of the check: it then has none."""
    since = monotonic()
    try:
        found = await in_thread(_by_rules)(draft)
        if found and settings.ANSWER_JUDGE and draft.question.state == AnswerState.COMPLETE:
            found = await judge.judged(draft, found)
    except Exception:
        logger.exception("question=%s: its sentences could not be checked", draft.question.pk)
        return
    question = draft.question
    question.checks = verdicts.to_json(found)
    question.sentences_checked = len(found)
    question.sentences_supported = sum(each.is_supported for each in found)
    draft.record_time("check", since)


def _by_rules(draft: Draft) -> list[verdicts.Check]:
    question = draft.question
    return check_answer(question.answer, question.text, draft.sources, draft.index)
