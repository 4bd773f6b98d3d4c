"""Which models are used: those of the environment, else those that an operator saved in the page.

Saved ones are read again after LLM_RELOAD_SECONDS, so that a change is in effect in every process without a restart.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection, models, transaction
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Role(models.TextChoices):
    CHAT = "chat", _("Answers")
    EMBEDDING = "embedding", _("Search")


@dataclass(frozen=True)
class ModelSettings:
    """A model and its server. Empty fields are unset; the repr contains neither address, key nor headers."""

    base_url: str = field(default="", repr=False)  # may contain a password; empty: OpenAI
    api_key: str = field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    model: str = ""
    # Of a chat model its context window, of an embedding model its input limit.
    max_tokens: int | None = None
    query_prefix: str | None = None
    passage_prefix: str | None = None
    is_saved: bool = False


Saved = Mapping[tuple[Role, str], ModelSettings]  # by role and model; the default embedding model also by ""

_trial: ContextVar[Saved | None] = ContextVar("trial", default=None)


def chat() -> ModelSettings:
    """The chat model; without address and key if none is set up."""
    if (trial := _trial.get()) and (Role.CHAT, "") in trial:
        return trial[Role.CHAT, ""]
    if is_set_by_environment(Role.CHAT):
        return _chat_of_environment()
    return _saved().get((Role.CHAT, "")) or _chat_of_environment()


def embedding(model: str = "") -> ModelSettings:
    """The server of this embedding model and what is set for it; default: of the model of a new index."""
    trial = _trial.get() or {}
    if found := trial.get((Role.EMBEDDING, model)) or trial.get((Role.EMBEDDING, "")):
        return found
    if is_set_by_environment(Role.EMBEDDING):
        return _embedding_of_environment()
    return _saved().get((Role.EMBEDDING, model)) or _embedding_of_environment()


def is_set_by_environment(role: Role) -> bool:
    """Whether environment variables choose the server of this role; saved connections are then ignored."""
    if role == Role.CHAT:
        return bool(settings.OPENAI_API_KEY or settings.OPENAI_BASE_URL)
    return bool(settings.EMBEDDING_API_KEY or settings.EMBEDDING_BASE_URL or settings.EMBEDDING_MODEL)


@contextmanager
def trying(role: Role, candidate: ModelSettings) -> Iterator[None]:
    """Use the candidate instead of what is set up, within this context only."""
    token = _trial.set({(role, ""): candidate})
    try:
        yield
    finally:
        _trial.reset(token)


def _chat_of_environment() -> ModelSettings:
    return ModelSettings(
        base_url=settings.OPENAI_BASE_URL,
        api_key=settings.OPENAI_API_KEY,
        headers=tuple(settings.OPENAI_EXTRA_HEADERS.items()),
        model=settings.CHAT_MODEL,
    )


def _embedding_of_environment() -> ModelSettings:
    return ModelSettings(
        base_url=settings.EMBEDDING_BASE_URL,
        api_key=settings.EMBEDDING_API_KEY,
        headers=tuple(settings.EMBEDDING_EXTRA_HEADERS.items()),
        model=settings.EMBEDDING_MODEL,
        max_tokens=settings.EMBEDDING_MAX_TOKENS,
        query_prefix=settings.EMBEDDING_QUERY_PREFIX,
        passage_prefix=settings.EMBEDDING_PASSAGE_PREFIX,
    )


# --- what this process knows of the saved connections

_known: Saved | None = None
_read_at = 0.0
_reading = threading.Lock()


def forget() -> None:
    """Read the saved connections again at the next use in this process."""
    global _read_at
    _read_at = 0.0


def start_without_saved() -> None:
    """Take nothing as saved until LLM_RELOAD_SECONDS have passed; for tests, whose rows are gone."""
    global _known, _read_at
    _known, _read_at = {}, monotonic()


def _saved() -> Saved:
    """What is saved. On an event loop, where the database must not be asked, what was read last."""
    global _known, _read_at
    if _known is not None and (_is_fresh() or _on_event_loop()):
        return _known
    with _reading:  # one thread reads, the others wait a millisecond for it
        if _known is None or not _is_fresh():
            _read_at = monotonic()
            _known = _read()
        return _known


def _is_fresh() -> bool:
    return bool(_read_at and monotonic() - _read_at < settings.LLM_RELOAD_SECONDS)


def _on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _read() -> Saved:
    """Ask the database; keep what is known while it is away or not migrated yet."""
    try:
        if _on_event_loop():  # only before any thread has read
            with ThreadPoolExecutor(1) as thread:
                return thread.submit(_query).result()
        return _query()
    except DatabaseError:
        return _known or {}


def _query() -> Saved:
    was_open = connection.connection is not None
    guard: AbstractContextManager[None] = (
        transaction.atomic() if connection.in_atomic_block else nullcontext()
    )
    try:
        with guard:
            rows = list(apps.get_model("llm", "Connection").objects.order_by("changed_at", "pk"))
    finally:
        if not was_open:
            connection.close()
    found = {(Role(row.role), row.model): row.as_settings() for row in rows}
    # The newest of a role comes last, and is its default.
    return found | {(role, ""): row for (role, _model), row in found.items()}


def _renew_lock() -> None:
    global _reading
    _reading = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)  # a thread may have been reading at the fork
