"""Answers from OpenAI and every server that speaks its language, piece by piece.

No retries in here: the web tells its reader, a job comes back when it may.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import openai
from django.conf import settings

from ragsite.llm import circuit_breaker
from ragsite.llm.backends.openai.clients import async_client, options_for
from ragsite.llm.backends.openai.error_details import raise_if_error
from ragsite.llm.backends.openai.errors import FAULTS, translate
from ragsite.llm.backends.openai.pace import Pace
from ragsite.llm.backends.openai.parameters import SYSTEM_ROLE
from ragsite.llm.backends.openai.requests import accepted, drop_rejected, sendable
from ragsite.llm.backends.openai.sse import DONE, read_chunks
from ragsite.llm.chat.completion import AnswerReader, Message, Piece, longest_answer
from ragsite.llm.errors import NotConfigured, ProviderError
from ragsite.llm.provider import Provider, chat_model, provider
from ragsite.llm.quirks import Quirks, quirks_of
from ragsite.llm.usage import Call

TAIL_SECONDS = 2  # once the model has said why it stopped, only the usage may follow
CLOSING_SECONDS = 0.5  # once the server has said that nothing more comes
MAX_SECONDS = 3600  # of one answer, as long as its stream is kept


async def stream(
    messages: Sequence[Message], *, max_tokens: int | None, probing: bool = False
) -> AsyncGenerator[Piece]:
    """The answer as it comes; the last piece carries the completion. Cancelled or closed, it hangs up at once."""
    server, model, quirks = await asyncio.to_thread(_ready_to_chat, probing)
    max_tokens = max_tokens or settings.CHAT_MAX_OUTPUT_TOKENS
    reader = AnswerReader(model, server.host, longest_answer(max_tokens))
    request = _Request(server, model, messages, max_tokens, quirks)
    async with _reported(Call("chat", model, server.host), server, reader):
        async with aclosing(_pieces(request, reader)) as pieces:
            async for piece in pieces:
                yield piece
        last, completion = reader.finish()
    if last:
        yield last
    yield Piece(completion=completion)


def _ready_to_chat(probing: bool) -> tuple[Provider, str, Quirks]:
    server, model = provider(), chat_model()
    if not model:
        raise NotConfigured("CHAT_MODEL")
    if not probing:
        circuit_breaker.check(server)
    return server, model, quirks_of(server, model)


@asynccontextmanager
async def _reported(call: Call, server: Provider, reader: AnswerReader) -> AsyncIterator[None]:
    """Whatever happens inside is logged, counted, told to the breaker and raised as one of our own errors."""
    outcome = "cancelled"
    try:
        yield
        outcome = "ok" if reader.completion().is_complete else "unfinished"
        await asyncio.to_thread(circuit_breaker.record_success, server)
    except (*FAULTS, ProviderError) as error:
        fault = translate(error, has_begun=reader.has_begun)
        outcome = fault.kind
        await asyncio.to_thread(circuit_breaker.record_failure, server, fault)
        raise fault from None  # the client's own words may quote the key
    finally:
        call.usage = reader.usage
        call.log(outcome)
        call.count()


@dataclass
class _Request:
    """One question to a model, and what the server turned out not to accept of it."""

    server: Provider
    model: str
    messages: Sequence[Message]
    max_tokens: int | None
    quirks: Quirks
    known: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.known = set(self.quirks.dropped)

    def body(self) -> dict[str, Any]:
        is_streamed = "stream" not in self.quirks.dropped
        wanted = {
            self._limit_name(): self.max_tokens,
            "temperature": settings.CHAT_TEMPERATURE,
            "stream": is_streamed or None,
            "stream_options": {"include_usage": True} if is_streamed else None,
        }
        return {"model": self.model, "messages": self._said()} | accepted(wanted, self.quirks)

    def _limit_name(self) -> str:
        names = ["max_tokens", "max_completion_tokens"]
        if self.server.is_openai:
            names.reverse()
        return next((name for name in names if name not in self.quirks.dropped), "max_tokens")

    def _said(self) -> list[dict[str, str]]:
        said = [
            {"role": message["role"], "content": sendable(message["content"])} for message in self.messages
        ]
        return _without_system_role(said) if SYSTEM_ROLE in self.quirks.dropped else said

    async def open(self) -> openai.AsyncStream[object]:
        return await async_client(self.server).post(
            self.server.endpoint.path("chat/completions", self.model),
            cast_to=object,
            body=self.body(),
            options=options_for(self.server),
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )

    async def remember(self) -> None:
        """To be called when the server answers: what was left out for that is left out from now on."""
        if self.quirks.dropped != self.known:
            self.known = set(self.quirks.dropped)
            await asyncio.to_thread(self.quirks.save)


def _without_system_role(said: list[dict[str, str]]) -> list[dict[str, str]]:
    """The instructions at the head of the first thing that the user says."""
    instructions = [message["content"] for message in said if message["role"] == "system"]
    rest = [message for message in said if message["role"] != "system"]
    first = next((at for at, message in enumerate(rest) if message["role"] == "user"), None)
    if first is None:
        return [{"role": "user", "content": "\n\n".join(instructions)}, *rest]
    rest[first] = {"role": "user", "content": "\n\n".join([*instructions, rest[first]["content"]])}
    return rest


class _Patience:
    """Until when the next sign of the server is waited for.

    A word moves the clock on. So do signs of life (comments, empty deltas, thoughts), but only up to a limit of their own.
    """

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self._window = float(settings.LLM_FIRST_TOKEN_TIMEOUT or 60)
        self._end = self._clock() + MAX_SECONDS
        self._limit = self._clock() + self._longest_silence()
        self.deadline = self._clock() + self._window

    def has_heard(self, piece: Piece) -> None:
        """Counted from here: the pauses of whoever reads us are not the provider's."""
        self._limit = self._clock() + self._longest_silence()
        if piece.text:
            self._window = float(settings.LLM_BETWEEN_TOKENS_TIMEOUT or 20)
            self.deadline = min(self._clock() + self._window, self._end)
        else:
            self.has_signs_of_life()

    def has_signs_of_life(self) -> None:
        later = max(self.deadline, self._clock() + self._window)
        self.deadline = min(later, self._limit, self._end)

    def awaits_the_tail(self, seconds: float) -> None:
        self.deadline = min(self.deadline, self._clock() + seconds)

    def check(self) -> None:
        """A server that never pauses gives no time-out the chance to strike."""
        if self._clock() > self.deadline:
            raise TimeoutError

    def _longest_silence(self) -> float:
        return max(float(settings.LLM_SILENCE_TIMEOUT or 600), self._window)


