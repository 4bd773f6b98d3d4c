"""The view of a cited passage in its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from qa.models import Citation
from qa.source_view import open_passage
from qa.views.shared import opened_tokens
from ragsite.http.query import whole_number

if TYPE_CHECKING:
    from ragsite.accounts.requests import SignedInRequest


@login_required
@require_safe
def citation(request: SignedInRequest, pk: int) -> HttpResponse:
    """The cited passage in its page: for the panel beside the answer, or without htmx as a whole page."""
    user = request.user
    rows = Citation.objects.visible_to(user) | Citation.objects.of_shares(opened_tokens(request), user)
    rows = rows.with_rights(user).with_serving().select_related("question__conversation")
    row = get_object_or_404(rows, pk=pk)
    wanted = [whole_number(request.GET.get(name)) for name in ("page", "part")]
    before, after = rows.readable_by(user).around(row)
    context = {
        "passage": open_passage(row, user, *wanted),
        "citation": row,
        "before": before,
        "after": after,
    }
    response = render(request, "qa/_source_panel.html" if request.htmx else "qa/source.html", context)
    response["Vary"] = "HX-Request"
    return response
