"""Labels and durations for the operator pages."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.template import Context
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_rq.settings import get_queues_map

from documents.models import Attempt, Document, Task
from documents.models.attempt import Outcome
from documents.work import remedies
from documents.work.remedies import Remedy
from ragsite.operations import backlog, queueing, stage_times

register = template.Library()

MINUTE, HOUR, DAY = 60, 3600, 86400
HINTS = {
    Remedy.UNLOCK: gettext_lazy("needs its password"),
    Remedy.REPLACE: gettext_lazy("needs another file"),
    Remedy.REFRESH: gettext_lazy("its address can be fetched again"),
    Remedy.RUN_OCR: gettext_lazy("OCR is available now"),
}
ACTIONS = {
    Remedy.UNLOCK: gettext_lazy("Unlock"),
    Remedy.REPLACE: gettext_lazy("Replace"),
    Remedy.REFRESH: gettext_lazy("Fetch again"),
}
BADGES = {
    Outcome.FAILED: "badge-danger",
    Outcome.INTERRUPTED: "badge-danger",
    Outcome.RUNNING: "badge-accent",
}


@register.filter
def span(value: timedelta | float | None) -> str:
    """Format a duration in the unit that matters: "340 ms", "4.2 s", "3 min", "5 h", "2 d"."""
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
    """Return the time since `moment`; "" for None."""
    if not moment:
        return ""
    return span(max(1.0, round((timezone.now() - moment).total_seconds()))).replace(".0", "")


@register.filter
def until(moment: datetime) -> str:
    """Return the time left until `moment`: "in 40 s", or "now" once it has passed."""
    seconds = (moment - timezone.now()).total_seconds()
    return _("in %s") % span(max(1, round(seconds))).replace(".0", "") if seconds > 0 else _("now")


@register.filter
def next_try(task: Task) -> str:
    """Return when an open task runs next: "next attempt in 40 s (no. 3)"."""
    return _("next attempt %(time)s (no. %(number)s)") % {
        "time": until(task.next_try_at),
        "number": task.tries + 1,
    }


@register.filter
def stage_label(stage: str) -> str:
    return str(stage_times.STAGES.get(stage, stage))


@register.filter
def stage_and_outcome(attempt: Attempt) -> str:
    return f"{stage_label(attempt.stage)}, {attempt.get_outcome_display()}"


@register.filter
def outcome_badge(attempt: Attempt) -> str:
    """Return the CSS class that colours the outcome."""
    return BADGES.get(Outcome(attempt.outcome), "")


@register.filter
def hint(remedy: Remedy) -> Promise | str:
    """Return what a job needs where a plain retry does not help; "" where it does."""
    return HINTS.get(remedy, "")


@register.filter
def action(remedy: Remedy) -> Promise | str:
    """Return the label of the link to the page where the document can be fixed."""
    return ACTIONS.get(remedy, "")


@register.filter
def reason(attempt: Attempt) -> str:
    """Return why the attempt failed: the reader's sentence if there is one, else the exception."""
    kind = attempt.error_message.partition(":")[0]
    sentence = remedies.sentences().get(kind)
    return str(sentence or Truncator(f"{attempt.error_class} {attempt.error_message}").chars(140))


@register.filter
def bar_label(bar: stage_times.Bar) -> str:
    """Return the tooltip of one bar of a stage's chart."""
    return _("%(start)s: p50 %(p50)s, p95 %(p95)s, %(failed)s of %(ended)s failed") % {
        "start": date_format(timezone.localtime(bar.starts_at), "j M H:i"),
        "p50": span(bar.took_p50),
        "p95": span(bar.took_p95),
        "failed": bar.failed,
        "ended": bar.ended,
    }


@register.simple_tag
def job_url(work: Attempt | Task, job_id: str) -> str:
    """Return the URL of the job in RQ's dashboard."""
    task = work if isinstance(work, Task) else work.task
    queue = task.queue_name if task else "documents"
    return reverse("admin:django_rq_job_detail", args=[get_queues_map()[queue], job_id])


@register.inclusion_tag("operations/_job_work.html", takes_context=True)
def work_of_job(context: Context, job_id: str) -> dict[str, object]:
    """Show the task and attempts of a job on RQ's page; nothing to users who may not operate the site."""
    user = context["user"]
    found = Task.objects.with_document().filter(pk=queueing.task_pk_of(job_id))
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
    """Whether the link to Activity shows a dot."""
    return backlog.something_failed()
