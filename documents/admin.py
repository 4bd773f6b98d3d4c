"""Inspect and replay everything in the admin. Staff need the model permissions; replaying needs `documents.operate`."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django_rq.admin import QueueAdmin
from django_rq.models import Dashboard
from django_rq.settings import get_queues_map

from documents.ingestion import rebuild
from documents.models import (
    Attempt,
    Chunk,
    Collection,
    Document,
    Index,
    Membership,
    Page,
    State,
    Task,
    Version,
)
from documents.models.index import IndexState
from documents.work import remedies


class ReadOnly(admin.ModelAdmin):
    """Rows that jobs write: visible, but not editable."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def job_link(task: Task | None) -> str | SafeString:
    if task is None:
        return "-"
    url = reverse("admin:django_rq_job_detail", args=[get_queues_map()[task.queue_name], task.last_job_id])
    return format_html('<a href="{}">{}</a>', url, task.last_job_id)


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
        "took",
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
    list_filter = ["state", "failure_kind", "summary_state", "source", "created_at"]
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

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("documents.operate")


@admin.register(Page)
class PageAdmin(ReadOnly):
    list_display = ["version", "number", "label", "problem", "start"]
    list_filter = ["problem"]
    search_fields = ["version__document__title", "text"]
    list_select_related = ["version"]


@admin.register(Chunk)
class ChunkAdmin(ReadOnly):
    list_display = ["document", "position", "pages", "tokens", "index", "beginning"]
    list_filter = ["index"]
    search_fields = ["document__title", "text"]
    list_select_related = ["document", "index"]
    exclude = ["embedding"]
    readonly_fields = ["nearest_chunks"]
    show_full_result_count = False

    @admin.display(description=_("pages"))
    def pages(self, chunk: Chunk) -> str:
        return (
            str(chunk.page_start)
            if chunk.page_start == chunk.page_end
            else f"{chunk.page_start}-{chunk.page_end}"
        )

    @admin.display(description=_("text"))
    def beginning(self, chunk: Chunk) -> str:
        return chunk.text[:100]

    @admin.display(description=_("nearest chunks"))
    def nearest_chunks(self, chunk: Chunk) -> SafeString:
        """The five nearest chunks; only on the page of one chunk, because reading vectors is slow."""
        rows = [
            (
                reverse("admin:documents_chunk_change", args=[near.pk]),
                f"{getattr(near, 'distance', 0):.3f}",
                near,
                near.text[:160],
            )
            for near in chunk.nearest(5)
        ]
        return format_html_join("", '<p><a href="{}">{} {}</a><br>{}</p>', rows)


@admin.register(Index)
class IndexAdmin(ReadOnly):
    list_display = [
        "pk",
        "embedding_model",
        "dimensions",
        "chunk_tokens",
        "chunk_overlap",
        "query_prefix",
        "passage_prefix",
        "state",
        "created_at",
        "live_at",
    ]
    list_filter = ["state"]
    actions = ["make_live"]

    @admin.action(description=_("Complete and make live"), permissions=["operate"])
    def make_live(self, request: HttpRequest, queryset: QuerySet[Index]) -> None:
        chosen = queryset.filter(state__in=[IndexState.READY, IndexState.RETIRED])
        if chosen.count() != 1 or queryset.count() != 1:
            self.message_user(request, _("Select one index that is ready or retired."), messages.ERROR)
            return
        rebuild.fill(chosen.get())
        sentence = _("The workers are completing the index; it goes live automatically when it is done.")
        self.message_user(request, sentence, messages.SUCCESS)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("documents.operate")


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
    list_filter = ["state", "kind", "error_kind"]
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
    list_display = ["document", "stage", "number", "outcome", "error_class", "started_at", "took", "tokens"]
    list_filter = ["outcome", "stage", "error_class", "started_at"]
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
admin.site.site_header = admin.site.site_title = "ragsite"
