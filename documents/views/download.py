"""Download the file of a document."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required
from django.core.files.base import File
from django.http import Http404, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from documents.models import Document

if TYPE_CHECKING:
    from ragsite.accounts.requests import SignedInRequest

logger = logging.getLogger("ragsite.files")

PIECE_BYTES = 256 * 1024


@login_required
@require_safe
def download(request: SignedInRequest, pk: int) -> HttpResponseBase:
    """The file as it was uploaded, always as an attachment: it may contain scripts."""
    document = get_object_or_404(Document.objects.visible_to(request.user), pk=pk)
    version = document.serving or document.newest
    if version is None:
        raise Http404
    try:
        file = version.file.open("rb")
        size = file.size
    except FileNotFoundError:
        return render(request, "documents/no_file.html", {"document": document}, status=404)
    except Exception as error:  # each storage raises its own when it does not respond
        logger.warning("file of document=%s could not be opened: %s", pk, type(error).__name__)
        return render(request, "documents/no_file.html", {"document": document, "is_away": True}, status=503)
    response = StreamingHttpResponse(pieces_of(file), content_type="application/octet-stream")
    response["Content-Length"] = size
    response["Content-Disposition"] = content_disposition_header(True, version.file_name) or "attachment"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


async def pieces_of(file: File) -> AsyncIterator[bytes]:
    """Read the file in a thread: under ASGI, Django would collect a plain iterator before it sent the first byte."""
    try:
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield piece
    finally:
        await asyncio.to_thread(file.close)
