"""Choose what to ask: the rows to tick, for the panel at the question box or as a page of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from qa.choices import choice_of, offer, scope_in
from qa.models import Conversation
from ragsite.http.query import MAX_KEY, whole_number
from ragsite.storable import storable_text

if TYPE_CHECKING:
    from ragsite.accounts.requests import SignedInRequest

MAX_QUERY = 200  # characters


@login_required
@require_safe
@never_cache
def scope(request: SignedInRequest) -> HttpResponse:
    """What is ticked in the query string, and what else can be; htmx gets the rows, or the words of the choice alone."""
    choice = choice_of(scope_in(request.GET), request.user)
    context: dict[str, Any] = {"choice": choice, "conversation": _conversation(request)}
    if request.htmx and request.htmx.target == "scope-words":
        return render(request, "qa/_scope_words.html", context)
    query = storable_text(request.GET.get("q", ""))[:MAX_QUERY].strip()
    context |= {"query": query, "offer": offer(request.user, query, choice.scope)}
    return render(request, "qa/_scope_rows.html" if request.htmx else "qa/scope.html", context)


def _conversation(request: SignedInRequest) -> Conversation | None:
    if not (pk := request.GET.get("conversation")):
        return None
    own = Conversation.objects.visible_to(request.user)
    return get_object_or_404(own, pk=whole_number(pk, limit=MAX_KEY) or 0)
