"""Tags and filters of the answer's templates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from documents.extraction.blocks.tables import CELL_BREAK
from documents.extraction.text.markup_spans import CELL, markup_spans, without_markup
from documents.models import Collection, Version
from qa import sentences
from qa.answer_marks import without_signs
from qa.answering.checking import verdicts
from qa.answering.citing.markers import MARKER
from qa.answering.parts import Ask, from_json
from qa.models import Citation, Question
from qa.models.question import AnswerKind
from qa.provenance import digital_source_type
from qa.rendering import render_answer
from qa.source_view import media_type_of

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from ragsite.accounts.models import User

register = template.Library()
register.simple_tag(sentences.home_lead)
register.simple_tag(sentences.processing_notice)
register.simple_tag(digital_source_type)
register.simple_tag(sentences.ai_notice)
register.filter(sentences.answer_origin)
register.filter(sentences.page_name)
register.filter(sentences.page_numbers)
register.filter(sentences.panel_place)
register.filter(sentences.checked_line)
register.filter(sentences.token_counts)
register.filter(sentences.verdict)

SHOWN_AT_FIRST = 5
STAGES = {
    "waited": _("waiting for the same question"),
    "standalone": _("rewriting the follow-up"),
    "embed": _("embedding the question"),
    "search": _("searching"),
    "second_search": _("searching once more"),
    "quote": _("choosing quotes"),
    "first_token": _("until the first word"),
    "write": _("writing"),
    "check": _("checking the sentences"),
    "total": _("total"),
}


@register.simple_tag
def owned_collections(user: User) -> QuerySet[Collection]:
    """Return the collections whose answering instructions the user may change."""
    return Collection.objects.owned_by(user)


@register.filter
def rendered(question: Question, citations: Sequence[Citation]) -> SafeString:
    """Return the answer as safe HTML, with links from its numbers to the citations."""
    return render_answer(question, citations)


@register.filter
def next_questions(question: Question) -> list[str]:
    """Return the questions to offer after an answer."""
    offered = (part for part in from_json(question.parts) if isinstance(part, Ask))
    return [text for part in offered for text in part.questions]


@register.filter
def words_cited(citation: Citation) -> str:
    """Return the quoted words, or the excerpt, without Markdown syntax and without the bars of rows."""
    text = citation.quote or citation.excerpt
    words = without_markup(text, markup_spans(text, media_type_of(citation)))
    return words.replace(CELL_BREAK, CELL).strip()


@register.filter
def readable_trace(question: Question, citations: Sequence[Citation]) -> list[dict[str, Any]]:
    """Return the retrieved chunks, without those that the asker may no longer read."""
    found = {row.number for row in citations}
    readable = {row.number for row in citations if row.is_readable}
    # A written answer draws on all chunks: while it is not withheld, those without a citation are readable too.
    is_written = question.kind == AnswerKind.WRITTEN
    return [
        step
        for step in question.trace
        if step["number"] in readable or (is_written and step["number"] not in found)
    ]


@register.simple_tag
def unsupported(question: Question) -> list[dict[str, Any]]:
    """Return the sentences of a written answer that its sources do not support well, with the reasons."""
    return [
        {
            "words": _plain_words(question.answer[check.start : check.end]),
            "verdict": check.verdict.label,
            "marks": [{"text": mark.text, "reason": mark.reason.label} for mark in check.marks],
        }
        for check in verdicts.from_json(question.checks)
        if not check.is_supported
    ]


def _plain_words(text: str) -> str:
    """Return a sentence of the answer without markers and most of its Markdown."""
    return " ".join(re.sub(r"[*_`|#]+", " ", without_signs(MARKER.sub("", text))).split())


@register.simple_tag
def first_and_rest(
    question: Question, citations: Sequence[Citation]
) -> tuple[list[Citation], list[Citation]]:
    """Return the sources to show first, and those behind a click.

    First come the cited ones, or all if a model cited none. Where nothing was found, none is a source of the answer.
    """
    _add_media_types(citations)
    cited = [row for row in citations if row.is_cited]
    if not cited and question.kind != AnswerKind.NOTHING:
        cited = list(citations)
    first = cited[:SHOWN_AT_FIRST]
    return first, [row for row in citations if row not in first]


def _add_media_types(citations: Sequence[Citation]) -> None:
    """Set the media type on the citations that were fetched without it, in one query."""
    unknown = [row for row in citations if row.media_type == "" and row.version_id]
    if unknown:
        versions = Version.objects.filter(pk__in={row.version_id for row in unknown})
        media_types = dict(versions.values_list("pk", "media_type"))
        for row in unknown:
            row.media_type = media_types.get(row.version_id or 0)


@register.filter
def stage_times(timings: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the name and milliseconds of each stage, in the order of the stages."""
    return [(str(name), timings[key]) for key, name in STAGES.items() if key in timings]
