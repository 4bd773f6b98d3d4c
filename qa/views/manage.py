"""Views that change a conversation: its name, pin, links and ratings, and its deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from qa.forms import RatingForm, RenameForm, ShareForm
from qa.models import Conversation, Question, Share

if TYPE_CHECKING:
    from ragsite.accounts.requests import SignedInRequest


@login_required
@require_safe
@never_cache
def manage(request: SignedInRequest, pk: int) -> HttpResponse:
    """Name, pin, links, export and deletion: in the panel beside the conversation, or without htmx as a page."""
    return _render(request, _own(request, pk))


@login_required
@require_POST
def rename(request: SignedInRequest, pk: int) -> HttpResponse:
    conversation = _own(request, pk)
    form = RenameForm(request.POST)
    if not form.is_valid():
        return _render(request, conversation, status=422, rename_form=form)
    conversation.title = form.cleaned_data["title"]
    conversation.save(update_fields=["title"])
    return redirect(conversation)


@login_required
@require_POST
def pin(request: SignedInRequest, pk: int) -> HttpResponse:
    """Pin the conversation, or with `pinned=0` let it go."""
    conversation = _own(request, pk)
    conversation.is_pinned = request.POST.get("pinned") != "0"
    conversation.save(update_fields=["is_pinned"])
    return redirect(conversation)


@login_required
@require_POST
def share(request: SignedInRequest, pk: int) -> HttpResponse:
    """Make a link to read the conversation."""
    conversation = _own(request, pk)
    form = ShareForm(request.POST)
    if form.is_valid():
        Share.objects.make(conversation, form.cleaned_data["days"])
        form = ShareForm()
    return _render(request, conversation, status=200 if not form.errors else 422, share_form=form)


@login_required
@require_POST
def revoke(request: SignedInRequest, pk: int) -> HttpResponse:
    """Delete a link: whoever has it sees nothing from now on."""
    row = get_object_or_404(
        Share.objects.visible_to(request.user).select_related("conversation__user"), pk=pk
    )
    row.delete()
    return _render(request, row.conversation)


@login_required
@require_POST
def rate(request: SignedInRequest, pk: int) -> HttpResponse:
    """Save a thumb up, a thumb down or neither, and the reason if one was given."""
    own = Question.objects.visible_to(request.user).select_related("conversation")
    question = get_object_or_404(own, pk=pk)
    form = RatingForm(request.POST)
    if not form.is_valid():
        raise Http404
    question.rating, question.rating_reason = form.cleaned_data["value"], form.cleaned_data["reason"]
    question.save(update_fields=["rating", "rating_reason"])
    if request.htmx:
        return render(request, "qa/_rating.html", {"question": question, "was_rated": True})
    return redirect(question.conversation)


@login_required
@require_POST
def delete(request: SignedInRequest, pk: int) -> HttpResponse:
    """Delete a conversation with its questions and answers."""
    _own(request, pk).delete()
    messages.success(request, _("The conversation was deleted."))
    return HttpResponseClientRedirect(reverse("home")) if request.htmx else redirect("home")


def _own(request: SignedInRequest, pk: int) -> Conversation:
    return get_object_or_404(Conversation.objects.visible_to(request.user).select_related("user"), pk=pk)


def _render(
    request: SignedInRequest, conversation: Conversation, *, status: int = 200, **forms: object
) -> HttpResponse:
    context = {
        "conversation": conversation,
        "rename_form": RenameForm(initial={"title": conversation.title}),
        "share_form": ShareForm(),
        "shares": [
            (row, request.build_absolute_uri(row.get_absolute_url())) for row in conversation.shares.all()
        ],
    } | forms
    template = "qa/_manage.html" if request.htmx else "qa/manage.html"
    response = render(request, template, context, status=200 if request.htmx else status)
    response["Vary"] = "HX-Request"
    return response
