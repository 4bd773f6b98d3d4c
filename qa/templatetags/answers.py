"""What the answer's templates ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from documents.extraction.text.signs import plain, signs
from documents.models import Version
from qa.models import Citation, Question
from qa.models.question import AnswerKind
from qa.rendering import render_answer
from qa.source_view import kind_of

register = template.Library()

SHOWN_AT_FIRST = 5
STAGES = {
    "waited": _("waiting for the same question"),
    "standalone": _("making the question stand alone"),
    "embed": _("understanding the question"),
    "search": _("searching"),
    "quote": _("choosing quotes"),
    "first_token": _("until the first word"),
    "write": _("writing"),
    "total": _("all together"),
}


@register.filter
def rendered(question: Question, citations: Sequence[Citation]) -> SafeString:
    """The answer as safe HTML, its numbers links to the citations."""
    return render_answer(question, citations)


@register.filter
def words_cited(citation: Citation) -> str:
    """The quoted words, or the passage, as a person reads them: without signs of Markdown."""
    text = citation.quote or citation.excerpt
    return plain(text, signs(text, kind_of(citation))).strip()


@register.filter
def readable_trace(question: Question, citations: Sequence[Citation]) -> list[dict[str, Any]]:
    """The passages that were found, without those that the asker may not read any more."""
    found = {row.number for row in citations}
    readable = {row.number for row in citations if row.is_readable}
    # An answer that is written draws on all of them: where it is shown, those without a row can be read too.
    is_written = question.kind == AnswerKind.WRITTEN
    return [
        step
        for step in question.trace
        if step["number"] in readable or (is_written and step["number"] not in found)
    ]


@register.simple_tag
def first_and_rest(citations: Sequence[Citation]) -> tuple[list[Citation], list[Citation]]:
    """The sources to show at once (those cited, or the nearest where none is), and those behind a click."""
    _note_kinds(citations)
    cited = [row for row in citations if row.is_cited] or list(citations)
    first = cited[:SHOWN_AT_FIRST]
    return first, [row for row in citations if row not in first]


def _note_kinds(citations: Sequence[Citation]) -> None:
    """Which kind of file each cites, in one query for those that were not fetched with it."""
    unknown = [row for row in citations if row.media_type == "" and row.version_id]
    if unknown:
        versions = Version.objects.filter(pk__in={row.version_id for row in unknown})
        kinds = dict(versions.values_list("pk", "media_type"))
        for row in unknown:
            row.media_type = kinds.get(row.version_id or 0)


@register.filter
def stage_times(timings: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(str(name), timings[key]) for key, name in STAGES.items() if key in timings]
