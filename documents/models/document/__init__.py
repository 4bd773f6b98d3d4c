"""The document: its columns and verbs, its progress, which of its tasks is shown, and the queryset."""

from documents.models.document.document import Document, DuplicateContent
from documents.models.document.queryset import DocumentQuerySet

__all__ = ["Document", "DocumentQuerySet", "DuplicateContent"]
