"""Sentences of the question pages that depend on several conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from documents.presentation import page_names
from qa.models import AnswerState, Citation, Question
from qa.models.question import AnswerKind, AnswerWay
from ragsite import llm

if TYPE_CHECKING:
    from qa.source_view import Passage


def home_lead(*, can_ask: bool, llm_mode: str) -> str:
    """Return the line under the heading of the ask page."""
    if not can_ask:
        return _("Add a document to start. You can ask about it as soon as it is ready.")
    if llm_mode == "quoted":
        return _("Answers are exact quotes from your documents, each linked to its page.")
    return _("Every answer names its sources: open a number to see the page with the passage marked.")


def processing_notice(count: int, *, can_ask: bool, no_worker: bool | None) -> str:
    """Return what the ask page says about documents that are not ready. `no_worker` is None while it is unknown."""
    sentences = [
        ngettext("A document is being processed.", "Some documents are being processed.", count),
        _("You can already ask about the documents that are ready.") if can_ask else "",
    ]
    if no_worker:
        sentences.append(_("Processing is paused and resumes as soon as the site’s worker is back."))
    elif no_worker is None:
        sentences.append(_("Their progress can’t be checked right now; nothing is lost."))
    return " ".join(filter(None, sentences))


def verdict(question: Question) -> str:
    """Return the words before the notice of an answer that did not complete."""
    if question.state == AnswerState.COMPLETE:
        return ""
    return _("Not answered.") if question.state == AnswerState.FAILED else _("Unfinished.")


def answer_origin(question: Question) -> str:
    """Return who wrote the answer: a model, or the documents themselves and how it was found there."""
    if question.kind == AnswerKind.QUOTED:
        way = question.get_way_display() or AnswerWay.QUOTES.label
        return _("%(way)s. No AI wrote this") % {"way": way} if question.is_quoting else str(way)
    if question.kind != AnswerKind.WRITTEN or not question.model:
        return ""
    names = {"model": question.model, "host": question.host}
    return (
        _("Written by %(model)s at %(host)s") % names if question.host else _("Written by %(model)s") % names
    )


def checked_line(question: Question) -> str:
    """Return how many sentences of a written answer its sources support."""
    checked, supported = question.sentences_checked, question.sentences_supported
    if supported == checked:
        return ngettext(
            "The sentence is supported by its sources",
            "All %(checked)s sentences are supported by their sources",
            checked,
        ) % {"checked": intcomma(checked)}
    return ngettext(
        "%(supported)s of %(checked)s sentence supported by its sources",
        "%(supported)s of %(checked)s sentences supported by their sources",
        checked,
    ) % {"supported": intcomma(supported), "checked": intcomma(checked)}


def ai_notice() -> str:
    """Return the line at the question box that says which model writes the answers."""
    names = {"model": llm.chat_model(), "host": llm.host_of_chat()}
    if names["host"]:
        return _("Answers are written by AI, %(model)s at %(host)s, from your documents.") % names
    return _("Answers are written by AI, %(model)s, from your documents.") % names


def token_counts(question: Question) -> str:
    """Return how many tokens the model read and wrote."""
    counts = {"input": intcomma(question.input_tokens or 0), "output": intcomma(question.output_tokens or 0)}
    return _("%(input)s in, %(output)s out") % counts


def page_name(citation: Citation) -> str:
    """Return the name of the cited place in its file: "page 3", "pages 3–4", "slide 1 · Prices", "sheet Suppliers"."""
    media_type = citation.media_type or ""
    if citation.page_end == citation.page:
        return page_names.page_name(citation.page, citation.page_label, media_type)
    numbers = page_numbers({"page_start": citation.page, "page_end": citation.page_end})
    return page_names.page_range_name(numbers, media_type)


def panel_place(passage: Passage) -> str:
    """Return the place that the source panel shows: "Page 3 of 12", "Slide 1 · Prices", "Sheet Suppliers"."""
    page = passage.page
    if page is None:
        return page_name(passage.citation)
    media_type = page.version.media_type
    if page_names.is_presentation(media_type) or page_names.is_spreadsheet(media_type):
        return capfirst(page_names.page_name(page.number, page.label, media_type))
    return format_html(_("Page <bdi>{name}</bdi> of {last}"), name=page.name, last=passage.last)


def page_numbers(step: Mapping[str, Any]) -> str:
    """Return the first and last page of a retrieved chunk: "3" or "3–4"."""
    first, last = step["page_start"], step["page_end"]
    return str(first) if first == last else f"{first}–{last}"
