"""The document: its columns and verbs, its progress, which of its tasks is shown, the queryset, and how many a person may read."""

from documents.models.document.counts import DocumentCounts, counts_for
from documents.models.document.document import Document, DuplicateContent
from documents.models.document.queryset import DocumentQuerySet

__all__ = ["Document", "DocumentCounts", "DocumentQuerySet", "DuplicateContent", "counts_for"]
