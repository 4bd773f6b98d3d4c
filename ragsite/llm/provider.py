"""Which providers the settings name, for answers and for embeddings: the only reader of their keys."""

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from urllib.parse import urlsplit

from django.conf import settings

from .endpoint import Endpoint, endpoint_of
from .errors import NotConfigured

OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True)
class Provider:
    """An OpenAI-compatible server. Its key and its headers are in no repr."""

    base_url: str = field(repr=False)  # may carry a password
    api_key: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    key_name: str = field(default="OPENAI_API_KEY", compare=False)  # the variable that the key came from

    @cached_property
    def endpoint(self) -> Endpoint:
        """The address taken apart: where each call goes."""
        return endpoint_of(self.base_url)

    @property
    def address_is_shared(self) -> bool:
        """Whether chat and embeddings are asked at the same address."""
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
        """Tells one account from another without saying anything about the key."""
        account = f"{self.base_url}\0{self.api_key}" + (f"\0{self.headers}" if self.headers else "")
        return sha256(account.encode()).hexdigest()[:16]


def provider() -> Provider:
    """The provider of answers; NotConfigured where there is none or its settings cannot work."""
    return _provider(settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY, "OPENAI_API_KEY")


def embedding_provider() -> Provider:
    """The provider of embeddings, which is the same where no other is set; NotConfigured as above."""
    return _provider(*_embedding_settings())


def _embedding_settings() -> tuple[str, str, str]:
    """Address, key, and the variable that the key is in. A key is for one address and never sent to another."""
    url = settings.EMBEDDING_BASE_URL or settings.OPENAI_BASE_URL
    if settings.EMBEDDING_API_KEY or url.rstrip("/") != settings.OPENAI_BASE_URL.rstrip("/"):
        return url, settings.EMBEDDING_API_KEY, "EMBEDDING_API_KEY"
    return url, settings.OPENAI_API_KEY, "OPENAI_API_KEY"


def _provider(base_url: str, api_key: str, key_name: str) -> Provider:
    if not (base_url or api_key):
        raise NotConfigured
    headers = settings.OPENAI_EXTRA_HEADERS
    if key_name == "EMBEDDING_API_KEY":
        headers = settings.EMBEDDING_EXTRA_HEADERS
    found = Provider(base_url or OPENAI_URL, api_key or "unused", tuple(headers.items()), key_name)
    # A stray quote, space or line break would otherwise come out as an error that quotes the key.
    if not (found.api_key.isascii() and found.api_key.isprintable() and " " not in found.api_key):
        raise NotConfigured(key_name, kind="bad_settings")
    if not found.base_url.startswith(("http://", "https://")) or not found.host:
        raise NotConfigured(key_name.replace("API_KEY", "BASE_URL"), kind="bad_settings")
    return found


def is_configured() -> bool:
    """Whether some provider can be asked for answers."""
    return bool(settings.OPENAI_API_KEY or settings.OPENAI_BASE_URL)


def embeds_at_openai() -> bool:
    """Whether there is a key for embeddings at OpenAI itself."""
    url, key, _name = _embedding_settings()
    return bool(key) and (not url or (bool(settings.EMBEDDING_BASE_URL) and Provider(url, key).is_openai))


def chat_model() -> str | None:
    """The model that writes answers; None where no provider is configured and answers are quotes."""
    return settings.CHAT_MODEL or None if is_configured() else None


def host_of_chat() -> str:
    """The host that answers are sent to, for display; empty where there is none."""
    return host_of(settings.OPENAI_BASE_URL or OPENAI_URL) if chat_model() else ""


def host_of_embedding_provider() -> str:
    """The host that texts to be embedded are sent to, for display; empty where there is none."""
    url, key, _name = _embedding_settings()
    return host_of(url or OPENAI_URL) if url or key else ""


def host_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    return f"{host}:{port}" if port else host
