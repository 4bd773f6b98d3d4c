"""Show pages of a document as images, and mark search results on them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from documents import page_images
from documents.extraction.render.client import RendererBusy
from documents.models import Document, Page, Version
from documents.views.read import requested_version
from ragsite.database import release_connection
from ragsite.http.query import whole_number
from ragsite.redis import name_of

if TYPE_CHECKING:
    from ragsite.accounts.requests import SignedInRequest

RETRY_AFTER_SECONDS = 3


@login_required
@require_safe
def page_image(request: SignedInRequest, pk: int, number: int) -> HttpResponse:
    """The page as a PNG, `?width=` pixels wide. Browsers revalidate it each time, and mostly get a 304."""
    version = _version_with_images(request, pk, number)
    width = whole_number(request.GET.get("width")) or page_images.WIDTHS[0]
    if width not in page_images.WIDTHS:
        raise Http404
    etag = quote_etag(f"{name_of(version)}-{number}-{width}-{page_images.RENDERER_VERSION}")
    if unchanged := get_conditional_response(request, etag=etag):
        return _guarded(unchanged)
    release_connection()
    try:
        png = page_images.page_image(version, number, width, request.user.pk)
    except RendererBusy:
        return _placeholder(request, _("Many page images are being made. Reload in a moment."), 503)
    if png is None:
        return _placeholder(request, _("This page cannot be shown as an image."), 404)
    return _guarded(HttpResponse(png, content_type="image/png", headers={"ETag": etag}))


@login_required
@require_safe
def page_marks(request: SignedInRequest, pk: int, number: int) -> HttpResponse:
    """An overlay: boxes over ranges of the page's text, `?at=12-40&at=90-97`. Empty if their places are unknown."""
    version = _version_with_images(request, pk, number)
    page = get_object_or_404(
        Page.objects.select_related("version").defer("text", "ocr_text"), version=version, number=number
    )
    texts = request.GET.getlist("at")[: page_images.MAX_RANGES]
    ranges = [parsed for text in texts if (parsed := _range(text))]
    engine = page.report.get("engine")
    state = (
        f"{name_of(version)}-{number}-{ranges}-{version.extracted_at}-{engine}-{page_images.RENDERER_VERSION}"
    )
    etag = quote_etag(hashlib.sha256(state.encode()).hexdigest())
    if unchanged := get_conditional_response(request, etag=etag):
        return _guarded(unchanged)
    release_connection()
    try:
        places = page_images.marks(page, ranges, request.user.pk)
    except RendererBusy:
        places = None
    response = render(request, "documents/page_marks.svg", {"places": places}, content_type="image/svg+xml")
    if places:
        response["ETag"] = etag
    return _guarded(response)


def _version_with_images(request: SignedInRequest, pk: int, number: int) -> Version:
    """The requested version, or 404 if it has no such page or no images."""
    document = get_object_or_404(Document.objects.visible_to(request.user).defer("embedding"), pk=pk)
    version = requested_version(request, document)
    if not version.has_page_images or not 1 <= number <= (version.page_count or 0):
        raise Http404
    return version


def _range(text: str) -> tuple[int, int] | None:
    """Parse "12-40"; None for anything else or an empty range."""
    first, _dash, last = text[:40].partition("-")
    start, end = whole_number(first), whole_number(last)
    return (start, end) if start is not None and end is not None and start < end else None


def _guarded(response: HttpResponse) -> HttpResponse:
    """Content from an uploaded file: browsers run no script in it, and proxies do not cache it."""
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-cache"
    return response


def _placeholder(request: HttpRequest, sentence: str, status: int) -> HttpResponse:
    """An image that says what is missing: browsers show an image whatever its status."""
    context = {"sentence": sentence}
    response = render(request, "documents/no_image.svg", context, content_type="image/svg+xml", status=status)
    if status == 503:
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return _guarded(response)
