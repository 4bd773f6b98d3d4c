"""The context processor of all pages: navigation and notices."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject, cached_property
from redis.exceptions import RedisError

from documents.models import Document
from documents.work.queue import fail_fast_while_redis_hangs, queue_connection, workers_alive
from qa.models import Conversation
from ragsite import __version__, llm


def site(request: HttpRequest) -> dict[str, Any]:
    """Values are lazy: a page that does not show them runs no queries for them."""
    return {
        "version": __version__,
        "theme": request.COOKIES.get("theme", "")
        if request.COOKIES.get("theme") in ("light", "dark")
        else "",
        # A request that is rejected early has no user.
        "nav": Navigation(getattr(request, "user", None) or AnonymousUser()),
        "llm_mode": "written" if llm.chat_model() else "quoted",
        "breaker_notice": SimpleLazyObject(lambda: ((opened := llm.breaker()) and opened.sentence) or ""),
        "search_notice": SimpleLazyObject(
            lambda: ((opened := llm.embedding_breaker()) and opened.sentence) or ""
        ),
    }


MENU_CONVERSATIONS = 20  # a separate page lists all


class Navigation:
    """The sidebar of every page. Each property runs its query when a template uses it."""

    def __init__(self, user: Any) -> None:
        self.user = user

    @cached_property
    def newest_conversations(self) -> list[Conversation]:
        return list(Conversation.objects.visible_to(self.user)[: MENU_CONVERSATIONS + 1])

    @property
    def conversations(self) -> list[Conversation]:
        return self.newest_conversations[:MENU_CONVERSATIONS]

    @property
    def has_more_conversations(self) -> bool:
        return len(self.newest_conversations) > MENU_CONVERSATIONS

    @cached_property
    def document_count(self) -> int:
        return Document.objects.visible_to(self.user).count()

    @cached_property
    def failed_count(self) -> int:
        return Document.objects.visible_to(self.user).failed().count()

    @cached_property
    def is_operator(self) -> bool:
        return self.user.is_authenticated and self.user.is_operator

    @cached_property
    def no_worker(self) -> bool | None:
        """Whether no worker is running; None if Redis is not available."""
        if not self.user.is_authenticated:
            return False
        try:
            with fail_fast_while_redis_hangs():
                return workers_alive(queue_connection()) == 0
        except RedisError:
            return None
