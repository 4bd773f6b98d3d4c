"""A second call of the model as judge of all sentences at once; on where ANSWER_JUDGE is set."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace

from qa.answering.checking.verdicts import UNKNOWN, Check, Verdict
from qa.answering.draft import Draft
from qa.answering.prompts import judge_prompt
from ragsite import llm
from ragsite.llm.errors import ProviderError

MAX_SENTENCES = 40
SECONDS = 30
TOKENS_A_SENTENCE = 8
LINE = re.compile(r"^\W*(\d{1,3})\W+(yes|partly|no)\b", re.IGNORECASE | re.MULTILINE)
VERDICTS = {"yes": Verdict.SUPPORTED, "partly": Verdict.WEAK, "no": Verdict.NONE}


async def judged(draft: Draft, checks: Sequence[Check]) -> list[Check]:
    """Return the checks with the model's verdicts, at most MAX_SENTENCES; unchanged where it fails or says nothing.

    A judge never overrules that a figure, a name or quoted words stand in no source. Its tokens are the question's.
    """
    answer = draft.question.answer
    sentences = [answer[check.start : check.end] for check in checks[:MAX_SENTENCES]]
    prompt = await asyncio.to_thread(judge_prompt, sentences, draft.sources, model=draft.model)
    text = await _said(draft, prompt, len(sentences))
    found = {int(number): VERDICTS[word.lower()] for number, word in LINE.findall(text)}
    return [_with(check, found.get(number)) for number, check in enumerate(checks, 1)]


async def _said(draft: Draft, prompt: Sequence[llm.Message], count: int) -> str:
    completion = None
    try:
        async with (
            asyncio.timeout(SECONDS),
            aclosing(llm.stream(prompt, max_tokens=TOKENS_A_SENTENCE * count + 20)) as pieces,
        ):
            async for piece in pieces:
                completion = piece.completion or completion
    except (ProviderError, TimeoutError):
        return ""
    if completion is None:
        return ""
    draft.add_usage(completion.usage)
    return completion.text


def _with(check: Check, verdict: Verdict | None) -> Check:
    if verdict is None or any(mark.reason in UNKNOWN for mark in check.marks):
        return check
    return replace(check, verdict=verdict)
