"""Reading a document: what is known of it, its pages as pictures and as text, and finding words in them."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag, urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from documents import page_images
from documents.extraction.render.client import RendererBusy
from documents.forms import ReplaceForm, TitleForm
from documents.highlights import outlined
from documents.ingestion.ocr_status import ocr_status
from documents.models import Document, Page, Version
from documents.models.part import Part
from documents.search import find
from documents.sources import attachments
from documents.views.documents import listed
from ragsite.database import release_connection
from ragsite.redis import name_of

if TYPE_CHECKING:
    from ragsite.accounts.requests import SignedInRequest

MAX_SEARCH = 200  # characters; a longer search is refused with a sentence, and nothing of it is cut
MAX_NUMBER = 2**31 - 1
BUSY_SECONDS = 3


@login_required
@require_safe
def document(request: SignedInRequest, pk: int) -> HttpResponse:
    """Everything about it, with its first page."""
    document = get_object_or_404(listed(request.user, with_vector=True), pk=pk)
    if (number := _number(request, "page")) is not None:
        return redirect("documents:page", pk, number)
    version = document.serving or document.newest
    words = searched(request)
    page = version and version.pages.in_parts().first()
    context: dict[str, Any] = {
        "document": document,
        "version": version,
        "words": words,
        **search_limit(words),
        "related": document.related(request.user),
        "attempts": document.attempts.all()[:20],
        "replace_form": ReplaceForm(document=document),
        "title_form": TitleForm(document=document),
        "came_with": Document.objects.visible_to(request.user).filter(attachments=document).first(),
    }
    if version:
        context["attachments"] = list(attachments.attachments_of(version, request.user))
        context["pictures"] = ocr_status(version)
    if version and words and len(words) <= MAX_SEARCH:
        context["hits"] = find(version, words)
    elif version and page:
        context |= shown_page(request, document, version, page)
    return render(request, "documents/document.html", context)


@login_required
@require_safe
def page(request: SignedInRequest, pk: int, number: int) -> HttpResponse:
    """One page by itself: its picture beside its text."""
    document = get_object_or_404(listed(request.user), pk=pk)
    version = _version(request, document)
    page = get_object_or_404(Page.objects.in_parts(), version=version, number=number)
    context = {"document": document, "version": version} | shown_page(request, document, version, page)
    return render(request, "documents/page.html", context)


def shown_page(request: SignedInRequest, document: Document, version: Version, page: Page) -> dict[str, Any]:
    """What _page.html draws: one part of the text with its passages and the words sought, and what to mark in the picture."""
    words = searched(request)
    part = page.part(_number(request, "part") or 1)
    with_passages = request.GET.get("passages") != "0"
    sought = words if len(words) <= MAX_SEARCH else ""
    outline = outlined(part, _passages(document, version, page, part) if with_passages else (), sought)
    others = version.pages.order_by("number").values_list("number", flat=True)
    return {
        "page": page,
        "part": part,
        "outline": outline,
        "with_passages": with_passages,
        "passages_switch": "0" if with_passages else None,
        "kept_query": _kept_query(request),
        "marks": as_query(outline.hits),
        "words": words,
        **search_limit(words),
        "previous": others.filter(number__lt=page.number).last(),
        "next": others.filter(number__gt=page.number).first(),
        "last_number": others.last(),
    }


def _kept_query(request: HttpRequest) -> str:
    """What goes on to the next page: the words sought, the content, and how it is shown."""
    kept = {name: request.GET[name] for name in ("q", "version", "passages") if request.GET.get(name)}
    return urlencode(kept)


def _passages(document: Document, version: Version, page: Page, part: Part) -> list[tuple[int, int, int]]:
    """Number, start and end of each passage that is searched, as far as it stands in this part of the page."""
    start, end = page.start + part.start, page.start + part.end
    found = document.chunks.filter(version=version, index__state="live", start__lt=end, end__gt=start)
    return [
        (position + 1, max(first, start) - page.start, min(last, end) - page.start)
        for position, first, last in found.order_by("position").values_list("position", "start", "end")
    ]


@login_required
@require_safe
def page_image(request: SignedInRequest, pk: int, number: int) -> HttpResponse:
    """The page as a picture, `?width=` pixels wide. It is asked for anew each time, and mostly answered with 304."""
    version, width = _pictured(request, pk, number), _number(request, "width") or page_images.WIDTHS[0]
    if width not in page_images.WIDTHS:
        raise Http404
    etag = quote_etag(f"{name_of(version)}-{number}-{width}-{page_images.PAINTER}")
    if unchanged := get_conditional_response(request, etag=etag):
        return _guarded(unchanged)
    release_connection()
    try:
        png = page_images.picture(version, number, width, request.user.pk)
    except RendererBusy:
        return _instead(request, _("Many pages are being painted. Reload in a moment."), 503)
    if png is None:
        return _instead(request, _("This page cannot be shown as a picture."), 404)
    return _guarded(HttpResponse(png, content_type="image/png", headers={"ETag": etag}))


@login_required
@require_safe
def page_marks(request: SignedInRequest, pk: int, number: int) -> HttpResponse:
    """An overlay for the picture: boxes over ranges of the page's text, `?at=12-40&at=90-97`. Empty where none can be told."""
    version = _pictured(request, pk, number)
    page = get_object_or_404(
        Page.objects.select_related("version").defer("text", "recognised"), version=version, number=number
    )
    asked = request.GET.getlist("at")[: page_images.MAX_RANGES]
    ranges = [found for text in asked if (found := _range(text))]
    told = f"{name_of(version)}-{number}-{ranges}-{version.extracted_at}-{page.report.get('engine')}-{page_images.PAINTER}"
    etag = quote_etag(hashlib.sha256(told.encode()).hexdigest())
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


