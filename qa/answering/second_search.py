"""Searches once more, with questions of the model, where the first search found nothing good (SECOND_SEARCH)."""

from __future__ import annotations

import re
from dataclasses import replace
from time import monotonic

from django.conf import settings

from qa.answering.draft import Draft
from qa.answering.prompts import search_again_prompt
from qa.answering.rewrite import ask_model
from qa.answering.searching import record_sources
from qa.answering.without_model import find_answer
from qa.retrieval.retriever import MAX_SOURCES, find_sources
from ragsite.database import in_thread

MAX_QUESTIONS = 3
MAX_SOURCES_OF_EACH = 4
MAX_LENGTH = 300  # characters of one question
ENUMERATOR = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s*")


async def search_again(draft: Draft) -> None:
    """Put sources for the model's own questions before those that answer nothing. Without SECOND_SEARCH, do nothing."""
    if not (settings.SECOND_SEARCH and draft.model) or await in_thread(_has_answer)(draft):
        return
    since = monotonic()
    reply = await ask_model(draft, search_again_prompt(draft.question.search_query))
    if questions := questions_in(reply):
        await in_thread(_add_sources)(draft, questions)
    draft.record_time("second_search", since)


def questions_in(reply: str) -> list[str]:
    """Return the questions of a reply, one a line, without numbers and bullets."""
    lines = (" ".join(ENUMERATOR.sub("", line).split())[:MAX_LENGTH] for line in reply.splitlines())
    return list(dict.fromkeys(filter(None, lines)))[:MAX_QUESTIONS]


def _has_answer(draft: Draft) -> bool:
    """Whether a quote of the sources would answer."""
    return bool(draft.sources) and find_answer(draft).is_found


def _add_sources(draft: Draft, questions: list[str]) -> None:
    found = []
    for question in questions:
        found += find_sources(question, user=draft.user, scope=draft.scope, limit=MAX_SOURCES_OF_EACH)
    known: set[int] = set()
    merged = []
    for source in [*found, *draft.sources]:
        if not known.issuperset(source.chunk_ids):
            merged.append(source)
            known.update(source.chunk_ids)
    draft.sources = [replace(source, number=at) for at, source in enumerate(merged[:MAX_SOURCES], start=1)]
    record_sources(draft)
