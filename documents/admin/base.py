"""What the admin's pages share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django_rq.settings import get_queues_map

from documents.models import Task

if TYPE_CHECKING:
    from django.contrib.admin.filters import _ListFilterChoices


class ReadOnly(admin.ModelAdmin):
    """Rows that jobs write: visible, but not editable."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("documents.operate")


class NamedValues(admin.AllValuesFieldListFilter):
    """A filter by the values there are, as Django's; the empty value has a name too, since its link has no other words."""

    def choices(self, changelist: ChangeList) -> Iterator[_ListFilterChoices]:
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"] or _("none")}


def job_link(task: Task | None) -> str | SafeString:
    if task is None:
        return "-"
    url = reverse("admin:django_rq_job_detail", args=[get_queues_map()[task.queue_name], task.last_job_id])
    return format_html('<a href="{}">{}</a>', url, task.last_job_id)
