"""Read-only admin of conversations, questions and evaluations."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from documents.admin.base import NamedValues, ReadOnly
from qa.models import Case, Citation, Conversation, Evaluation, Question, QuestionSet


class QuestionInline(admin.TabularInline):
    model = Question
    extra = 0
    can_delete = False
    show_change_link = True
    fields = (
        "text",
        "state",
        "kind",
        "model",
        "created_at",
    )
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Conversation)
class ConversationAdmin(ReadOnly):
    list_display = ["title", "user", "created_at", "updated_at"]
    search_fields = ["title", "user__username"]
    list_select_related = ["user"]
    inlines = [QuestionInline]


class CitationInline(admin.TabularInline):
    model = Citation
    extra = 0
    can_delete = False
    fields = (
        "number",
        "document_title",
        "page",
        "quote",
        "is_cited",
        "is_confirmed",
        "score",
    )
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Question)
class QuestionAdmin(ReadOnly):
    list_display = [
        "text",
        "state",
        "kind",
        "model",
        "input_tokens",
        "output_tokens",
        "cost",
        "checked",
        "created_at",
    ]
    list_filter = [
        "state",
        "kind",
        ("model", NamedValues),
        ("error_kind", NamedValues),
        "rating",
        "created_at",
    ]
    search_fields = ["text", "answer", "conversation__user__username"]
    exclude = ["trace", "checks"]
    readonly_fields = ["how_sources_were_chosen"]
    inlines = [CitationInline]

    @admin.display(description=_("supported sentences"))
    def checked(self, question: Question) -> str:
        return (
            f"{question.sentences_supported}/{question.sentences_checked}"
            if question.sentences_checked
            else "–"
        )

    @admin.display(description=_("retrieval trace"))
    def how_sources_were_chosen(self, question: Question) -> SafeString:
        rows = [
            (", ".join(f"{name}: {value}" for name, value in step.items()),)
            for step in question.trace
            if isinstance(step, dict)
        ]
        return format_html_join("", "<p>{}</p>", rows)


class CaseInline(admin.TabularInline):
    model = Case
    extra = 1
    autocomplete_fields = ["document"]


@admin.register(QuestionSet)
class QuestionSetAdmin(admin.ModelAdmin):
    list_display = ["name", "collection", "created_by", "created_at"]
    list_select_related = ["collection", "created_by"]
    inlines = [CaseInline]


@admin.register(Evaluation)
class EvaluationAdmin(ReadOnly):
    list_display = ["question_set", "index", "started_at", "finished_at"]
