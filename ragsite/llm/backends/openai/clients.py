"""The openai clients of this process: one per provider and event loop, never shared with a forked child."""

import asyncio
import logging
import os
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from functools import cache
from time import monotonic
from typing import Any, cast
from weakref import WeakKeyDictionary

import httpx2
import openai
from django.conf import settings

from ragsite.llm.provider import Provider

WRITE_SECONDS = 30
MAX_REFUSAL = 256 * 1024  # bytes

# At DEBUG these loggers write whole requests; documents and questions do not belong in a log.
for _name in ("openai", "httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_async_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Any, openai.AsyncOpenAI]] = (
    WeakKeyDictionary()
)
_sync_clients: dict[Any, openai.OpenAI] = {}
_lock = threading.Lock()


def async_client(server: Provider) -> openai.AsyncOpenAI:
    """Return the client of the running event loop. Clients cannot be shared between loops."""
    clients = _async_clients.setdefault(asyncio.get_running_loop(), {})
    key = _settings_of(server)
    if key not in clients:
        client = openai.DefaultAsyncHttpxClient(verify=_tls(), event_hooks={"response": [_limit_refusal]})
        clients[key] = openai.AsyncOpenAI(**_client_options(server), http_client=client)
    return clients[key]


def sync_client(server: Provider) -> openai.OpenAI:
    """Return the client of this process, which all its threads share; `limit_response` bounds what it reads."""
    key = _settings_of(server)
    with _lock:
        if key not in _sync_clients:
            client = openai.DefaultHttpxClient(verify=_tls(), event_hooks={"response": [_bound]})
            _sync_clients[key] = openai.OpenAI(**_client_options(server), http_client=client)
        return _sync_clients[key]


def options_for(server: Provider) -> Any:
    """Return the authentication options of a request. Azure expects an `api-key` header and rejects bearer tokens."""
    key = {"api-key": server.api_key, "Authorization": openai.Omit()} if server.endpoint.is_azure else {}
    return {"security": {"bearer_auth": True}, "headers": {**key, **dict(server.headers)}}


async def aclose() -> None:
    """Close the connections of the running event loop."""
    for client in _async_clients.pop(asyncio.get_running_loop(), {}).values():
        await client.close()


@cache
def _tls() -> ssl.SSLContext:
    """Return the context that all clients share: reading the certificates of the authorities takes a while."""
    return httpx2.create_ssl_context()


class _TruncatedBody(httpx2.AsyncByteStream):
    """An error body limited to MAX_REFUSAL bytes: the client reads error bodies into memory."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received = 0
        async for part in self._stream:
            yield part
            received += len(part)
            if received >= MAX_REFUSAL:
                return

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _limit_refusal(response: httpx2.Response) -> None:
    if response.is_error:
        response.stream = _TruncatedBody(cast(httpx2.AsyncByteStream, response.stream))


_limits: ContextVar[tuple[float, float]] = ContextVar("limits", default=(float("inf"), float("inf")))


def limit_response(seconds: float, max_bytes: float = float("inf")) -> None:
    """Bound the next response in this context: the client's read timeout restarts with each byte."""
    _limits.set((monotonic() + seconds, max_bytes))


class _BoundedBody(httpx2.SyncByteStream):
    def __init__(self, stream: httpx2.SyncByteStream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        (until, max_bytes), received = _limits.get(), 0
        for part in self._stream:
            received += len(part)
            if monotonic() > until or received > max_bytes:
                raise httpx2.ReadTimeout("the answer does not end")
            yield part

    def close(self) -> None:
        self._stream.close()


def _bound(response: httpx2.Response) -> None:
    response.stream = _BoundedBody(cast(httpx2.SyncByteStream, response.stream))


def _settings_of(server: Provider) -> tuple[Any, ...]:
    return server, settings.LLM_CONNECT_TIMEOUT, server.first_token_timeout


def _client_options(server: Provider) -> dict[str, Any]:
    timeout = openai.Timeout(
        connect=settings.LLM_CONNECT_TIMEOUT,
        read=server.first_token_timeout,
        write=WRITE_SECONDS,
        pool=server.first_token_timeout,
    )
    return {
        "api_key": server.api_key,
        "base_url": server.endpoint.base_url,
        "default_query": dict(server.endpoint.query),
        "timeout": timeout,
        "max_retries": 0,
    }


def _forget_clients() -> None:
    # Jobs run in forked children, which must not use the parent's connections or a lock held at the fork.
    global _lock
    _lock = threading.Lock()
    _sync_clients.clear()
    _async_clients.clear()


os.register_at_fork(after_in_child=_forget_clients)
