"""A follow-up is searched for as a question of its own: put so by the model, else joined with what was asked before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from time import monotonic

from qa.answering.draft import Draft
from qa.answering.prompts import Turn, standalone_prompt
from qa.retrieval.stop_words import WORD, content_words
from ragsite import llm
from ragsite.database import in_thread
from ragsite.llm.errors import ProviderError

STANDALONE_TOKENS = 120
STANDALONE_SECONDS = 10
FEW_WORDS = 2
BACK_WORDS = "it its they them their theirs this that these those he him his she her hers there then one ones former latter same"
POINTS_BACK = frozenset(BACK_WORDS.split())


async def make_standalone(draft: Draft) -> None:
    """Sets the search query: the question as it stands, where nothing was asked before."""
    question, since = draft.question, monotonic()
    question.search_query = question.text
    if not draft.history:
        return
    question.search_query = await _rewritten(draft) or joined(question.text, draft.history)
    draft.took("standalone", since)


async def _rewritten(draft: Draft) -> str:
    if not draft.model or await in_thread(llm.breaker)():
        return ""
    prompt = standalone_prompt(draft.question.text, draft.history, model=draft.model)
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
    draft.count(completion.usage)
    return (
        " ".join(completion.text.split())[:1000]
        if completion.is_complete and not completion.is_refusal
        else ""
    )


def joined(question: str, history: Sequence[Turn]) -> str:
    """The question with the one before it, where it leans on it: it points back, or is only a few words."""
    words = [word.lower() for word in WORD.findall(question)]
    leans = not POINTS_BACK.isdisjoint(words) or len(content_words(question)) < FEW_WORDS
    return f"{history[-1].question} {question}" if history and leans else question
