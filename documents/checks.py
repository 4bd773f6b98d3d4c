"""What `manage.py check` says of settings that would only hurt later."""

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
        hint = "Set OPENAI_API_KEY, or install requirements-local.txt for embeddings made on this machine."
        return [Warning("No embedding model can be used: documents will wait.", hint=hint, id="ragsite.W001")]
    return []


@register()
def provider_address_is_an_address(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    hint = "It looks like http://127.0.0.1:11434/v1"
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
        return [Warning("A server for embeddings is set, and no model of it.", hint=hint, id="ragsite.W003")]
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
        hint = (
            "Give the cache a database or a server of its own: a full cache must never push out queued work."
        )
        return [Warning("CACHE_URL and REDIS_URL are the same.", hint=hint, id="ragsite.W002")]
    return []


@register()
def loaders_are_functions(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for key, path in settings.DOCUMENT_LOADERS.items():
        module = path.rpartition(".")[0]
        try:
            is_there = bool(module) and find_spec(module) is not None
        except (ImportError, ValueError):
            is_there = False
        if not is_there:
            hint = "Install its package, or mend the path: package.module.function."
            found.append(
                Error(f"DOCUMENT_LOADERS: {path!r} for {key!r} is not there.", hint=hint, id="ragsite.E002")
            )
    return found
