"""OpenAI and every server that speaks its language: the only importer of the openai client.

No retries in here: the web tells its reader, a job comes back when it may.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Any, cast

import httpx2
import numpy as np
import openai
from django.conf import settings

from .. import circuit_breaker
from ..completion import AnswerReader, Message, Piece
from ..errors import BadResponse, NotConfigured, ProviderError
from ..provider import Provider, chat_model, provider
from ..quirks import Quirks, quirks_of
from ..usage import Call, read_usage
from .openai_clients import async_client, options_for, sync_client
from .openai_errors import FAULTS, raise_if_refused, refused_parameter, translate, translate_embedding
from .vectors import read_vectors

TAIL_SECONDS = 2  # once the model has said why it stopped, only the usage may follow
END = object()

# At DEBUG these write whole requests: documents and questions do not belong in a log.
for _name in ("openai", "httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)


# --- chat


async def stream(
    messages: Sequence[Message], *, max_tokens: int | None, probing: bool = False
) -> AsyncGenerator[Piece]:
    """The answer as it comes; the last piece carries the completion. Cancelled or closed, it hangs up at once."""
    server, model, quirks = await asyncio.to_thread(_ready_to_chat, probing)
    reader = AnswerReader(model, server.host)
    async with _reported(Call("chat", model, server.host), server, reader):

        def parameters() -> dict[str, Any]:
            return _chat_parameters(server, model, messages, max_tokens, quirks)

        async with aclosing(_pieces(server, model, parameters, quirks, reader)) as pieces:
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
        outcome = "ok" if reader.finish_reason == "stop" else "unfinished"
        await asyncio.to_thread(circuit_breaker.answered, server)
    except (*FAULTS, ProviderError) as error:
        fault = translate(error, has_begun=reader.has_begun)
        outcome = fault.kind
        await asyncio.to_thread(circuit_breaker.failed, server, fault)
        raise fault from None  # the client's own words may quote the key
    finally:
        call.usage = reader.usage
        call.ended(outcome)
        call.count()


async def _pieces(
    server: Provider,
    model: str,
    parameters: Callable[[], dict[str, Any]],
    quirks: Quirks,
    reader: AnswerReader,
) -> AsyncGenerator[Piece]:
    clock = asyncio.get_running_loop().time
    deadline = clock() + float(settings.LLM_FIRST_TOKEN_TIMEOUT or 60)
    async with asyncio.timeout_at(deadline):
        upstream = await _open(server, model, parameters, quirks)
    try:
        chunks = _chunks(upstream)
        while (chunk := await _next(chunks, deadline, reader)) is not END:
            if piece := reader.feed(chunk):
                yield piece
                # Counted from here: the pauses of whoever reads us are not the provider's.
                deadline = clock() + float(settings.LLM_BETWEEN_TOKENS_TIMEOUT or 20)
            if reader.finish_reason:
                deadline = min(deadline, clock() + TAIL_SECONDS)
    finally:
        await upstream.close()


async def _open(
    server: Provider, model: str, parameters: Callable[[], dict[str, Any]], quirks: Quirks
) -> openai.AsyncStream[object]:
    """The opened stream. A parameter that the server refuses is left out, now and from now on."""
    before = set(quirks.dropped)
    while True:
        body = parameters()
        try:
            upstream = await async_client(server).post(
                server.endpoint.path("chat/completions", model),
                cast_to=object,
                body=body,
                options=options_for(server),
                stream=True,
                stream_cls=openai.AsyncStream[object],
            )
        except openai.APIStatusError as error:
            _drop_refused(error, body, quirks)
            continue
        if quirks.dropped != before:
            await asyncio.to_thread(quirks.save)
        return upstream


async def _chunks(upstream: openai.AsyncStream[object]) -> AsyncIterator[object]:
    media_type = upstream.response.headers.get("content-type", "")
    if media_type.startswith("text/html"):
        raise BadResponse("a web page")
    if media_type.startswith("application/json"):  # a server that does not stream
        yield json.loads(await upstream.response.aread())
        return
    async for chunk in upstream:
        yield chunk


async def _next(chunks: AsyncIterator[object], deadline: float, reader: AnswerReader) -> object:
    try:
        async with asyncio.timeout_at(deadline):
            return await anext(chunks, END)
    except FAULTS:
        if reader.finish_reason:  # all has been said, only the tail is lost
            return END
        raise


def _chat_parameters(
    server: Provider, model: str, messages: Sequence[Message], max_tokens: int | None, quirks: Quirks
) -> dict[str, Any]:
    names = (
        ["max_completion_tokens", "max_tokens"]
        if server.is_openai
        else ["max_tokens", "max_completion_tokens"]
    )
    limit = next((name for name in names if name not in quirks.dropped), "max_tokens")
    wanted = {
        limit: max_tokens or settings.CHAT_MAX_OUTPUT_TOKENS,
        "temperature": settings.CHAT_TEMPERATURE,
        "stream_options": {"include_usage": True},
    }
    said = [{"role": message["role"], "content": _sendable(message["content"])} for message in messages]
    return {"model": model, "messages": said, "stream": True} | _accepted(wanted, quirks)


# --- embeddings


def embed_batch(
    texts: Sequence[str],
    *,
    model: str,
    dimensions: int | None,
    width: int | None,
    server: Provider,
    quirks: Quirks,
    seconds: float,
) -> tuple[np.ndarray, Call]:
    """One request, safe in any thread. `dimensions` is asked for, `width` is what the vectors must have. After so many
    `seconds` an answer that still goes on is hung up on.

    TooLarge where half of it may pass. Neither breaker nor Redis is touched: that is for the calling thread.
    """
    call = Call("embed", model, server.host, texts=len(texts))
    _until.set(monotonic() + seconds)
    try:
        answer = _post_embeddings(texts, model, dimensions, server, quirks)
        vectors = read_vectors(answer, count=len(texts), dimensions=width)
    except (*FAULTS, ProviderError) as error:
        fault = translate_embedding(error)
        call.ended(fault.kind)
        raise fault from None
    usage = answer.get("usage") if isinstance(answer, dict) else None
    call.usage = read_usage(usage, is_embedding=True)
    call.ended()
    return vectors, call


def _post_embeddings(
    texts: Sequence[str], model: str, dimensions: int | None, server: Provider, quirks: Quirks
) -> object:
    client = sync_client(server, _bound)
    path = server.endpoint.path("embeddings", model, is_shared=server.address_is_shared)
    while True:
        # base64 is a quarter of the size; not every server knows it.
        encoding = "base64" if server.is_openai else "float"
        wanted = {"encoding_format": encoding, "dimensions": dimensions}
        body = {"model": model, "input": [_sendable(text) for text in texts]} | _accepted(wanted, quirks)
        try:
            answer = client.post(path, cast_to=object, body=body, options=options_for(server))
            raise_if_refused(answer)
            return answer
        except openai.APIStatusError as error:
            _drop_refused(error, body, quirks)


_until: ContextVar[float] = ContextVar("until")  # of the request that this thread makes


class _Bounded(httpx2.SyncByteStream):
    """The body of an answer, for as long as it may take: the client's own time-outs begin anew with each byte."""

    def __init__(self, stream: httpx2.SyncByteStream, until: float) -> None:
        self._stream, self._until = stream, until

    def __iter__(self) -> Iterator[bytes]:
        for part in self._stream:
            if monotonic() > self._until:
                raise httpx2.ReadTimeout("the answer does not end")
            yield part

    def close(self) -> None:
        self._stream.close()


def _bound(response: httpx2.Response) -> None:
    response.stream = _Bounded(cast(httpx2.SyncByteStream, response.stream), _until.get(float("inf")))


# --- what both share


def _accepted(wanted: dict[str, Any], quirks: Quirks) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if value is not None and name not in quirks.dropped}


def _drop_refused(error: openai.APIStatusError, body: dict[str, Any], quirks: Quirks) -> None:
    """Notes the parameter that the server refuses; raises the error again if it is about something else."""
    optional = body.keys() - {"model", "messages", "input", "stream"}
    name = refused_parameter(error, sorted(optional))
    if name is None:
        raise error
    logging.getLogger("ragsite.llm").info("parameter=%s outcome=dropped", name)
    quirks.drop(name)


def _sendable(text: str) -> str:
    """Half characters, as broken PDFs have them, cannot be sent."""
    return text.encode("utf-8", "replace").decode()