def _pictured(request: SignedInRequest, pk: int, number: int) -> Version:
    """The version whose page is asked for, if it has such a page and the person may read it."""
    document = get_object_or_404(Document.objects.visible_to(request.user).defer("embedding"), pk=pk)
    version = _version(request, document)
    if not version.has_pictures or not 1 <= number <= (version.page_count or 0):
        raise Http404
    return version


def _version(request: HttpRequest, document: Document) -> Version:
    """The content that answers, or (?version=) an earlier one that old answers cite."""
    if (number := _number(request, "version")) is not None:
        return get_object_or_404(document.versions, number=number)
    version = document.serving or document.newest
    if version is None:
        raise Http404
    return version


def _number(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return min(int(text[:10]), MAX_NUMBER) if text.isascii() and text.isdecimal() else None


def _range(text: str) -> tuple[int, int] | None:
    start, _dash, end = text[:40].partition("-")
    if not (start.isascii() and start.isdecimal() and end.isascii() and end.isdecimal()):
        return None
    return (int(start), int(end)) if int(start) < int(end) else None


def as_query(ranges: Iterable[tuple[int, int]]) -> str:
    return urlencode([("at", f"{start}-{end}") for start, end in ranges])


def _guarded(response: HttpResponse) -> HttpResponse:
    """What a hostile file was turned into: shown as what it is, running nothing, kept by no proxy."""
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-cache"
    return response


def _instead(request: HttpRequest, sentence: str, status: int) -> HttpResponse:
    """Browsers show a picture whatever its status: the page stays usable, and says what is missing."""
    context = {"sentence": sentence}
    response = render(
        request, "documents/no_picture.svg", context, content_type="image/svg+xml", status=status
    )
    if status == 503:
        response["Retry-After"] = str(BUSY_SECONDS)
    return _guarded(response)


def search_limit(words: str) -> dict[str, int]:
    """What the search field says of its length."""
    return {"max_search": MAX_SEARCH, "search_length": len(words)}


def searched(request: HttpRequest) -> str:
    """The words, their letters composed as those of the pages are: some keyboards send an accent by itself."""
    words = unicodedata.normalize("NFC", request.GET.get("q", ""))
    return " ".join(words.replace("\0", "").split())
