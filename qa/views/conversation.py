"""Views for reading conversations: the list, one conversation, a source, a rating, deletion."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from qa.answering.history import grouped_by_original
from qa.forms import QuestionForm
from qa.models import Citation, Conversation, Question
from qa.models.question import mark_withheld
from qa.provenance import json_ld
from qa.source_view import open_passage
from ragsite.http.query import whole_number

if TYPE_CHECKING:
    from ragsite.accounts.requests import SignedInRequest

CONVERSATIONS_PER_PAGE = 50


@login_required
@require_safe
@never_cache
def conversations(request: SignedInRequest) -> HttpResponse:
    """The list of all conversations, newest first."""
    shown = Paginator(
        Conversation.objects.visible_to(request.user).select_related("user"), CONVERSATIONS_PER_PAGE
    ).get_page(request.GET.get("page"))
    return render(request, "qa/conversations.html", {"conversations": shown})


@login_required
@require_safe
@never_cache
def conversation(request: SignedInRequest, pk: int) -> HttpResponse:
    """One conversation with its answers and the question box."""
    conversation = get_object_or_404(
        Conversation.objects.visible_to(request.user).select_related("user"), pk=pk
    )
    form = QuestionForm(user=request.user)
    return render(request, "qa/conversation.html", conversation_context(conversation, form))


def conversation_context(conversation: Conversation, form: QuestionForm) -> dict[str, Any]:
    """Return the context of `qa/conversation.html`."""
    rows = Citation.objects.with_serving().with_rights(form.user).order_by("number")
    questions = conversation.questions.select_related("instructions__collection").prefetch_related(
        Prefetch("citations", queryset=rows)
    )
    groups = grouped_by_original(questions)
    mark_withheld(chain.from_iterable(groups), form.user)
    return {
        "conversation": conversation,
        "places": [(rows[-1], rows[:-1]) for rows in groups],
        "form": form,
        "written_answers": json_ld(chain.from_iterable(groups)),
        "is_running": any(rows[-1].is_running for rows in groups),
    }


@login_required
@require_safe
def citation(request: SignedInRequest, pk: int) -> HttpResponse:
    """The cited passage in its page: for the panel beside the answer, or without htmx as a whole page."""
    rows = Citation.objects.visible_to(request.user).with_rights(request.user)
    rows = rows.with_serving().select_related("question__conversation")
    row = get_object_or_404(rows, pk=pk)
    wanted = [whole_number(request.GET.get(name)) for name in ("page", "part")]
    context = {"passage": open_passage(row, request.user, *wanted), "citation": row}
    response = render(request, "qa/_source_panel.html" if request.htmx else "qa/source.html", context)
    response["Vary"] = "HX-Request"
    return response


@login_required
@require_POST
def rate(request: SignedInRequest, pk: int) -> HttpResponse:
    """Save a thumb up, a thumb down or neither."""
    question = get_object_or_404(
        Question.objects.visible_to(request.user).select_related("conversation"), pk=pk
    )
    if (value := request.POST.get("value")) not in ("-1", "0", "1"):
        raise Http404
    question.rating = int(value)
    question.save(update_fields=["rating"])
    return (
        render(request, "qa/_rating.html", {"question": question})
        if request.htmx
        else redirect(question.conversation)
    )


@login_required
@require_POST
def delete(request: SignedInRequest, pk: int) -> HttpResponse:
    """Delete a conversation with its questions and answers."""
    get_object_or_404(Conversation.objects.visible_to(request.user).select_related("user"), pk=pk).delete()
    return HttpResponseClientRedirect(reverse("home")) if request.htmx else redirect("home")
