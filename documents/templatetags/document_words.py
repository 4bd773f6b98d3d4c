from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django import template
from django.conf import settings
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from documents.extraction.registry import accepted_types
from documents.models.attempt import Outcome
from documents.quotas import StorageQuota, quota_of
from documents.search import places_in
from documents.views import watched
from documents.work import remedies

if TYPE_CHECKING:
    from documents.models import Document
    from ragsite.accounts.models import User

register = template.Library()


@register.simple_tag(takes_context=True)
def watch(context: template.Context, document: Document, part: str) -> SafeString:
    """The attributes by which a page keeps this part up to date, and by which the part finds its place on an open page."""
    place = context.get("place")
    mark, oob = watched.watch(document, part), place and f"outerHTML:{place}"
    attributes = [(name, value) for name, value in (("data-watch", mark), ("hx-swap-oob", oob)) if value]
    return format_html_join("", ' {}="{}"', attributes)


@register.simple_tag
def largest_upload() -> int:
    """In megabytes."""
    return settings.MAX_UPLOAD_MB


@register.simple_tag
def storage_quota(person: User) -> StorageQuota:
    """How much the person stores, and their limits."""
    return quota_of(person.pk)


@register.simple_tag
def accepted_files() -> str:
    """For `accept`: what the file dialog offers."""
    return accepted_types()


STAGES = {
    "fetch": gettext_lazy("Fetching the page"),
    "extract": gettext_lazy("Reading the file"),
    "recognise": gettext_lazy("Reading pictures"),
    "build": gettext_lazy("Building an index"),
    "chunk": gettext_lazy("Finding its passages"),
    "embed": gettext_lazy("Making it searchable"),
    "store": gettext_lazy("Storing it"),
    "summarise": gettext_lazy("Summarising"),
}


@register.filter
def wait_until(moment: datetime | None) -> str:
    """How long until then, in the one unit that matters: "40 s", "12 min", "3 h", "2 days"."""
    seconds = max(1, round((moment - timezone.now()).total_seconds())) if moment else 1
    if seconds < 100:
        return _("%d s") % seconds
    if seconds < 100 * 60:
        return _("%d min") % round(seconds / 60)
    if seconds < 36 * 3600:
        return _("%d h") % round(seconds / 3600)
    return ngettext("%d day", "%d days", round(seconds / 86400)) % round(seconds / 86400)


@register.filter
def remedy(document: Document) -> str:
    """What helps a document that failed: "unlock", "replace", "refresh", "read_pictures" or "replay"."""
    return remedies.remedy_for(document)


@register.filter
def stage_name(stage: str) -> str:
    return str(STAGES.get(stage, stage))


@register.filter
def outcome_name(outcome: str) -> str:
    return str(Outcome(outcome).label).capitalize()


@register.filter
def duration(took: object) -> str:
    seconds = took.total_seconds()  # type: ignore[attr-defined]
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
