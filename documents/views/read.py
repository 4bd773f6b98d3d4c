"""Read and search one document."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from documents.forms import ReplaceForm, TitleForm
from documents.highlights import outlined
from documents.ingestion.ocr.status import ocr_status
from documents.models import Document, Page, Version
from documents.models.page import Part
from documents.search import find
from documents.sources import attachments
from documents.views.access import listed_documents
from ragsite.http.query import whole_number

if TYPE_CHECKING:
    from ragsite.accounts.requests import SignedInRequest

RELATED_DOCUMENTS = 5
THUMBNAILS_BEFORE, THUMBNAILS_AFTER = 5, 20  # pages around the one that is read
MAX_SEARCH = 200  # characters; a longer search is refused, not cut


@login_required
@require_safe
def document(request: SignedInRequest, pk: int) -> HttpResponse:
    """The document with its first page, or with the matches of `?q=`."""
    document = get_object_or_404(listed_documents(request.user, with_vector=True), pk=pk)
    if (number := whole_number(request.GET.get("page"))) is not None:
        return redirect("documents:page", pk, number)
    version = document.serving or document.newest
    words = search_words(request)
    page = version and version.pages.in_parts().first()
    context: dict[str, Any] = {
        "document": document,
        "version": version,
        "words": words,
        **search_limit(words),
        "related": Document.objects.visible_to(request.user).related_to(document)[:RELATED_DOCUMENTS],
        "attempts": document.attempts.all()[:20],
        "replace_form": ReplaceForm(document=document),
        "title_form": TitleForm(document=document),
        "came_with": Document.objects.visible_to(request.user).filter(attachments=document).first(),
    }
    if version:
        context["attachments"] = list(attachments.attachments_of(version, request.user))
        context["ocr"] = ocr_status(version)
    if version and words and len(words) <= MAX_SEARCH:
        context["hits"] = find(version, words)
    elif version and page:
        context |= page_context(request, document, version, page)
    return render(request, "documents/document.html", context)


@login_required
@require_safe
def page(request: SignedInRequest, pk: int, number: int) -> HttpResponse:
    """One page: its image beside its text."""
    document = get_object_or_404(listed_documents(request.user), pk=pk)
    version = requested_version(request, document)
    page = get_object_or_404(version.pages.in_parts(), number=number)
    context = {"document": document, "version": version} | page_context(request, document, version, page)
    return render(request, "documents/page.html", context)


def page_context(
    request: SignedInRequest, document: Document, version: Version, page: Page
) -> dict[str, Any]:
    """What _page.html shows: one part of the text with its passages and matches, and the marks on the image."""
    words = search_words(request)
    part = page.part(whole_number(request.GET.get("part")) or 1)
    # How a text is cut for retrieval is for operators to see, when they ask for it.
    may_see_passages = request.user.has_perm("documents.operate")
    with_passages = may_see_passages and request.GET.get("passages") == "1"
    query = words if len(words) <= MAX_SEARCH else ""
    passages = _passages(document, version, page, part) if with_passages else ()
    outline = outlined(part, passages, query, version.media_type, page.headings_in(part))
    others = version.pages.order_by("number").values_list("number", flat=True)
    near = others.filter(
        number__gte=page.number - THUMBNAILS_BEFORE, number__lte=page.number + THUMBNAILS_AFTER
    )
    return {
        "page": page,
        "part": part,
        "outline": outline,
        "may_see_passages": may_see_passages,
        "with_passages": with_passages,
        "passages_switch": None if with_passages else "1",
        "kept_query": _kept_query(request),
        "marks": _as_query(outline.hits),
        "words": words,
        **search_limit(words),
        "previous": others.filter(number__lt=page.number).last(),
        "next": others.filter(number__gt=page.number).first(),
        "last_number": others.last(),
        "thumbnails": near if version.has_page_images else [],
    }


def _kept_query(request: HttpRequest) -> str:
    """The parameters that the links to the next and previous page keep."""
    kept = {name: request.GET[name] for name in ("q", "version", "passages") if request.GET.get(name)}
    return urlencode(kept)


def _passages(document: Document, version: Version, page: Page, part: Part) -> list[tuple[int, int, int]]:
    """Number, start and end of each indexed passage, cut to this part of the page."""
    start, end = page.start + part.start, page.start + part.end
    found = document.chunks.filter(version=version, index__state="live", start__lt=end, end__gt=start)
    return [
        (position + 1, max(first, start) - page.start, min(last, end) - page.start)
        for position, first, last in found.order_by("position").values_list("position", "start", "end")
    ]


def requested_version(request: HttpRequest, document: Document) -> Version:
    """The version that answers use, or (`?version=`) a previous one that old answers cite."""
    if (number := whole_number(request.GET.get("version"))) is not None:
        return get_object_or_404(document.versions, number=number)
    version = document.serving or document.newest
    if version is None:
        raise Http404
    return version


def _as_query(ranges: Iterable[tuple[int, int]]) -> str:
    return urlencode([("at", f"{start}-{end}") for start, end in ranges])


def search_limit(words: str) -> dict[str, int]:
    """What the search field needs to explain its limit."""
    return {"max_search": MAX_SEARCH, "search_length": len(words)}


def search_words(request: HttpRequest) -> str:
    """Return the words in NFC, as pages are stored: some keyboards send an accent as a character of its own."""
    words = unicodedata.normalize("NFC", request.GET.get("q", ""))
    return " ".join(words.replace("\0", "").split())
