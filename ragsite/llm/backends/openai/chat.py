"""Stream chat completions from OpenAI and compatible servers.

There are no retries here: a view reports the error, and a job is rescheduled by its queue.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
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

TAIL_SECONDS = 2  # after the finish reason, only the usage may follow
CLOSING_SECONDS = 0.5  # after the end of the stream
MAX_SECONDS = 3600  # of one answer, as long as its stream is kept


async def stream(
    messages: Sequence[Message], *, max_tokens: int | None, probing: bool = False
) -> AsyncGenerator[Piece]:
    """Yield the answer in pieces; the last one carries the completion. Cancelling or closing disconnects at once."""
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
    """Log and count the call, report its outcome to the circuit breaker, and raise faults as ProviderError."""
    outcome = "cancelled"
    try:
        yield
        outcome = "ok" if reader.completion().is_complete else "unfinished"
        await asyncio.to_thread(circuit_breaker.record_success, server)
    except (*FAULTS, ProviderError) as error:
        fault = translate(error, has_begun=reader.has_begun)
        outcome = fault.kind
        await asyncio.to_thread(circuit_breaker.record_failure, server, fault)
        raise fault from None  # the client's message may quote the key
    finally:
        call.usage = reader.usage
        call.log(outcome)
        call.count()


@dataclass
class _Request:
    """One chat request, and the parameters that the server rejected."""

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
        return {"model": self.model, "messages": self._messages()} | accepted(wanted, self.quirks)

    def _limit_name(self) -> str:
        names = ["max_tokens", "max_completion_tokens"]
        if self.server.is_openai:
            names.reverse()
        return next((name for name in names if name not in self.quirks.dropped), "max_tokens")

    def _messages(self) -> list[dict[str, str]]:
        messages = [
            {"role": message["role"], "content": sendable(message["content"])} for message in self.messages
        ]
        return _without_system_role(messages) if SYSTEM_ROLE in self.quirks.dropped else messages

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
        """Save newly dropped parameters. Called once the server accepts the request."""
        if self.quirks.dropped != self.known:
            self.known = set(self.quirks.dropped)
            await asyncio.to_thread(self.quirks.save)


def _without_system_role(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """Prepend the system messages to the first user message."""
    instructions = [message["content"] for message in messages if message["role"] == "system"]
    rest = [message for message in messages if message["role"] != "system"]
    first = next((at for at, message in enumerate(rest) if message["role"] == "user"), None)
    if first is None:
        return [{"role": "user", "content": "\n\n".join(instructions)}, *rest]
    rest[first] = {"role": "user", "content": "\n\n".join([*instructions, rest[first]["content"]])}
    return rest


class _Deadline:
    """The time by which the next data from the server must arrive.

    Text extends it. Keep-alives (comments, empty deltas, reasoning) extend it too, but only up to a separate limit.
    """

    def __init__(self, first_token: float) -> None:
        self._clock = asyncio.get_running_loop().time
        self._window = first_token
        self._end = self._clock() + MAX_SECONDS
        self._limit = self._clock() + self._longest_silence()
        self.time = self._clock() + self._window

    def extend_for(self, piece: Piece) -> None:
        """Called after the piece is consumed, so that a slow consumer does not use up the provider's time."""
        self._limit = self._clock() + self._longest_silence()
        if piece.text:
            self._window = float(settings.LLM_BETWEEN_TOKENS_TIMEOUT or 20)
            self.time = min(self._clock() + self._window, self._end)
        else:
            self.extend_for_keep_alive()

    def extend_for_keep_alive(self) -> None:
        later = max(self.time, self._clock() + self._window)
        self.time = min(later, self._limit, self._end)

    def shorten_to(self, seconds: float) -> None:
        self.time = min(self.time, self._clock() + seconds)

    def check(self) -> None:
        """Raise TimeoutError if it has passed: asyncio's timeout cannot fire while the server sends without a pause."""
        if self._clock() > self.time:
            raise TimeoutError

    def _longest_silence(self) -> float:
        return max(float(settings.LLM_SILENCE_TIMEOUT or 600), self._window)


async def _pieces(request: _Request, reader: AnswerReader) -> AsyncGenerator[Piece]:
    """Repeat the request without the parameters that the server rejects, in its status or in the stream."""
    deadline = _Deadline(request.server.first_token_timeout)
    while True:
        body = request.body()
        try:
            async with aclosing(_read(request, reader, deadline)) as pieces:
                async for piece in pieces:
                    yield piece
        except openai.APIStatusError as error:
            if reader.has_begun:
                raise
            drop_rejected(error, body, request.quirks)
        else:
            return


async def _read(request: _Request, reader: AnswerReader, deadline: _Deadline) -> AsyncGenerator[Piece]:
    async with asyncio.timeout_at(deadline.time):
        upstream = await request.open()
    try:
        with Pace() as pace:
            parts = pace.gathered(upstream.response.aiter_bytes(), lambda: reader.is_at_its_end)
            batches = read_chunks(parts, pace.has_waited)
            while (batch := await _next(batches, reader, deadline)) is not None:
                for piece in _joined(_feed_all(batch, reader)):
                    yield piece
                    deadline.extend_for(piece)
                if reader.is_full:
                    return
                if batch:
                    await request.remember()
                deadline.extend_for_keep_alive()
                await pace.rest()
                if reader.is_done:
                    deadline.shorten_to(CLOSING_SECONDS)
                elif reader.is_at_its_end and reader.has_begun:
                    deadline.shorten_to(TAIL_SECONDS)
    finally:
        await upstream.close()


def _feed_all(batch: list[Any], reader: AnswerReader) -> Iterator[Piece]:
    for chunk in batch:
        if piece := _feed(chunk, reader):
            yield piece
        if reader.is_full:
            return


def _joined(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Join the pieces that arrived together, up to one that takes back those before it, or to an error."""
    held, fault = Piece(), None
    try:
        for piece in pieces:
            if piece.takes_back:
                held = piece  # what this batch brought before it was reasoning
            else:
                held = replace(held, text=held.text + piece.text, thinking=held.thinking + piece.thinking)
    except (*FAULTS, ProviderError) as error:
        fault = error
    if held != Piece():
        yield held
    if fault:
        raise fault


def _feed(chunk: Any, reader: AnswerReader) -> Piece | None:
    if chunk is DONE:
        reader.is_done = True
    if reader.is_done:
        return None
    if not reader.finish_reason:
        raise_if_error(chunk)
    return reader.feed(chunk)


async def _next(
    batches: AsyncIterator[list[Any]], reader: AnswerReader, deadline: _Deadline
) -> list[Any] | None:
    try:
        deadline.check()
        async with asyncio.timeout_at(deadline.time):
            return await anext(batches, None)
    except (*FAULTS, ProviderError):
        # Only the usage is lost if the stream breaks after the finish reason.
        if reader.is_at_its_end:
            return None
        raise
