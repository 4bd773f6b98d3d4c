"""The configured providers for answers and embeddings. The only module that reads their keys."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from urllib.parse import urlsplit

from django.conf import settings

from ragsite.llm.endpoint import Endpoint, endpoint_of
from ragsite.llm.errors import NotConfigured

OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True)
class Provider:
    """An OpenAI-compatible server. Its repr contains neither key nor headers."""

    base_url: str = field(repr=False)  # may contain a password
    api_key: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    key_name: str = field(default="OPENAI_API_KEY", compare=False)  # the variable that sets the key

    @cached_property
    def endpoint(self) -> Endpoint:
        """The parsed address."""
        return endpoint_of(self.base_url)

    @property
    def address_is_shared(self) -> bool:
        """Whether chat and embeddings share the address."""
        return self.base_url == settings.OPENAI_BASE_URL

    @property
    def is_openai(self) -> bool:
        return self.host == "api.openai.com" or self.host.endswith(".api.openai.com")  # eu., us.

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


def embedding_provider() -> Provider:
    """The embedding provider, by default the chat provider. Raises NotConfigured likewise."""
    return _checked(_embedding_server())


def _chat_server() -> Provider:
    headers = tuple(settings.OPENAI_EXTRA_HEADERS.items())
    return Provider(settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY, headers)


def _embedding_server() -> Provider:
    """Keys and headers belong to one address: those of the chat provider are never sent to another."""
    server, own = _chat_server(), tuple(settings.EMBEDDING_EXTRA_HEADERS.items())
    url, key = settings.EMBEDDING_BASE_URL or server.base_url, settings.EMBEDDING_API_KEY
    if url.rstrip("/") != server.base_url.rstrip("/"):
        return Provider(url, key, own, "EMBEDDING_API_KEY")
    headers = server.headers + own
    return (
        Provider(server.base_url, key, headers, "EMBEDDING_API_KEY")
        if key
        else replace(server, headers=headers)
    )


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
    return bool(settings.OPENAI_API_KEY or settings.OPENAI_BASE_URL)


def embeds_at_openai() -> bool:
    """Whether a key for OpenAI's own embeddings is configured."""
    server = _embedding_server()
    is_openai = not server.base_url or (bool(settings.EMBEDDING_BASE_URL) and server.is_openai)
    return bool(server.api_key) and is_openai


def chat_model() -> str | None:
    """The model that writes answers; None if no provider is configured and answers are quotes."""
    return settings.CHAT_MODEL or None if is_configured() else None


def host_of_chat() -> str:
    """The host of the chat provider for display; empty if there is none."""
    return host_of(settings.OPENAI_BASE_URL or OPENAI_URL) if chat_model() else ""


def host_of_embedding_provider() -> str:
    """The host of the embedding provider for display; empty if there is none."""
    server = _embedding_server()
    return host_of(server.base_url or OPENAI_URL) if server.base_url or server.api_key else ""


def host_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    return f"{host}:{port}" if port else host
