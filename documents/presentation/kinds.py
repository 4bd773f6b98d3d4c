"""The kind of a document, as an icon and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.utils.translation import gettext_lazy as _

from documents.extraction.registry import EPUB, MAIL
from documents.presentation.page_names import is_presentation, is_spreadsheet

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from documents.models import Document


class FileKind(NamedTuple):
    """A symbol of icons.svg, and its name."""

    icon: str
    name: _StrPromise


WEB = FileKind("globe", _("Web page"))
PDF = FileKind("pdf", _("PDF"))
SLIDES = FileKind("slides", _("Slides"))
SHEET = FileKind("sheet", _("Table"))
EMAIL = FileKind("mail", _("Email"))
BOOK = FileKind("book", _("E-book"))
TEXT = FileKind("file", _("Text"))


def kind_of(document: Document) -> FileKind:
    """Of the newest version; `listed_documents` annotates its media type."""
    media_type: str = document.media_type or ""  # type: ignore[attr-defined]
    if document.url:
        return WEB
    if is_presentation(media_type):
        return SLIDES
    if is_spreadsheet(media_type) or media_type == "text/csv":
        return SHEET
    known = {"application/pdf": PDF, MAIL: EMAIL, EPUB: BOOK, "text/html": WEB}
    return known.get(media_type, TEXT)
