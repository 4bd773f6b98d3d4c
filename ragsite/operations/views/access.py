"""Permissions and pagination that all operator pages share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import permission_required

from documents.models import Document

if TYPE_CHECKING:
    from ragsite.accounts.requests import SignedInRequest

PAGE_SIZE = 50

operators_only = permission_required("documents.operate", raise_exception=True)


def readable_ids(request: SignedInRequest, rows: Iterable[Any]) -> set[int]:
    """Return the ids of the rows' documents that the operator may also open as a reader."""
    ids = [row.document_id for row in rows if row.document_id]
    visible = Document.objects.visible_to(request.user)
    return set(visible.filter(pk__in=ids).values_list("pk", flat=True))
