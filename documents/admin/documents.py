"""Collections, and documents with their versions and attempts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from documents.admin.base import NamedValues, ReadOnly, job_link
from documents.models import Attempt, Collection, Document, Membership, State, Version
from documents.work import remedies


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ["user"]


@admin.register(Collection)
class CollectionAdmin(admin.ModelAdmin):
    list_display = ["name", "private_to", "everyone_reads", "created_at"]
    search_fields = ["name"]
    list_select_related = ["private_to"]
    inlines = [MembershipInline]


class VersionInline(admin.TabularInline):
    model = Version
    extra = 0
    can_delete = False
    fields = (
        "number",
        "file_name",
        "media_type",
        "size",
        "page_count",
        "is_partial",
        "extracted_at",
        "created_at",
    )
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AttemptInline(admin.TabularInline):
    model = Attempt
    extra = 0
    can_delete = False
    show_change_link = True
    fields = (
        "stage",
        "number",
        "outcome",
        "started_at",
        "duration",
        "tokens",
        "error_class",
        "job_id",
    )
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Document)
class DocumentAdmin(ReadOnly):
    list_display = [
        "title",
        "collection",
        "state",
        "failure_kind",
        "chunk_count",
        "uploaded_by",
        "created_at",
        "state_since",
    ]
    list_filter = ["state", ("failure_kind", NamedValues), "summary_state", "source", "created_at"]
    search_fields = ["title", "failure", "versions__file_name"]
    list_select_related = ["collection", "uploaded_by"]
    exclude = ["embedding"]
    readonly_fields = ["job", "parts"]
    inlines = [VersionInline, AttemptInline]
    actions = ["replay", "cancel"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        return super().get_queryset(request).defer("embedding")

    @admin.display(description=_("RQ job"))
    def job(self, document: Document) -> str | SafeString:
        return job_link(document.task)

    @admin.display(description=_("related rows"))
    def parts(self, document: Document) -> SafeString:
        links = [
            ("pages", "version__document"),
            ("chunks", "document"),
            ("attempts", "document"),
            ("tasks", "document"),
        ]
        names = {"pages": "page", "chunks": "chunk", "attempts": "attempt", "tasks": "task"}
        rows = [
            (reverse(f"admin:documents_{names[name]}_changelist"), field, document.pk, name)
            for name, field in links
        ]
        return format_html_join(" · ", '<a href="{}?{}__id__exact={}">{}</a>', rows)

    @admin.action(description=_("Retry"), permissions=["operate"])
    def replay(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        vain = queryset.filter(state=State.FAILED, failure_kind__in=remedies.in_vain()).count()
        count = queryset.replay()  # type: ignore[attr-defined]
        sentence = ngettext("%d document was queued again.", "%d documents were queued again.", count) % count
        self.message_user(request, sentence, messages.SUCCESS)
        if vain:
            self.message_user(request, remedies.in_vain_words(vain), messages.WARNING)

    @admin.action(description=_("Cancel"), permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        count = queryset.cancel()  # type: ignore[attr-defined]
        sentence = ngettext("%d document was cancelled.", "%d documents were cancelled.", count) % count
        self.message_user(request, sentence, messages.SUCCESS)
