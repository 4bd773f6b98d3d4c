"""Views for reading conversations: the list, and one with its answers."""

from __future__ import annotations

from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from qa.answering.history import grouped_by_original
from qa.choices import mark_asked_of, names_a_scope, scope_in
from qa.forms import QuestionForm
from qa.models import Citation, Conversation, Question
from qa.models.question import mark_withheld
from qa.provenance import json_ld
from ragsite.storable import storable_text

if TYPE_CHECKING:
    from ragsite.accounts.models import User
    from ragsite.accounts.requests import SignedInRequest

CONVERSATIONS_PER_PAGE = 50
MAX_QUERY = 200  # characters


@login_required
@require_safe
@never_cache
def conversations(request: SignedInRequest) -> HttpResponse:
    """The list of all conversations, pinned ones first, then the newest; `?q=` searches them."""
    query = storable_text(request.GET.get("q", ""))[:MAX_QUERY].strip()
    found = Conversation.objects.visible_to(request.user).select_related("user").holding(query)
    shown = Paginator(found, CONVERSATIONS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "qa/conversations.html", {"conversations": shown, "query": query})


@login_required
@require_safe
@never_cache
def conversation(request: SignedInRequest, pk: int) -> HttpResponse:
    """One conversation with its answers and the question box; the address may name what to ask next, as the ask page's."""
    conversation = get_object_or_404(
        Conversation.objects.visible_to(request.user).select_related("user"), pk=pk
    )
    scope = scope_in(request.GET) if names_a_scope(request.GET) else conversation.scope
    form = QuestionForm(user=request.user, scope=scope)
    return render(request, "qa/conversation.html", conversation_context(conversation, form))


def conversation_context(conversation: Conversation, form: QuestionForm) -> dict[str, Any]:
    """Return the context of `qa/conversation.html`."""
    groups = grouped_by_original(_with_sources(conversation.questions.all(), form.user))
    mark_withheld(chain.from_iterable(groups), form.user)
    newest = [rows[-1] for rows in groups]
    mark_asked_of(newest, form.user)
    for before, question in pairwise(newest):
        question.is_asked_of_others = before.scope != question.scope
    return {
        "conversation": conversation,
        "places": [(rows[-1], rows[:-1]) for rows in groups],
        "form": form,
        "written_answers": json_ld(chain.from_iterable(groups)),
        "is_running": any(rows[-1].is_running for rows in groups),
    }


def earlier_answers(question: Question) -> list[Question]:
    """The answers in whose place this one comes, oldest first, as their asker may read them now."""
    original, asker = question.parent_id or question.pk, question.conversation.user
    same = Question.objects.filter(Q(pk=original) | Q(parent=original), pk__lt=question.pk)
    earlier = list(_with_sources(same.order_by("pk"), asker))
    mark_withheld(earlier, asker)
    return earlier


def _with_sources(questions: QuerySet[Question], reader: User) -> QuerySet[Question]:
    rows = Citation.objects.with_serving().with_rights(reader).order_by("number")
    return questions.select_related("instructions__collection").prefetch_related(
        Prefetch("citations", queryset=rows)
    )
