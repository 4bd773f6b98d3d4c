"""Rows of documents at rest, rendered once in each process: a list has dozens, and each takes half a millisecond.

The key is all that a row shows. So nothing has to be invalidated, and rows are shared only where they are equal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.urls import get_script_prefix
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from documents.models.states import State, SummaryState
from documents.presentation.watched import columns_of

if TYPE_CHECKING:
    from documents.models import Document

MAX_KEPT = 2_000  # of about 2 kB
_kept: dict[bytes, SafeString] = {}


def row_of(document: Document, render: Callable[[], SafeString]) -> SafeString:
    """The document's row, from `render` if it is new or cannot be kept."""
    if not _can_be_kept(document):
        return render()
    key = _key_of(document)
    if (row := _kept.get(key)) is None:
        if len(_kept) >= MAX_KEPT:
            _kept.clear()
        row = _kept[key] = render()
    return row


def _can_be_kept(document: Document) -> bool:
    """Whether the row is final and has no form: a form holds the visitor's token."""
    is_calm = document.summary_state not in (SummaryState.WAITING, SummaryState.FAILED)
    return document.state == State.READY and is_calm and not (document.failure or document.is_sample)


def _key_of(document: Document) -> bytes:
    serving = document.serving
    shown = (
        columns_of(document),
        (document.page_count, document.size, document.media_type),  # type: ignore[attr-defined]
        document.can_edit,  # type: ignore[attr-defined]
        str(document.collection),
        str(document.uploaded_by or ""),
        (serving.report, serving.is_partial) if serving else None,
        (timezone.get_current_timezone_name(), timezone.localdate()),
        (get_language(), get_script_prefix()),
    )
    return hashlib.sha256(repr(shown).encode("utf-8", "surrogatepass")).digest()
