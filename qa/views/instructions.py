"""The answering instructions of a collection, for its owners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from documents.models import Collection
from qa.forms import InstructionsForm
from qa.models import Instructions
from ragsite import llm

if TYPE_CHECKING:
    from ragsite.accounts.requests import SignedInRequest

SHOWN_VERSIONS = 20


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def instructions(request: SignedInRequest, pk: int) -> HttpResponse:
    """Show the instructions and their earlier versions; save a new version."""
    collection = get_object_or_404(Collection.objects.owned_by(request.user), pk=pk)
    versions = Instructions.objects.filter(collection=collection).select_related("author")
    form = InstructionsForm(request.POST or None, collection=collection, newest=versions.first())
    if form.is_valid():
        version = form.save(request.user)
        saved = _("Version {} of the answering instructions of “<bdi>{}</bdi>” is in use.")
        messages.success(request, format_html(saved, version.number, collection.name))
        return redirect("qa:instructions", pk)
    context = {
        "collection": collection,
        "form": form,
        "versions": versions[:SHOWN_VERSIONS],
        "has_model": bool(llm.chat_model()),
    }
    return render(request, "qa/instructions.html", context, status=400 if form.errors else 200)