async def _pieces(request: _Request, reader: AnswerReader) -> AsyncGenerator[Piece]:
    """What a server refuses is left out, and the request made once more; also where it says so in the stream."""
    patience = _Patience()
    while True:
        body = request.body()
        try:
            async with aclosing(_read(request, reader, patience)) as pieces:
                async for piece in pieces:
                    yield piece
        except openai.APIStatusError as error:
            if reader.has_begun:
                raise
            drop_rejected(error, body, request.quirks)
        else:
            return


async def _read(request: _Request, reader: AnswerReader, patience: _Patience) -> AsyncGenerator[Piece]:
    async with asyncio.timeout_at(patience.deadline):
        upstream = await request.open()
    try:
        with Pace() as pace:
            batches = read_chunks(upstream.response.aiter_bytes(), pace.has_waited)
            while (batch := await _next(batches, reader, patience)) is not None:
                for chunk in batch:
                    if piece := _fed(chunk, reader):
                        yield piece
                        patience.has_heard(piece)
                    if reader.is_full:
                        return
                    await pace.rest()
                if batch:
                    await request.remember()
                patience.has_signs_of_life()
                await pace.rest()
                if reader.is_done:
                    patience.awaits_the_tail(CLOSING_SECONDS)
                elif reader.is_at_its_end and reader.has_begun:
                    patience.awaits_the_tail(TAIL_SECONDS)
    finally:
        await upstream.close()


def _fed(chunk: Any, reader: AnswerReader) -> Piece | None:
    if chunk is DONE:
        reader.is_done = True
    if reader.is_done:
        return None
    if not reader.finish_reason:
        raise_if_error(chunk)
    return reader.feed(chunk)


async def _next(
    batches: AsyncIterator[list[Any]], reader: AnswerReader, patience: _Patience
) -> list[Any] | None:
    try:
        patience.check()
        async with asyncio.timeout_at(patience.deadline):
            return await anext(batches, None)
    except (*FAULTS, ProviderError):
        if reader.is_at_its_end:  # all has been said, only the tail is lost
            return None
        raise
