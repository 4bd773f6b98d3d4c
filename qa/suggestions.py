"""Suggested questions for the ask page, about the sections of the newest document."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from documents.models import Document
from documents.structure.document_text import PageText, join_pages
from documents.structure.outline import Outline
from qa.answering.next_questions import about_document, about_sections, headings_with_text

if TYPE_CHECKING:
    from ragsite.accounts.models import User

COUNT = 3
MAX_PAGES = 15
MAX_CHARACTERS = 30_000  # of a document that are read for its suggestions


class Suggestion(NamedTuple):
    text: str
    document: Document


def suggestions(user: User, document: Document | None = None) -> list[Suggestion]:
    """Return suggested questions about the given document, or else about the newest searchable one."""
    found = Document.objects.visible_to(user).askable().select_related("serving").defer("embedding")
    newest = found.filter(pk=document.pk).first() if document else found.first()
    if newest is None:
        return []
    about = about_sections(newest.title, headings_with_text(_beginning(newest)))
    questions = [*about[: COUNT - 1], about_document(newest.title)]
    return [Suggestion(text, newest) for text in questions]


def _beginning(document: Document) -> Outline:
    """The outline of the document's first pages."""
    assert document.serving is not None
    pages = document.serving.pages.order_by("number").values_list("number", "text", "start")[:MAX_PAGES]
    text = join_pages(PageText(*page) for page in pages)
    return Outline.of(document.serving, text[:MAX_CHARACTERS])
