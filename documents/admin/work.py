"""Tasks, attempts, and the dashboard of RQ's queues."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django_rq.admin import QueueAdmin
from django_rq.models import Dashboard

from documents.admin.base import NamedValues, ReadOnly, job_link
from documents.models import Attempt, Task
from documents.work import remedies


@admin.register(Task)
class TaskAdmin(ReadOnly):
    list_display = [
        "kind",
        "document",
        "index",
        "state",
        "tries",
        "crashes",
        "next_try_at",
        "error_kind",
        "job",
    ]
    list_filter = ["state", "kind", ("error_kind", NamedValues)]
    search_fields = ["document__title", "error"]
    list_select_related = ["document", "index"]
    exclude = ["error"]  # the exception's text; the attempt has the traceback
    readonly_fields = ["what_happened"]

    @admin.display(description=_("error"))
    def what_happened(self, task: Task) -> str:
        return str(remedies.sentence_of(task.error_kind)) if task.error_kind else "-"

    @admin.display(description=_("RQ job"))
    def job(self, task: Task) -> str | SafeString:
        return job_link(task)


@admin.register(Attempt)
class AttemptAdmin(ReadOnly):
    list_display = [
        "document",
        "stage",
        "number",
        "outcome",
        "error_class",
        "started_at",
        "duration",
        "tokens",
    ]
    list_filter = ["outcome", "stage", ("error_class", NamedValues), "started_at"]
    search_fields = ["document__title", "error_class", "error_message", "traceback", "job_id"]
    list_select_related = ["document"]
    readonly_fields = ["whole_traceback"]
    exclude = ["traceback"]

    @admin.display(description=_("traceback"))
    def whole_traceback(self, attempt: Attempt) -> SafeString:
        return format_html("<pre>{}</pre>", attempt.traceback)


class GuardedQueueAdmin(QueueAdmin):
    """Require a permission for the dashboard, which django-rq opens to all staff."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("django_rq.admin")

    has_change_permission = has_view_permission

    def get_urls(self) -> list:
        guard, urls = permission_required("django_rq.admin", raise_exception=True), super().get_urls()
        for url in urls:
            url.callback = guard(url.callback)
        return urls


admin.site.unregister(Dashboard)
admin.site.register(Dashboard, GuardedQueueAdmin)
