"""What the answer's templates ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from qa.models import Citation, Question
from qa.rendering import render_answer

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


@register.simple_tag
def first_and_rest(citations: Sequence[Citation]) -> tuple[list[Citation], list[Citation]]:
    """The sources to show at once (those cited, or the nearest where none is), and those behind a click."""
    cited = [row for row in citations if row.is_cited] or list(citations)
    first = cited[:SHOWN_AT_FIRST]
    return first, [row for row in citations if row not in first]


@register.filter
def stage_times(timings: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(str(name), timings[key]) for key, name in STAGES.items() if key in timings]
