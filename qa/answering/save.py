"""Saves an answer with its citations, caches it, and retries later while the database is down."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from copy import copy

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from documents.models import Document
from qa.answering import cache, summaries
from qa.answering.citing import citations
from qa.answering.draft import Draft
from qa.models import AnswerState, Conversation, Question
from qa.models.question import AnswerKind
from ragsite import llm
from ragsite.database import DATABASE_ERRORS, in_thread

logger = logging.getLogger(__name__)

RETRY_SECONDS = [1, 2, 4, 8, *[15] * 120]  # half an hour in all


async def try_to_save(draft: Draft) -> bool:
    """Save the answer and return whether the database was up."""
    try:
        await in_thread(finish)(draft)
    except DATABASE_ERRORS:
        logger.warning("question=%s: the answer could not be saved yet", draft.question.pk)
        return False
    return True


def not_saved_yet(question: Question) -> Question:
    """Return a copy of the question whose notice says that the answer is not saved."""
    shown = copy(question)
    shown.notice = question.notice or _(
        "This answer is not saved yet: the database is unavailable for the moment."
    )
    return shown


async def save_later(draft: Draft) -> None:
    """Retry until the database is back, for half an hour."""
    for seconds in RETRY_SECONDS:
        await asyncio.sleep(seconds)
        with suppress(*DATABASE_ERRORS):
            await in_thread(finish)(draft)
            return
    logger.error("question=%s: the answer is lost, the database did not come back", draft.question.pk)


def finish(draft: Draft) -> None:
    """Save the answer and its citations in one transaction, then cache it. A deleted question stays deleted."""
    question = draft.question
    if question.kind == AnswerKind.WRITTEN and not question.cached_from and not draft.citations:
        draft.citations = citations.cite(question.answer, question.text, draft.sources)
    _set_totals(draft)
    names = [
        "search_query", "answer", "parts", "way", "state", "kind", "notice", "finish_reason", "error_kind", "model", "host", "index_id", "instructions_id",
        "input_tokens", "output_tokens", "cost", "timings", "trace", "draws_on", "checks", "sentences_checked", "sentences_supported", "cached_from",
        "finished_at", "heartbeat_at",
    ]  # fmt: skip
    with transaction.atomic():
        if not Question.objects.select_for_update(no_key=True).same_as(question).exists():
            return
        is_first, draft.was_saved = not draft.was_saved, True
        if citations.save_citations(question, draft.citations, is_first=is_first) and not question.notice:
            question.notice = _("A document used in this answer was deleted while the answer was written.")
        Question.objects.filter(pk=question.pk).update(**{name: getattr(question, name) for name in names})
        Conversation.objects.filter(pk=question.conversation_id).update(updated_at=question.finished_at)
    if is_cacheable(draft):
        store_in_cache(draft)
    if (
        question.kind == AnswerKind.WRITTEN
        and question.state == AnswerState.COMPLETE
        and not question.cached_from
    ):
        summaries.retry_summaries_now()
    logger.info(
        "question=%s state=%s kind=%s ms=%s",
        question.pk,
        question.state,
        question.kind,
        question.timings["total"],
    )


def store_in_cache(draft: Draft) -> None:
    """Cache the answer, unless a document that it cites was deleted."""
    cited = {row.document_id for row in draft.citations if row.document_id}
    if not all(row.document_id for row in draft.citations):
        return
    if not cache.may_share(draft.question.draws_on, draft.keyed):
        return
    cache.store(draft.key, _entry(draft))
    for deleted in cited - set(Document.objects.filter(pk__in=cited).values_list("pk", flat=True)):
        cache.delete_answers_citing(deleted)  # deleted after it was cached


def _set_totals(draft: Draft) -> None:
    question = draft.question
    question.finished_at = question.heartbeat_at = timezone.now()
    draft.record_time("total", draft.started)
    if question.input_tokens is not None and not question.cached_from:
        question.cost = llm.price(
            question.model or draft.model, question.input_tokens, question.output_tokens or 0
        )


def is_cacheable(draft: Draft) -> bool:
    """Whether to cache an answer: complete, not a fallback and not empty. A declined question may be answered next time."""
    question = draft.question
    is_usual = not draft.is_fallback and not question.cached_from
    if question.finish_reason == "refusal" or (
        question.kind == AnswerKind.WRITTEN and llm.declines(question.answer)
    ):
        return False
    return is_usual and question.state == AnswerState.COMPLETE and question.kind != AnswerKind.NOTHING


def _entry(draft: Draft) -> cache.Entry:
    entry: cache.Entry = {name: getattr(draft.question, name) for name in cache.FIELDS}
    return {**entry, "citations": [citations.to_cache(row) for row in draft.citations]}
