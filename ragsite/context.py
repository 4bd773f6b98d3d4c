"""What every page shows around its content."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from ragsite import __version__, llm


def site(request: HttpRequest) -> dict[str, Any]:
    """Lazy: a page, or a part of one, that shows none of it pays for none of it."""
    return {
        "version": __version__,
        "theme": request.COOKIES.get("theme", "")
        if request.COOKIES.get("theme") in ("light", "dark")
        else "",
        "nav": SimpleLazyObject(lambda: navigation(request.user)),
        "llm_mode": "written" if llm.chat_model() else "quoted",
        "breaker_notice": SimpleLazyObject(lambda: ((opened := llm.breaker()) and opened.sentence) or ""),
    }


def navigation(user: Any) -> SimpleNamespace:
    from documents.models import Document
    from qa.models import Conversation

    if not user.is_authenticated:
        return SimpleNamespace(
            conversations=[], document_count=0, failed_count=0, is_operator=False, no_worker=False
        )
    documents = Document.objects.visible_to(user)
    return SimpleNamespace(
        conversations=list(Conversation.objects.visible_to(user)[:30]),
        document_count=documents.count(),
        failed_count=documents.failed().count(),
        is_operator=user.is_operator,
        no_worker=SimpleLazyObject(no_worker),
    )


def no_worker() -> bool:
    """Whether nobody is there to read documents, so that a page can say so."""
    from documents.jobs import workers_alive

    return workers_alive() == 0
