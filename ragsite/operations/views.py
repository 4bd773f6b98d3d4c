"""Operators' pages: they look at the whole site, and each needs the permission to operate it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.decorators import login_required, permission_required
from django.contrib.contenttypes.models import ContentType
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from documents.ingestion import estimates, rebuild
from documents.models import Document, Index, Task
from documents.models.index import IndexState
from documents.models.task import TaskQuerySet
from documents.work import replay as replays
from ragsite import llm
from ragsite.operations import backlog, queueing, spending, stage_times
from ragsite.operations.forms import AttemptFilter, NewIndexForm, WorkFilter

if TYPE_CHECKING:
    from ragsite.accounts.requests import SignedInRequest

logger = logging.getLogger("ragsite.operations")
operators_only = permission_required("documents.operate", raise_exception=True)

ON_A_PAGE = 50
LAST_ACTS = 5


@require_safe
@login_required
@operators_only
def provider(request: HttpRequest) -> HttpResponse:
    return render(request, "operations/provider.html", about_provider() | {"form": NewIndexForm()})


@require_POST
@login_required
@operators_only
def test_provider(request: HttpRequest) -> HttpResponse:
    """One real call to each model; it may cost a fraction of a cent."""
    test = llm.test_provider(Index.objects.live_model())
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "operations/_provider_test.html", {"test": test})
    return render(
        request, "operations/provider.html", about_provider() | {"form": NewIndexForm(), "test": test}
    )


@require_POST
@login_required
@operators_only
def build_index(request: HttpRequest) -> HttpResponse:
    """First says what it would cost; with `confirmed`, begins."""
    form = NewIndexForm(request.POST)
    if not form.is_valid():
        return render(request, "operations/provider.html", about_provider() | {"form": form}, status=422)
    model = form.cleaned_data["model"]
    if not request.POST.get("confirmed"):
        question = {
            "form": form,
            "estimate": estimates.of_reindexing(model),
            "model": llm.embedding_model(model),
        }
        return render(request, "operations/provider.html", about_provider() | question)
    try:
        rebuild.begin(model)
    except llm.ProviderError as error:
        messages.error(request, f"{error.sentence} {error.advice}")
    else:
        messages.success(
            request, _("The new index is being built. It goes live by itself when it is complete.")
        )
    return redirect("operations:provider")


def about_provider() -> dict[str, object]:
    embedding = Index.objects.live_model() or llm.default_embedding_model()
    host = llm.host_of_embeddings(embedding)
    return {
        "chat_model": llm.chat_model(),
        "chat_host": llm.host_of_chat() if llm.chat_model() else "",
        "embedding_model": embedding,
        "embedding_host": host,
        "embeds_here": not host,
        "indexes": Index.objects.exclude(state=IndexState.DRAFT)[:10],
        "breakers": llm.breakers(),
        "has_key": bool(settings.OPENAI_API_KEY),
        "base_url_set": bool(settings.OPENAI_BASE_URL),
        "default_chat_model": settings.CHAT_MODEL,
        "prices_date": settings.MODEL_PRICES_DATE,
    }


@require_safe
@login_required
@operators_only
def activity_page(request: SignedInRequest) -> HttpResponse:
    if is_for(request, "ledger"):
        response = activity_part(request, "ledger")
    else:
        context: dict[str, Any] = {}
        for _template, query in PARTS.values():
            context |= query(request)
        response = render(request, "operations/activity.html", context)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])  # one address, two answers
    return response


@require_safe
@login_required
@operators_only
def activity_part(request: SignedInRequest, part: str) -> HttpResponse:
    """A part of the page as it is now: it asks for itself every few seconds."""
    if part not in PARTS:
        raise Http404
    template, query = PARTS[part]
    return render(request, template, query(request))


@require_safe
@login_required
@operators_only
def work(request: SignedInRequest) -> HttpResponse:
    """What failed, waits or is open, one by one."""
    form = WorkFilter(request.GET if "state" in request.GET else {"state": "failed", **request.GET.dict()})
    found = form.narrow().with_document().order_by("-changed_at", "-pk")
    shown = Paginator(found, ON_A_PAGE).get_page(request.GET.get("page"))
    shown.object_list = backlog.described(shown.object_list)
    context = {
        "form": form,
        "tasks": shown,
        "readable": readable(request, shown),
        "back": request.get_full_path(),
    }
    return render(request, "operations/work.html", context)


@require_POST
@login_required
@operators_only
def replay(request: SignedInRequest) -> HttpResponse:
    """The chosen, a group, or all of a search that is not done."""
    count = replays.replay(chosen_work(request.POST, "replay"))
    sentence = ngettext("%d piece of work is on the queue again.", "%d are on the queue again.", count)
    return after_verb(request, "replay", count, sentence % count)


@require_POST
@login_required
@operators_only
def cancel(request: SignedInRequest) -> HttpResponse:
    count = replays.cancel(chosen_work(request.POST, "cancel"))
    sentence = ngettext("%d piece of work was cancelled.", "%d were cancelled.", count)
    return after_verb(request, "cancel", count, sentence % count)


def chosen_work(chosen: QueryDict, verb: str) -> TaskQuerySet:
    """What a form means by `scope`: attempts or work by their ids, a group, or a search. None where it makes no sense."""
    pks = [int(pk) for pk in chosen.getlist("chosen") if pk.isdecimal() and len(pk) < 19]
    scopes = {
        "work": lambda: Task.objects.filter(pk__in=pks),
        "attempts": lambda: backlog.of_attempts(pks),
        "group": lambda: found_in_group(chosen, verb),
        "search": lambda: found_by_search(QueryDict(chosen.get("search", "")), verb),
    }
    meant = scopes.get(chosen.get("scope", ""), Task.objects.none)
    return meant().order_by()


def found_by_search(search: QueryDict, verb: str) -> TaskQuerySet:
    form = AttemptFilter(search)
    found = form.narrow(backlog.attempts())
    if not form.is_valid():  # a field that is not understood narrows nothing, and nobody meant everything
        return Task.objects.none()
    return helped(backlog.unfinished(found, with_failed=verb == "replay"), verb)


def found_in_group(chosen: QueryDict, verb: str) -> TaskQuerySet:
    found = WorkFilter(chosen).narrow()
    return found if chosen.get("error_kind") else helped(found, verb)


def helped(found: TaskQuerySet, verb: str) -> TaskQuerySet:
    """Where nobody named a failure or chose one by one, no try is made that is known to be in vain."""
    return backlog.helped(found) if verb == "replay" else found


def after_verb(request: SignedInRequest, verb: str, count: int, sentence: str) -> HttpResponse:
    """Says what was done, leaves a trace of it, and goes back to where the form was."""
    if count:
        messages.success(request, sentence)
        leave_trace(request, verb, count)
    else:
        messages.info(request, _("There was nothing to do: choose some work that is not done."))
    back = request.POST.get("back", "")
    is_ours = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return redirect(back if is_ours else reverse("operations:activity"))


def leave_trace(request: SignedInRequest, verb: str, count: int) -> None:
    """One entry an act in the administration's log, and one line on stdout (which never holds a title or a search)."""
    scope = request.POST.get("scope", "")
    named = ", ".join(request.POST.getlist("chosen")[:20])
    group = " ".join(request.POST.get(name, "") for name in ("state", "kind", "error_kind"))
    search = request.POST.get("search", "")
    details = {"work": named, "attempts": named, "group": " ".join(group.split()), "search": search}[scope]
    logger.info("user=%s verb=%s count=%s scope=%s", request.user.pk, verb, count, scope)
    LogEntry.objects.create(
        user=request.user,
        content_type=ContentType.objects.get_for_model(Task),
        object_repr=f"{verb} {count}",
        action_flag=CHANGE,
        change_message=f"{verb} {count}: {scope} {details}"[:2000],
    )


