"""Suggested questions for the ask page, about the sections of the newest document."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from documents.models import Document, Version
from documents.models.collection import READABLE
from documents.models.document import DocumentQuerySet
from documents.structure.document_text import PageText, join_pages
from documents.structure.outline import Outline
from qa.answering.next_questions import about_document, about_sections, headings_with_text
from ragsite.postgresql.compiled import Compiled

if TYPE_CHECKING:
    from ragsite.accounts.models import User

COUNT = 3
MAX_PAGES = 15
MAX_CHARACTERS = 30_000  # of a document that are read for its suggestions


class Suggestion(NamedTuple):
    text: str


def suggestions(user: User, document: Document | None = None) -> list[Suggestion]:
    """Return suggested questions about the given document, or else about the newest searchable one."""
    if not user.is_active:
        return []
    rows = (
        _columns(Document.objects.visible_to(user).filter(pk=document.pk))
        if document
        else NEWEST.rows(user.pk)
    )
    for title, version, created_at, stamp in rows:
        about = about_sections(title, _headings(version, created_at, stamp))
        return [Suggestion(text) for text in (*about[: COUNT - 1], about_document(title))]
    return []


def _columns(documents: DocumentQuerySet) -> QuerySet[Any, Any]:
    return documents.askable().values_list("title", "serving", "serving__created_at", "collection__stamp")


NEWEST = Compiled(
    lambda person: _columns(Document.objects.filter(collection__in=READABLE.subquery(person)))[:1]
)


@lru_cache(maxsize=256)
def _headings(version: int, created_at: datetime, stamp: UUID) -> list[str]:
    """The headings of a version that have text. Kept in the process: parsing takes ten times as long as all the rest.

    `created_at` and `stamp` are for the cache: a restored backup gives numbers again, and OCR adds text to a version.
    """
    return headings_with_text(_beginning(Version.objects.get(pk=version)))


def _beginning(version: Version) -> Outline:
    """The outline of the version's first pages."""
    pages = version.pages.order_by("number").values_list("number", "text", "start")[:MAX_PAGES]
    text = join_pages(PageText(*page) for page in pages)
    return Outline.of(version, text[:MAX_CHARACTERS])
