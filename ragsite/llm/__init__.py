"""The only door to a language model. Knows neither documents nor questions.

Everything that the apps call is named here. Whatever goes wrong at a provider is raised as a `ProviderError`
(`ragsite.llm.errors`), which says whether, and when, another try makes sense.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress

from ragsite.llm.backends import local
from ragsite.llm.cache import forget_vectors
from ragsite.llm.chat.completion import Completion, Message, Piece, declines
from ragsite.llm.chat.fence import Fence
from ragsite.llm.circuit_breaker import Breaker, breaker, breakers, embedding_breaker
from ragsite.llm.embeddings.embed import embed_documents, embed_query, probe_dimensions
from ragsite.llm.embeddings.models import (
    EmbeddingModel,
    default_embedding_model,
    embedding_model,
    host_of_embeddings,
)
from ragsite.llm.errors import (
    OUTAGE_KINDS,
    RECOVERABLE_KINDS,
    BadResponse,
    KeyRefused,
    NotConfigured,
    ProviderError,
    ProviderUnavailable,
    QuotaSpent,
    RateLimited,
    RequestRefused,
)
from ragsite.llm.provider import chat_model, host_of_chat, host_of_embedding_provider, is_configured
from ragsite.llm.tokens import Tokenizer, tokenizer_for
from ragsite.llm.trial import ProviderTest, Trial, test_provider, try_chat, try_embedding
from ragsite.llm.usage import Collected, Usage, collect_usage, price

LOCAL_EMBEDDING_MODEL = local.MODEL

__all__ = [
    "LOCAL_EMBEDDING_MODEL",
    "OUTAGE_KINDS",
    "RECOVERABLE_KINDS",
    "BadResponse",
    "Breaker",
    "Collected",
    "Completion",
    "EmbeddingModel",
    "Fence",
    "KeyRefused",
    "Message",
    "NotConfigured",
    "Piece",
    "ProviderError",
    "ProviderTest",
    "ProviderUnavailable",
    "QuotaSpent",
    "RateLimited",
    "RequestRefused",
    "Tokenizer",
    "Trial",
    "Usage",
    "aclose",
    "breaker",
    "breakers",
    "chat_model",
    "collect_usage",
    "complete",
    "declines",
    "default_embedding_model",
    "embed_documents",
    "embed_query",
    "embedding_breaker",
    "embedding_model",
    "forget_vectors",
    "host_of_chat",
    "host_of_embeddings",
    "preload",
    "price",
    "probe_dimensions",
    "stream",
    "test_provider",
    "tokenizer_for",
    "try_chat",
    "try_embedding",
    "warm",
]


async def stream(messages: Sequence[Message], *, max_tokens: int | None = None) -> AsyncGenerator[Piece]:
    """The answer, piece by piece; the last piece carries the completion, which says whether it is complete.

    A fault in the middle is raised after the pieces that came before it. Cancelling the task, or leaving
    `contextlib.aclosing(stream(...))`, hangs up on the provider at once.
    """
    from ragsite.llm.backends.openai import chat  # late: the client takes a second to import

    async with aclosing(chat.stream(messages, max_tokens=max_tokens)) as pieces:
        async for piece in pieces:
            yield piece


def complete(messages: Sequence[Message], *, max_tokens: int | None = None) -> Completion:
    """The answer as a whole, for jobs and commands; with the same time-outs and faults as `stream`."""
    return asyncio.run(_whole(messages, max_tokens))


async def _whole(messages: Sequence[Message], max_tokens: int | None) -> Completion:
    try:
        pieces = [piece async for piece in stream(messages, max_tokens=max_tokens)]
    finally:
        await aclose()
    return next(piece.completion for piece in reversed(pieces) if piece.completion)


async def warm(embedding: str = "") -> None:
    """For the start of the web process: the first question then finds client, tokenizer and embedder at hand."""
    await asyncio.to_thread(preload, embedding)
    if chat_model():
        from ragsite.llm.backends.openai import chat as openai_chat  # noqa: F401
        from ragsite.llm.backends.openai.clients import async_client
        from ragsite.llm.provider import provider

        with suppress(NotConfigured):  # settings that cannot work are said where they are used
            async_client(provider())


async def aclose() -> None:
    """For the end of the web process: closes the connections of the running event loop."""
    from ragsite.llm.backends.openai import clients

    await clients.aclose()


def preload(embedding: str = "") -> None:
    """Loads what is slow to load and opens no connection: for a worker before it forks. Never raises.

    `embedding` is the model that is in use; without it, the one that a new index would get.
    """
    if is_configured() or host_of_embedding_provider():
        from ragsite.llm.backends.openai import embeddings  # noqa: F401
    with suppress(LookupError):
        model = embedding_model(embedding or default_embedding_model())
        tokenizer_for(model.name).count("ready")
        if model.is_local:
            local.load()
