"""What was made of documents: pages, chunks and indexes."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from documents.admin.base import ReadOnly
from documents.ingestion import rebuild
from documents.models import Chunk, Index, Page
from documents.models.index import IndexState


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
