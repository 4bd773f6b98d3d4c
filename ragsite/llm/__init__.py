"""The interface to language models. It does not depend on documents or questions.

This module exports everything that the apps use. Any failure of a provider is raised as a `ProviderError`
(`ragsite.llm.errors`), which says whether and when to retry.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress

from ragsite.llm.backends import local, reranker
from ragsite.llm.backends.reranker import is_installed as has_reranker
from ragsite.llm.backends.reranker import rerank
from ragsite.llm.cache import forget_vectors
from ragsite.llm.chat.completion import Completion, Message, Piece, declines
from ragsite.llm.chat.fence import Fence
from ragsite.llm.circuit_breaker import Breaker, breaker, breakers, embedding_breaker
from ragsite.llm.circuit_breaker import any_answered_recently as answered_recently
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
from ragsite.llm.provider import (
    chat_model,
    context_tokens,
    host_of_chat,
    host_of_embedding_provider,
    is_configured,
)
from ragsite.llm.tokens import Tokenizer, tokenizer_for
from ragsite.llm.trial import ProviderTest, Trial, list_models, test_provider, try_chat, try_embedding
from ragsite.llm.usage import Collected, Usage, collect_usage, price

LOCAL_EMBEDDING_MODEL = local.MODEL
LOCAL_RERANKER = reranker.MODEL

__all__ = [
    "LOCAL_EMBEDDING_MODEL",
    "LOCAL_RERANKER",
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
    "answered_recently",
    "breaker",
    "breakers",
    "chat_model",
    "collect_usage",
    "complete",
    "context_tokens",
    "declines",
    "default_embedding_model",
    "embed_documents",
    "embed_query",
    "embedding_breaker",
    "embedding_model",
    "forget_vectors",
    "has_reranker",
    "host_of_chat",
    "host_of_embeddings",
    "list_models",
    "preload",
    "price",
    "probe_dimensions",
    "rerank",
    "stream",
    "test_provider",
    "tokenizer_for",
    "try_chat",
    "try_embedding",
    "warm",
]


async def stream(messages: Sequence[Message], *, max_tokens: int | None = None) -> AsyncGenerator[Piece]:
    """Yield the answer in pieces; the last one carries the completion, which says whether the answer is complete.

    An error in the middle is raised after the preceding pieces. Cancelling the task, or leaving
    `contextlib.aclosing(stream(...))`, closes the connection at once.
    """
    from ragsite.llm.backends.openai import chat  # imported late: the client takes a second to import

    async with aclosing(chat.stream(messages, max_tokens=max_tokens)) as pieces:
        async for piece in pieces:
            yield piece


def complete(messages: Sequence[Message], *, max_tokens: int | None = None) -> Completion:
    """Return the whole answer, for jobs and commands; time-outs and errors are those of `stream`."""
    return asyncio.run(_collect(messages, max_tokens))


async def _collect(messages: Sequence[Message], max_tokens: int | None) -> Completion:
    try:
        pieces = [piece async for piece in stream(messages, max_tokens=max_tokens)]
    finally:
        await aclose()
    return next(piece.completion for piece in reversed(pieces) if piece.completion)


async def warm(embedding: str = "") -> None:
    """Load client, tokenizer, embedding model and, where no model writes, the reranker when the web process starts."""
    await asyncio.to_thread(preload, embedding)
    if not chat_model():
        await asyncio.to_thread(reranker.load)
    else:
        from ragsite.llm.backends.openai import chat as openai_chat  # noqa: F401
        from ragsite.llm.backends.openai.clients import async_client
        from ragsite.llm.provider import provider

        with suppress(NotConfigured):  # invalid settings are reported where they are used
            async_client(provider())


async def aclose() -> None:
    """Close the connections of the running event loop."""
    # Imported late: importing it takes a second, and where nobody has there is nothing to close.
    if clients := sys.modules.get("ragsite.llm.backends.openai.clients"):
        await clients.aclose()


def preload(embedding: str = "") -> None:
    """Load modules and models without opening a connection, before a worker forks. Never raises.

    `embedding` is the model of the live index; default: the model of a new index.
    """
    if is_configured() or host_of_embedding_provider():
        from ragsite.llm.backends.openai import embeddings  # noqa: F401
    with suppress(LookupError):
        model = embedding_model(embedding or default_embedding_model())
        tokenizer_for(model.name).count("ready")
        if model.is_local:
            local.load()
