"""The context processor of all pages: navigation and notices."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject, cached_property
from redis.exceptions import RedisError

from documents.models.document import DocumentCounts, counts_for
from documents.work.queue import fail_fast_while_redis_hangs, queue_connection, workers_alive
from qa.models import Conversation
from ragsite import __version__, llm
from ragsite.accounts.models import User
from ragsite.postgresql.compiled import Compiled


def site(request: HttpRequest) -> dict[str, Any]:
    """Values are lazy: a page that does not show them runs no queries for them."""
    return {
        "version": __version__,
        "theme": request.COOKIES.get("theme", "")
        if request.COOKIES.get("theme") in ("light", "dark")
        else "",
        # A request that is rejected early has no user.
        "nav": Navigation(
            getattr(request, "user", None) or AnonymousUser(), getattr(request, "document_counts", None)
        ),
        "llm_mode": "written" if llm.chat_model() else "quoted",
        "breaker_notice": SimpleLazyObject(lambda: ((opened := llm.breaker()) and opened.sentence) or ""),
        "search_notice": SimpleLazyObject(
            lambda: ((opened := llm.embedding_breaker()) and opened.sentence) or ""
        ),
    }


MENU_CONVERSATIONS = 20  # a page of their own lists all and searches them


def _newest_conversations(person: int) -> QuerySet[Any, Any]:
    found = Conversation.objects.visible_to(User(pk=person))
    return found.values_list("pk", "title", "updated_at")[:MENU_CONVERSATIONS]


NEWEST_CONVERSATIONS = Compiled(_newest_conversations)


class Navigation:
    """The sidebar of every page. Each property runs its query when a template uses it."""

    def __init__(self, user: Any, counts: DocumentCounts | None = None) -> None:
        """`counts`: those of the person's documents, if the view has counted already."""
        self.user = user
        self._counts = counts

    @cached_property
    def newest_conversations(self) -> list[Conversation]:
        if not self.user.is_active:
            return []
        rows = NEWEST_CONVERSATIONS.rows(self.user.pk)
        return [Conversation(pk=pk, title=title, updated_at=moment) for pk, title, moment in rows]

    @property
    def conversations_by_day(self) -> list[list[Conversation]]:
        """The newest conversations, those of one day in the visitor's time zone together."""
        days = groupby(
            self.newest_conversations, lambda conversation: timezone.localdate(conversation.updated_at)
        )
        return [list(conversations) for _day, conversations in days]

    @cached_property
    def documents(self) -> DocumentCounts:
        return self._counts or counts_for(self.user)

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
