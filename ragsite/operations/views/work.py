"""The page "Jobs", and the actions on jobs: retry and cancel."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.decorators import login_required
from django.contrib.contenttypes.models import ContentType
from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from documents.models import Task
from documents.models.task import TaskQuerySet
from documents.work import replay as task_replay
from ragsite.http.query import primary_keys
from ragsite.operations import backlog
from ragsite.operations.forms import AttemptFilter, WorkFilter
from ragsite.operations.views.access import PAGE_SIZE, operators_only, readable_ids

if TYPE_CHECKING:
    from ragsite.accounts.requests import SignedInRequest

logger = logging.getLogger("ragsite.operations")


@require_safe
@login_required
@operators_only
def work(request: SignedInRequest) -> HttpResponse:
    """List failed, waiting, open or cancelled jobs."""
    form = WorkFilter(request.GET if "state" in request.GET else {"state": "failed", **request.GET.dict()})
    found = form.narrow().with_document().order_by("-changed_at", "-pk")
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    page.object_list = backlog.with_details(page.object_list)
    context = {
        "form": form,
        "tasks": page,
        "readable": readable_ids(request, page),
        "back": request.get_full_path(),
    }
    return render(request, "operations/work.html", context)


@require_POST
@login_required
@operators_only
def replay(request: SignedInRequest) -> HttpResponse:
    """Retry the selected jobs, a group, or every unfinished job of a search."""
    count = selected_tasks(request.POST, "replay").replay()
    sentence = ngettext("%d job queued again.", "%d jobs queued again.", count)
    return finish_action(request, "replay", count, sentence % count)


@require_POST
@login_required
@operators_only
def cancel(request: SignedInRequest) -> HttpResponse:
    """Cancel the selected jobs, a group, or every waiting job of a search."""
    count = task_replay.cancel(selected_tasks(request.POST, "cancel"))
    sentence = ngettext("%d job cancelled.", "%d jobs cancelled.", count)
    return finish_action(request, "cancel", count, sentence % count)


def selected_tasks(data: QueryDict, verb: str) -> TaskQuerySet:
    """Return the tasks that `scope` selects: by ids, by group or by search; none if the scope is invalid."""
    pks = primary_keys(data.getlist("chosen"))
    scopes = {
        "work": lambda: Task.objects.filter(pk__in=pks),
        "attempts": lambda: backlog.tasks_of_attempts(pks),
        "group": lambda: _tasks_in_group(data, verb),
        "search": lambda: _tasks_of_search(QueryDict(data.get("search", "")), verb),
    }
    select = scopes.get(data.get("scope", ""), Task.objects.none)
    return select().order_by()


def _tasks_of_search(search: QueryDict, verb: str) -> TaskQuerySet:
    form = AttemptFilter(search)
    found = form.narrow(backlog.attempts())
    # An invalid field narrows nothing, so acting on the result would act on everything.
    if not form.is_valid():
        return Task.objects.none()
    return _without_hopeless(backlog.unfinished(found, with_failed=verb == "replay"), verb)


def _tasks_in_group(data: QueryDict, verb: str) -> TaskQuerySet:
    found = WorkFilter(data).narrow()
    return found if data.get("error_kind") else _without_hopeless(found, verb)


def _without_hopeless(found: TaskQuerySet, verb: str) -> TaskQuerySet:
    """Exclude failures that a retry cannot fix, unless the operator named them explicitly."""
    return backlog.retryable(found) if verb == "replay" else found


def finish_action(request: SignedInRequest, verb: str, count: int, sentence: str) -> HttpResponse:
    """Report the result, log it, and redirect back to the form's page."""
    if count:
        messages.success(request, sentence)
        log_action(request, verb, count)
    else:
        messages.info(request, _("Nothing to do: select jobs that are not finished."))
    back = request.POST.get("back", "")
    is_local = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return redirect(back if is_local else reverse("operations:activity"))


def log_action(request: SignedInRequest, verb: str, count: int) -> None:
    """Write one entry to the admin log and one line to stdout, which never contains a title or a search."""
    scope = request.POST.get("scope", "")
    ids = ", ".join(request.POST.getlist("chosen")[:20])
    group = " ".join(request.POST.get(name, "") for name in ("state", "kind", "error_kind"))
    search = request.POST.get("search", "")
    details = {"work": ids, "attempts": ids, "group": " ".join(group.split()), "search": search}[scope]
    logger.info("user=%s verb=%s count=%s scope=%s", request.user.pk, verb, count, scope)
    LogEntry.objects.create(
        user=request.user,
        content_type=ContentType.objects.get_for_model(Task),
        object_repr=f"{verb} {count}",
        action_flag=CHANGE,
        change_message=f"{verb} {count}: {scope} {details}"[:2000],
    )
