"""Streams the model's answer and handles every end: complete, cut off, stopped or failed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from time import monotonic

from django.utils.translation import gettext as _

from qa.answering import summaries
from qa.answering.citing.markers import plain_markers
from qa.answering.draft import Draft, Piece
from qa.answering.prompts import Prompt, answer_prompt
from qa.models import AnswerState
from qa.models.instructions import instructions_for
from qa.models.question import AnswerKind
from ragsite import llm
from ragsite.llm.errors import ProviderError

logger = logging.getLogger(__name__)

MAX_BUFFERED = 100  # pieces read ahead of the caller


async def write(draft: Draft, stop: asyncio.Event) -> AsyncGenerator[Piece]:
    """Stream the model's answer. It stays empty if the provider fails before the first word; the caller then quotes."""
    question, since = draft.question, monotonic()
    prompt = draft.prompt
    if prompt is None:
        prompt = await asyncio.to_thread(prepare, draft)
    question.model, question.host = draft.model, llm.host_of_chat()
    completion, length, is_thinking = None, 0, False
    try:
        async with aclosing(_stream(prompt.messages, stop)) as pieces:
            async for piece in pieces:
                completion = piece.completion or completion
                if piece.takes_back:
                    length = 0
                    draft.text.clear()
                    yield Piece(takes_back=True)
                if piece.thinking and not is_thinking and not length:
                    is_thinking = True
                    yield Piece(step=_("The model is thinking…"))
                if piece.text:
                    if not length:
                        draft.record_time("first_token", since)
                        yield Piece(step=_("Writing…"))
                    length += len(piece.text)
                    draft.text.append(piece.text)
                    yield Piece(text=piece.text)
    except ProviderError as error:
        _end_after_error(draft, error)
    else:
        _end(draft, completion, was_stopped=stop.is_set())
    draft.record_time("write", since)


def prepare(draft: Draft) -> Prompt:
    """Make the prompt from the sources; those that do not fit are left out. Counting tokens takes some milliseconds."""
    question, used = draft.question, {source.collection_id for source in draft.sources}
    question.instructions = instructions_for(draft.instructions, used)
    prompt = answer_prompt(
        question.text,
        draft.sources,
        draft.history,
        model=draft.model,
        instructions=question.instructions.text if question.instructions else "",
    )
    draft.prompt, draft.sources = prompt, prompt.sources
    return prompt


async def _stream(messages: Sequence[llm.Message], stop: asyncio.Event) -> AsyncGenerator[llm.Piece]:
    """Yield the model's pieces until it ends or `stop` is set; a separate task reads them, so stopping is immediate."""
    pieces: asyncio.Queue[llm.Piece | None] = asyncio.Queue()

    async def read() -> None:
        async with aclosing(llm.stream(messages)) as stream:
            async for piece in stream:
                pieces.put_nowait(piece)
                while pieces.qsize() >= MAX_BUFFERED:  # noqa: ASYNC110 (a short poll is enough)
                    await asyncio.sleep(0.01)

    async def watch() -> None:
        await stop.wait()
        reader.cancel()

    reader = asyncio.create_task(read())
    reader.add_done_callback(lambda _: pieces.put_nowait(None))
    watcher = asyncio.create_task(watch())
    try:
        while (piece := await pieces.get()) is not None:
            yield piece
        if not reader.cancelled():
            reader.result()
    finally:
        watcher.cancel()
        reader.cancel()
        with suppress(asyncio.CancelledError, ProviderError):
            await reader


def _end(draft: Draft, completion: llm.Completion | None, *, was_stopped: bool) -> None:
    """Set how the answer ended. Only a complete answer is cached; any other is shown as unfinished."""
    question = draft.question
    question.kind = AnswerKind.WRITTEN
    question.answer = _with_markers(draft, completion.text if completion else "".join(draft.text))
    if completion:
        question.finish_reason, question.model, question.host = (
            completion.finish_reason,
            completion.model,
            completion.host,
        )
        draft.add_usage(completion.usage)
    if completion and completion.is_complete:
        question.state = AnswerState.COMPLETE
    elif completion and completion.finish_reason == "refusal":
        question.state, question.notice = AnswerState.COMPLETE, _("The model declined to answer this.")
    elif was_stopped:
        question.state, question.notice = AnswerState.STOPPED, stopped_notice()
    else:
        question.state, question.notice = AnswerState.UNFINISHED, _why_unfinished(completion)


def stopped_notice() -> str:
    return _("You stopped this answer.")


def _why_unfinished(completion: llm.Completion | None) -> str:
    reasons = {
        "too_long": _("This answer was too long and ends here."),
        "tool_calls": _("The model tried to use a tool, but none is available here."),
        "error": _("The provider ended this answer with an error."),
        "length": _("The model reached its length limit, so this answer ends early."),
        "content_filter": _("The provider's content filter ended this answer."),
    }
    return reasons.get(
        completion.finish_reason if completion else "",
        _("The provider broke off before the answer was complete."),
    )


def _end_after_error(draft: Draft, error: ProviderError) -> None:
    summaries.note_failure(error)
    question = draft.question
    question.error_kind = error.kind
    text = _with_markers(draft, "".join(draft.text))
    logger.warning(
        "question=%s: the provider failed, %s, after %s characters", question.pk, error.kind, len(text)
    )
    if text:
        question.kind, question.answer, question.state = AnswerKind.WRITTEN, text, AnswerState.UNFINISHED
        question.notice = _("%(reason)s The text so far is kept.") % {"reason": error.sentence}
    else:
        draft.is_fallback = True
        draft.failure = str(error.sentence)


def _with_markers(draft: Draft, text: str) -> str:
    """Return the text with every reference as [1], however the model wrote it."""
    return plain_markers(text.strip(), {source.number for source in draft.sources})