def about_now(request: SignedInRequest) -> dict[str, Any]:
    seen, work = queueing.queueing(), queueing.due()
    live = Index.objects.live()
    return {
        "seen": seen,
        "due": work,
        "warnings": queueing.warnings(seen, work),
        "states": backlog.documents_by_state(),
        "breakers": llm.breakers(),
        "chat_model": llm.chat_model(),
        "embedding_model": live.embedding_model,
        "spent": spending.spent_today(),
        "prices_date": settings.MODEL_PRICES_DATE,
    }


def about_trouble(request: SignedInRequest) -> dict[str, Any]:
    waiting = backlog.waiting()
    return {
        "failed_groups": backlog.groups("failed"),
        "waiting_groups": backlog.groups("waiting"),
        "waiting": waiting,
        "readable": readable(request, waiting),
        "back": activity_address(request),
    }


def about_stages(request: SignedInRequest) -> dict[str, Any]:
    period = request.GET.get("period", "")
    period = period if period in stage_times.PERIODS else "day"
    return {
        "period": period,
        "periods": [(name, label) for name, (label, _length) in stage_times.PERIODS.items()],
        "stages": stage_times.stage_times(period),
        "query": request.GET.urlencode(),
    }


def about_ledger(request: SignedInRequest) -> dict[str, Any]:
    form = AttemptFilter(request.GET)
    found = form.narrow(backlog.attempts())
    shown = Paginator(found, ON_A_PAGE).get_page(request.GET.get("page"))
    entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(Task))
    pk = form.cleaned_data.get("document")
    return {
        "filter": form,
        "attempts": shown,
        "document": Document.objects.defer("embedding").filter(pk=pk).first() if pk else None,
        "readable": readable(request, shown),
        "kept_jobs": queueing.kept_jobs(attempt.job_id for attempt in shown),
        "query": request.GET.urlencode(),
        "back": activity_address(request),
        "acts": entries.select_related("user").order_by("-action_time")[:LAST_ACTS],
    }


PARTS = {
    "now": ("operations/_now.html", about_now),
    "trouble": ("operations/_trouble.html", about_trouble),
    "stages": ("operations/_stages.html", about_stages),
    "ledger": ("operations/_ledger.html", about_ledger),
}


def readable(request: SignedInRequest, rows: Any) -> set[int]:
    """The documents of those rows that the operator may also open on readers' pages."""
    pks = [row.document_id for row in rows if row.document_id]
    visible = Document.objects.visible_to(request.user)
    return set(visible.filter(pk__in=pks).values_list("pk", flat=True))


def activity_address(request: SignedInRequest) -> str:
    query = request.GET.urlencode()
    return reverse("operations:activity") + (f"?{query}" if query else "")


def is_for(request: SignedInRequest, target: str) -> bool:
    htmx = request.htmx  # type: ignore[attr-defined]
    return bool(htmx) and htmx.target == target and not htmx.history_restore_request
