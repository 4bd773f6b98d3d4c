"""Sentences about documents, their pages and their history, for templates."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django import template
from django.conf import settings
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from documents.extraction.registry import accepted_types
from documents.models.attempt import Outcome
from documents.presentation import (
    actions,
    kinds,
    page_names,
    page_notices,
    rows,
    scanned_pages,
    status,
    watched,
)
from documents.quotas import StorageQuota, quota_of
from documents.search import places_in

if TYPE_CHECKING:
    from documents.models import Document, Page, Version
    from documents.page_report import PageReport
    from documents.presentation.actions import Action
    from ragsite.accounts.models import User

register = template.Library()
register.filter("ocr_setup_hint", scanned_pages.ocr_setup_hint)
register.filter("kind", kinds.kind_of)
register.filter("omission", page_notices.omission)
register.filter("page_warnings", page_notices.page_warnings)
register.filter("summary_status", status.summary_status)

STAGES = {
    "fetch": gettext_lazy("Fetching the web page"),
    "extract": gettext_lazy("Reading the file"),
    "ocr": gettext_lazy("OCR"),
    "build": gettext_lazy("Building the index"),
    "chunk": gettext_lazy("Splitting into passages"),
    "embed": gettext_lazy("Computing vectors"),
    "store": gettext_lazy("Saving"),
    "summarise": gettext_lazy("Summarizing"),
}


@register.simple_tag(takes_context=True)
def watch(context: template.Context, document: Document, part: str) -> SafeString:
    """Attributes by which changes.js polls this part of a page, and by which htmx finds where to swap it in."""
    place = context.get("place")
    mark, oob = watched.watch(document, part), place and f"outerHTML:{place}"
    attributes = [(name, value) for name, value in (("data-watch", mark), ("hx-swap-oob", oob)) if value]
    return format_html_join("", ' {}="{}"', attributes)


@register.simple_tag(takes_context=True)
def status_line(context: template.Context, document: Document) -> str:
    """What is happening to the document. `is_row` leaves long advice to the document's page."""
    is_waiting = document.state == "waiting" and not document.failure
    line = status.status_line(
        document,
        no_worker=is_waiting and bool(context["nav"].no_worker),
        with_remedy=not (context.get("is_row") and document.is_unread_scan),
    )
    if document.is_unread_scan and not context.get("is_row") and context["nav"].is_operator:
        line += " " + scanned_pages.ocr_setup_hint(document)
    return line


@register.simple_tag(takes_context=True)
def worker_notice(context: template.Context) -> str:
    """Why documents wait; empty while a worker is running."""
    nav = context["nav"]
    return status.worker_notice(nav.no_worker, is_operator=nav.is_operator)


@register.simple_tag(takes_context=True)
def document_row(context: template.Context, document: Document) -> SafeString:
    """One row of the list."""

    def render() -> SafeString:
        assert context.template  # while a page is rendered
        row = context.template.engine.get_template(watched.PARTS["row"])
        with context.push(document=document):
            return row.render(context)

    return rows.row_of(document, render)


@register.simple_tag(takes_context=True)
def document_action(context: template.Context, document: Document) -> Action | None:
    """The one button that fits the document's state, in the list (`in_list`) or on its page."""
    return actions.action_for(document, in_list=bool(context.get("in_list")))


@register.simple_tag(takes_context=True)
def scanned_pages_advice(context: template.Context) -> list[str]:
    """What OCR did with the document's scanned pages, and what would help."""
    return scanned_pages.scanned_pages_advice(
        context["document"], context["ocr"], is_operator=context["nav"].is_operator
    )


@register.simple_tag(takes_context=True)
def can_run_ocr(context: template.Context) -> bool:
    """Whether the reader may start OCR of the version that they see."""
    document, version = context["document"], context["version"]
    is_current = document.serving_id == version.pk and not document.is_moving
    return bool(context["ocr"].can_run and document.can_edit and is_current)


@register.simple_tag
def page_name(page: Page, version: Version) -> str:
    """For example "page 3", "slide 1 · New shop at the station" or "sheet Suppliers"."""
    return page_names.page_name(page.number, page.label, version.media_type)


@register.simple_tag
def max_upload_mb() -> int:
    return settings.MAX_UPLOAD_MB


@register.simple_tag
def storage_quota(person: User) -> StorageQuota:
    """How much the person stores, and their limits."""
    return quota_of(person.pk)


@register.simple_tag
def accepted_files() -> str:
    """For `accept`: the kinds of files that the file dialog offers."""
    return accepted_types()


@register.filter
def detailed(report: PageReport) -> str:
    """The page report in one line, with what is hidden or attached."""
    return report.summary(with_details=True)


@register.filter
def stage_name(stage: str) -> str:
    return str(STAGES.get(stage, stage))


@register.filter
def outcome_name(outcome: str) -> str:
    return str(Outcome(outcome).label).capitalize()


@register.filter
def duration(length: timedelta) -> str:
    """For example "0.4 s", "95 s" or "12 min"."""
    seconds = length.total_seconds()
    if seconds < 10:
        return _("%.1f s") % seconds
    return _("%d s") % seconds if seconds < 120 else _("%d min") % round(seconds / 60)


@register.filter
def marked(text: str, words: str) -> SafeString:
    """The text, escaped, with every occurrence of the words in <mark>."""
    pieces, at = [], 0
    for start, end in places_in(text, words):
        pieces += [(text[at:start], text[start:end])]
        at = end
    return format_html("{}{}", format_html_join("", "{}<mark>{}</mark>", pieces), text[at:])
