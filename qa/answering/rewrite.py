"""Rewrites a follow-up into a standalone question: by the model, or else by joining it with the question before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from time import monotonic

from qa.answering.draft import Draft
from qa.answering.prompts import Turn, standalone_prompt
from qa.answering.quoting.follow_ups import depends, replaced
from ragsite import llm
from ragsite.database import in_thread
from ragsite.llm.errors import ProviderError

STANDALONE_TOKENS = 120
STANDALONE_SECONDS = 10
MAX_REWRITTEN = 1_000  # characters


async def make_standalone(draft: Draft) -> None:
    """Set the search query: the question itself, or rewritten if it follows others."""
    question, since = draft.question, monotonic()
    question.search_query = question.text
    if not draft.history:
        return
    question.search_query = await _rewritten_by_model(draft)
    if not question.search_query:
        question.search_query, draft.context = joined(question.text, draft.history)
    draft.record_time("standalone", since)


async def _rewritten_by_model(draft: Draft) -> str:
    if not draft.model:
        return ""
    prompt = standalone_prompt(draft.question.text, draft.history, model=draft.model)
    return " ".join((await ask_model(draft, prompt)).split())[:MAX_REWRITTEN]


async def ask_model(draft: Draft, prompt: Sequence[llm.Message]) -> str:
    """Return a short complete reply of the model, or "" if there is none in time; its tokens count as the question's."""
    if await in_thread(llm.breaker)():
        return ""
    completion = None
    try:
        async with (
            asyncio.timeout(STANDALONE_SECONDS),
            aclosing(llm.stream(prompt, max_tokens=STANDALONE_TOKENS)) as pieces,
        ):
            async for piece in pieces:
                completion = piece.completion or completion
    except (ProviderError, TimeoutError):
        return ""
    if completion is None:
        return ""
    draft.add_usage(completion.usage)
    return completion.text if completion.is_complete and not completion.is_refusal else ""


def joined(question: str, history: Sequence[Turn]) -> tuple[str, str]:
    """Return the question to search for, and the question before if only both together can be understood."""
    if not history or not depends(question):
        return question, ""
    before = history[-1].question
    whole = replaced(question, before)
    return (whole, "") if whole else (f"{before} {question}", before)
