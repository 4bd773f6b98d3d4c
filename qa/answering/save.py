"""The answer and its sources become rows, and what is worth keeping an entry of the cache; with the database away, later."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from copy import copy

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from documents.models import Document
from qa.answering import cache, citations, waking
from qa.answering.draft import Draft
from qa.models import AnswerState, Conversation, Question
from qa.models.question import AnswerKind
from ragsite import llm
from ragsite.database import DATABASE_ERRORS, in_thread

logger = logging.getLogger(__name__)

SAVE_AGAIN_SECONDS = [1, 2, 4, 8, *[15] * 120]  # half an hour


async def try_to_save(draft: Draft) -> bool:
    try:
        await in_thread(finish)(draft)
    except DATABASE_ERRORS:
        logger.warning("question=%s could not be saved yet", draft.question.pk)
        return False
    return True


def not_saved_yet(question: Question) -> Question:
    told = copy(question)
    told.notice = question.notice or _("This answer is not saved yet: the database is away for the moment.")
    return told


async def save_later(draft: Draft) -> None:
    """Until the database is back."""
    for seconds in SAVE_AGAIN_SECONDS:
        await asyncio.sleep(seconds)
        with suppress(*DATABASE_ERRORS):
            await in_thread(finish)(draft)
            return
    logger.error("question %s: its answer is lost, the database did not come back", draft.question.pk)


def finish(draft: Draft) -> None:
    """The answer and all its sources, in one transaction. A conversation deleted meanwhile stays deleted."""
    question = draft.question
    if question.kind == AnswerKind.WRITTEN and not question.cached_from and not draft.citations:
        draft.citations = citations.cite(question.answer, question.text, draft.sources)
    _add_up(draft)
    names = [
        "search_query", "answer", "state", "kind", "notice", "finish_reason", "error_kind", "model", "host", "index_id",
        "input_tokens", "output_tokens", "cost", "timings", "trace", "draws_on", "cached_from", "finished_at", "heartbeat_at",
    ]  # fmt: skip
    with transaction.atomic():
        if not Question.objects.select_for_update(no_key=True).same_as(question).exists():
            return
        if citations.save_citations(question, draft.citations) and not question.notice:
            question.notice = _("A document that this answer draws on was deleted while it was written.")
        Question.objects.filter(pk=question.pk).update(**{name: getattr(question, name) for name in names})
        Conversation.objects.filter(pk=question.conversation_id).update(updated_at=question.finished_at)
    if is_worth_keeping(draft):
        keep(draft)
    if (
        question.kind == AnswerKind.WRITTEN
        and question.state == AnswerState.COMPLETE
        and not question.cached_from
    ):
        waking.wake_summaries()
    logger.info(
        "question=%s state=%s kind=%s ms=%s",
        question.pk,
        question.state,
        question.kind,
        question.timings["total"],
    )


def keep(draft: Draft) -> None:
    """In the cache, while all that it cites is there."""
    cited = {row.document_id for row in draft.citations if row.document_id}
    if not all(row.document_id for row in draft.citations):
        return
    cache.remember(draft.key, _entry(draft))
    for gone in cited - set(Document.objects.filter(pk__in=cited).values_list("pk", flat=True)):
        cache.forget_answers_citing(gone)  # deleted at this moment: nothing else would


def _add_up(draft: Draft) -> None:
    question = draft.question
    question.finished_at = question.heartbeat_at = timezone.now()
    draft.took("total", draft.started)
    if question.input_tokens is not None and not question.cached_from:
        question.cost = llm.price(
            question.model or draft.model, question.input_tokens, question.output_tokens or 0
        )


def is_worth_keeping(draft: Draft) -> bool:
    """Complete answers that the usual way gave, and that found something. What a model declined once it may answer next time."""
    question = draft.question
    is_usual = not draft.is_fallback and not question.cached_from
    if question.finish_reason == "refusal" or (
        question.kind == AnswerKind.WRITTEN and llm.declines(question.answer)
    ):
        return False
    return is_usual and question.state == AnswerState.COMPLETE and question.kind != AnswerKind.NOTHING


def _entry(draft: Draft) -> cache.Entry:
    names = ("search_query", "answer", "kind", "model", "host", "finish_reason", "trace", "draws_on")
    entry: cache.Entry = {name: getattr(draft.question, name) for name in names}
    return {**entry, "citations": [citations.pack(row) for row in draft.citations]}
