"""Which provider the settings name: the only reader of its key."""

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
    """The configured provider; NotConfigured where there is none or its settings cannot work."""
    if not is_configured():
        raise NotConfigured
    found = Provider(
        settings.OPENAI_BASE_URL or OPENAI_URL, settings.OPENAI_API_KEY or "unused", extra_headers()
    )
    # A stray quote, space or line break would otherwise come out as an error that quotes the key.
    if not (found.api_key.isascii() and found.api_key.isprintable() and " " not in found.api_key):
        raise NotConfigured("OPENAI_API_KEY", kind="bad_settings")
    if not found.base_url.startswith(("http://", "https://")) or not found.host:
        raise NotConfigured("OPENAI_BASE_URL", kind="bad_settings")
    return found


def extra_headers() -> tuple[tuple[str, str], ...]:
    """What OPENAI_EXTRA_HEADERS adds to every request."""
    return tuple(settings.OPENAI_EXTRA_HEADERS.items())


def is_configured() -> bool:
    return bool(settings.OPENAI_API_KEY or settings.OPENAI_BASE_URL)


def chat_model() -> str | None:
    """The model that writes answers; None where no provider is configured and answers are quotes."""
    return settings.CHAT_MODEL or None if is_configured() else None


def host_of_chat() -> str:
    """The host that answers are sent to, for display; empty where there is none."""
    return host_of_provider() if chat_model() else ""


def host_of_provider() -> str:
    return host_of(settings.OPENAI_BASE_URL or OPENAI_URL) if is_configured() else ""


def host_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    return f"{host}:{port}" if port else host
