from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.template import Context
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django_rq.settings import get_queues_map

from documents.models import Attempt, Document, Task
from documents.work import remedies
from ragsite.operations import backlog, queueing, stage_times

register = template.Library()

MINUTE, HOUR, DAY = 60, 3600, 86400


@register.filter
def span(value: timedelta | float | None) -> str:
    """A duration in the one or two units that matter: "340 ms", "4.2 s", "3 min", "5 h", "2 d"."""
    if value is None:
        return "–"
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 1:
        return _("%d ms") % round(seconds * 1000)
    if seconds < 10:
        return _("%.1f s") % seconds
    if seconds < 100:
        return _("%d s") % seconds
    if seconds < 100 * MINUTE:
        return _("%d min") % round(seconds / MINUTE)
    if seconds < 2 * DAY:
        return _("%d h") % round(seconds / HOUR)
    return _("%d d") % round(seconds / DAY)


@register.filter
def age(moment: datetime | None) -> str:
    """How long ago; nothing for never."""
    return (
        span(max(1.0, round((timezone.now() - moment).total_seconds()))).replace(".0", "") if moment else ""
    )


@register.filter
def until(moment: datetime) -> str:
    """How long till then; "now" once it has come."""
    seconds = (moment - timezone.now()).total_seconds()
    return _("in %s") % span(max(1, round(seconds))).replace(".0", "") if seconds > 0 else _("now")


@register.filter
def stage_label(stage: str) -> str:
    return str(stage_times.STAGES.get(stage, stage))


@register.filter
def what_happened(attempt: Attempt) -> str:
    """Why it failed, as a person is told where there are words for it; else what Python calls it, for those who look on."""
    kind = attempt.error_message.partition(":")[0]
    words = remedies.sentences().get(kind)
    return str(words or Truncator(f"{attempt.error_class} {attempt.error_message}").chars(140))


@register.simple_tag
def job_url(work: Attempt | Task, job_id: str) -> str:
    """Where RQ's dashboard shows that job."""
    task = work if isinstance(work, Task) else work.task
    queue = task.queue_name if task else "documents"
    return reverse("admin:django_rq_job_detail", args=[get_queues_map()[queue], job_id])


@register.inclusion_tag("operations/_job_work.html", takes_context=True)
def work_of_job(context: Context, job_id: str) -> dict[str, object]:
    """For RQ's page of a job: what it works at, and its attempts. Nothing for who may not operate the site."""
    user = context["user"]
    found = Task.objects.with_document().filter(pk=queueing.task_of_job(job_id) or 0)
    task = found.first() if user.has_perm("documents.operate") else None
    if task is None or not task.has_job(job_id):
        return {"task": None}
    visible = Document.objects.visible_to(user).filter(pk=task.document_id or 0)
    return {
        "task": task,
        "attempts": task.attempts.filter(job_id=job_id).defer("traceback").order_by("pk"),
        "readable": set(visible.values_list("pk", flat=True)),
        "user": user,
        "perms": context["perms"],
    }


@register.simple_tag
def something_failed() -> bool:
    """For the dot beside Activity."""
    return backlog.something_failed()
