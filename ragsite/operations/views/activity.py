"""The page "Activity": one query and one template for each part, so that a part can refresh itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.decorators import login_required
from django.contrib.contenttypes.models import ContentType
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from documents.models import Document, Index, Task
from documents.models.states import State
from ragsite import llm
from ragsite.operations import backlog, queueing, spending, stage_times
from ragsite.operations.forms import AttemptFilter
from ragsite.operations.views.access import PAGE_SIZE, operators_only, readable_ids

if TYPE_CHECKING:
    from ragsite.accounts.requests import SignedInRequest

RECENT_ACTIONS = 5


@require_safe
@login_required
@operators_only
def activity_page(request: SignedInRequest) -> HttpResponse:
    if _is_for(request, "ledger"):
        response = activity_part(request, "ledger")
    else:
        context: dict[str, Any] = {}
        for _template, query in PARTS.values():
            context |= query(request)
        response = render(request, "operations/activity.html", context)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])  # one URL, two responses
    return response


@require_safe
@login_required
@operators_only
def activity_part(request: SignedInRequest, part: str) -> HttpResponse:
    """Render one part of the page; the part requests itself every few seconds."""
    if part not in PARTS:
        raise Http404
    template, query = PARTS[part]
    return render(request, template, query(request))


def _query_now(request: SignedInRequest) -> dict[str, Any]:
    seen, due = queueing.snapshot(), queueing.due()
    live, states = Index.objects.live(), backlog.documents_by_state()
    return {
        "seen": seen,
        "due": due,
        "warnings": queueing.warnings(seen, due),
        "well": queueing.running_well(seen, due),
        "states": states,
        "failed_count": dict(states)[State.FAILED],
        "breakers": llm.breakers(),
        "chat_model": llm.chat_model(),
        "embedding_model": live.embedding_model,
        "spent": spending.spent_today(),
        "support": spending.support_today(),
        "prices_date": settings.MODEL_PRICES_DATE,
    }


def _query_trouble(request: SignedInRequest) -> dict[str, Any]:
    waiting = backlog.next_retries()
    return {
        "failed_groups": backlog.groups("failed"),
        "waiting_groups": backlog.groups("waiting"),
        "waiting": waiting,
        "readable": readable_ids(request, waiting),
        "back": _activity_url(request),
    }


def _query_stages(request: SignedInRequest) -> dict[str, Any]:
    period = request.GET.get("period", "")
    period = period if period in stage_times.PERIODS else "day"
    return {
        "period": period,
        "periods": [(name, label) for name, (label, _length) in stage_times.PERIODS.items()],
        "stages": stage_times.stage_times(period),
        "query": request.GET.urlencode(),
    }


def _query_ledger(request: SignedInRequest) -> dict[str, Any]:
    form = AttemptFilter(request.GET)
    found = form.narrow(backlog.attempts())
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(Task))
    pk = form.cleaned_data.get("document")
    return {
        "filter": form,
        "attempts": page,
        "document": Document.objects.defer("embedding").filter(pk=pk).first() if pk else None,
        "readable": readable_ids(request, page),
        "kept_jobs": queueing.kept_jobs(attempt.job_id for attempt in page),
        "query": request.GET.urlencode(),
        "back": _activity_url(request),
        "acts": entries.select_related("user").order_by("-action_time")[:RECENT_ACTIONS],
    }


PARTS = {
    "now": ("operations/_now.html", _query_now),
    "trouble": ("operations/_trouble.html", _query_trouble),
    "stages": ("operations/_stages.html", _query_stages),
    "ledger": ("operations/_ledger.html", _query_ledger),
}


def _activity_url(request: SignedInRequest) -> str:
    query = request.GET.urlencode()
    return reverse("operations:activity") + (f"?{query}" if query else "")


def _is_for(request: SignedInRequest, target: str) -> bool:
    htmx = request.htmx
    return bool(htmx) and htmx.target == target and not htmx.history_restore_request
