"""The providers of answers and embeddings, as they are set up."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from urllib.parse import urlsplit

from django.conf import settings

from ragsite.llm import configuration
from ragsite.llm.configuration import ModelSettings
from ragsite.llm.endpoint import Endpoint, endpoint_of
from ragsite.llm.errors import NotConfigured

OPENAI_URL = "https://api.openai.com/v1"
# Unless they are set: most servers of one's own have small windows, and load a model at its first question.
CONTEXT_TOKENS, CONTEXT_TOKENS_AT_OPENAI = 3_500, 8_192
FIRST_TOKEN_SECONDS, FIRST_TOKEN_SECONDS_AT_OPENAI = 300, 60
BATCH_TEXTS, BATCH_TEXTS_AT_OPENAI = 32, 2_048


@dataclass(frozen=True)
class Provider:
    """An OpenAI-compatible server. Its repr contains neither key nor headers."""

    base_url: str = field(repr=False)  # may contain a password
    api_key: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    # The variable that sets the key; empty for a key saved in the page.
    key_name: str = field(default="OPENAI_API_KEY", compare=False)

    @cached_property
    def endpoint(self) -> Endpoint:
        """The parsed address."""
        return endpoint_of(self.base_url)

    @property
    def address_is_shared(self) -> bool:
        """Whether chat and embeddings share the address."""
        return self.base_url == configuration.chat().base_url

    @property
    def is_openai(self) -> bool:
        return self.host == "api.openai.com" or self.host.endswith(".api.openai.com")  # eu., us.

    @property
    def first_token_timeout(self) -> float:
        """Seconds to wait for the first token, and for embeddings."""
        by_server = FIRST_TOKEN_SECONDS_AT_OPENAI if self.is_openai else FIRST_TOKEN_SECONDS
        return float(settings.LLM_FIRST_TOKEN_TIMEOUT or by_server)

    @property
    def batch_texts(self) -> int:
        """The most texts of one embedding request, before the server's own limit is known."""
        by_server = BATCH_TEXTS_AT_OPENAI if self.is_openai else BATCH_TEXTS
        return int(settings.EMBEDDING_BATCH_TEXTS or by_server)

    @property
    def host(self) -> str:
        """Name and port for display, without any credentials."""
        return host_of(self.base_url)

    @property
    def fingerprint(self) -> str:
        """A hash that identifies the account without revealing the key."""
        account = f"{self.base_url}\0{self.api_key}" + (f"\0{self.headers}" if self.headers else "")
        return sha256(account.encode()).hexdigest()[:16]


def provider() -> Provider:
    """The chat provider. Raises NotConfigured if there is none or its settings are invalid."""
    return _checked(_chat_server())


def embedding_provider(model: str = "") -> Provider:
    """The provider of this embedding model, by default the chat provider. Raises NotConfigured likewise."""
    return _checked(_embedding_server(model))


def _chat_server() -> Provider:
    return _server_of(configuration.chat(), "OPENAI_API_KEY")


def _embedding_server(model: str = "") -> Provider:
    """Keys and headers belong to one address: those of the chat provider are never sent to another."""
    server, own = _chat_server(), configuration.embedding(model)
    separate = _server_of(own, "EMBEDDING_API_KEY")
    url = own.base_url or server.base_url
    if url.rstrip("/") != server.base_url.rstrip("/"):
        return separate
    headers = server.headers + own.headers
    if own.api_key:
        return replace(separate, base_url=server.base_url, headers=headers)
    return replace(server, headers=headers)


def _server_of(chosen: ModelSettings, key_name: str) -> Provider:
    return Provider(chosen.base_url, chosen.api_key, chosen.headers, "" if chosen.is_saved else key_name)


def _checked(server: Provider) -> Provider:
    if not (server.base_url or server.api_key):
        raise NotConfigured
    found = replace(server, base_url=server.base_url or OPENAI_URL, api_key=server.api_key or "unused")
    # A stray quote, space or line break would cause an error whose message quotes the key.
    if not (found.api_key.isascii() and found.api_key.isprintable() and " " not in found.api_key):
        raise NotConfigured(found.key_name, kind="bad_settings")
    if not found.base_url.startswith(("http://", "https://")) or not found.host:
        raise NotConfigured(found.key_name.replace("API_KEY", "BASE_URL"), kind="bad_settings")
    return found


def is_configured() -> bool:
    """Whether a chat provider is configured."""
    chosen = configuration.chat()
    return bool(chosen.api_key or chosen.base_url)


def embeds_at_openai() -> bool:
    """Whether a key for OpenAI's own embeddings is configured."""
    server = _embedding_server()
    is_own = bool(configuration.embedding().base_url)
    is_openai = not server.base_url or ((is_own or not server.key_name) and server.is_openai)
    return bool(server.api_key) and is_openai


def chat_model() -> str | None:
    """The model that writes answers; None if no provider is configured and answers are quotes."""
    return configuration.chat().model or None if is_configured() else None


def context_tokens() -> int:
    """The context window of the chat model that prompts must fit, answer included."""
    chosen = configuration.chat()
    is_openai = _server_of(chosen, "").is_openai or not chosen.base_url
    by_server = CONTEXT_TOKENS_AT_OPENAI if is_openai else CONTEXT_TOKENS
    return int(settings.CHAT_CONTEXT_TOKENS or chosen.max_tokens or by_server)


def host_of_chat() -> str:
    """The host of the chat provider for display; empty if there is none."""
    return host_of(configuration.chat().base_url or OPENAI_URL) if chat_model() else ""


def host_of_embedding_provider(model: str = "") -> str:
    """The host of the embedding provider for display; empty if there is none."""
    server = _embedding_server(model)
    return host_of(server.base_url or OPENAI_URL) if server.base_url or server.api_key else ""


def host_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    return f"{host}:{port}" if port else host
