"""Test calls to the chat and embedding models, for the provider page and the doctor command."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from django.utils.translation import gettext_lazy as _

from ragsite.llm.chat.completion import Message
from ragsite.llm.configuration import Role
from ragsite.llm.embeddings.embed import probe_dimensions
from ragsite.llm.embeddings.models import default_embedding_model, host_of_embeddings
from ragsite.llm.errors import BadResponse, ProviderError, Text
from ragsite.llm.provider import chat_model, embedding_provider, host_of_chat, provider

TRIAL_TOKENS = 200  # enough for a reasoning model


@dataclass(frozen=True)
class Trial:
    """The result of a test call, with a message for people."""

    ok: bool
    sentence: Text
    remedy: Text
    kind: str
    ms: int
    model: str
    host: str
    dimensions: int | None = None


@dataclass(frozen=True)
class ProviderTest:
    chat: Trial
    embedding: Trial

    @property
    def ok(self) -> bool:
        return self.chat.ok and self.embedding.ok


def test_provider(embedding: str = "") -> ProviderTest:  # noqa: PT028 (no test)
    """Call both models, even while a breaker is open; success closes it. Never raises ProviderError."""
    return ProviderTest(try_chat(), try_embedding(embedding or default_embedding_model()))


test_provider.__test__ = False  # type: ignore[attr-defined]  # pytest collects by name


def try_chat() -> Trial:
    """Send a short question to the chat model. Never raises ProviderError."""
    from ragsite.llm.backends.openai import chat as openai_chat
    from ragsite.llm.backends.openai import clients

    async def ask() -> None:
        question = Message(role="user", content="Answer with the one word: ready")
        try:
            async for _piece in openai_chat.stream([question], max_tokens=TRIAL_TOKENS, probing=True):
                pass
        except BadResponse as error:
            if error.kind != "cut_off":  # reasoning that fills the limit proves that the model works
                raise
        finally:
            await clients.aclose()

    return _tried(lambda: asyncio.run(ask()), chat_model() or "", host_of_chat())


def try_embedding(model: str) -> Trial:
    """Embed a short text. Never raises ProviderError."""
    return _tried(lambda: probe_dimensions(model, probing=True), model, host_of_embeddings(model))


def list_models(role: Role) -> list[str]:
    """The models that the server of this role offers, sorted. Raises ProviderError."""
    from ragsite.llm.backends.openai import model_list

    return model_list.list_models(provider() if role == Role.CHAT else embedding_provider())


def _tried(act: Callable[[], int | None], model: str, host: str) -> Trial:
    started = monotonic()
    try:
        dimensions = act()
    except ProviderError as error:
        return Trial(False, error.sentence, error.advice, error.kind, _ms_since(started), model, host)
    return Trial(True, _("It answers."), "", "", _ms_since(started), model, host, dimensions)


def _ms_since(started: float) -> int:
    return round((monotonic() - started) * 1000)
