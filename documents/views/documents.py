"""What a person does with documents that are there: look through, read, try again, replace, take away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from functools import wraps
from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.base import File
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Q, Subquery
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import format_html
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from documents.filters import DocumentFilter
from documents.forms import PagesForm, PasswordForm, PasteForm, ReplaceForm, TitleForm, UploadForm
from documents.ingestion import passwords
from documents.models import Collection, Document, State, Version
from documents.models.document_queryset import DocumentQuerySet
from documents.models.states import MOVING, SummaryState
from documents.views.watched import PARTS
from documents.work import remedies

if TYPE_CHECKING:
    from ragsite.accounts.models import User
    from ragsite.accounts.requests import SignedInRequest

logger = logging.getLogger("ragsite.files")

ON_A_PAGE = 50
READ_AT_ONCE = 256 * 1024


def none_where_deleted(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page that is not there, where someone else has deleted the document before the view was done with it."""

    @wraps(view)
    def wrapped(request: HttpRequest, pk: int) -> HttpResponse:
        try:
            return view(request, pk)
        except Document.DoesNotExist:
            raise Http404 from None

    return wrapped


@login_required
@require_safe
def documents(request: SignedInRequest) -> HttpResponse:
    form = DocumentFilter(request.GET)
    shown = Paginator(form.narrow(listed(request.user)), ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "filter": form,
        "documents": shown,
        "upload_form": UploadForm(user=request.user),
        "folder_form": UploadForm(user=request.user, auto_id="folder-%s"),
        "pages_form": PagesForm(user=request.user, auto_id="pages-%s"),
        "paste_form": PasteForm(user=request.user, auto_id="paste-%s"),
        "unread_scan": next((document for document in shown if document.is_unread_scan), None),
        "any_moving": any(document.is_moving for document in shown),
        "has_any": bool(shown) or Document.objects.visible_to(request.user).exists(),
    }
    return render(request, "documents/list.html", context)


@login_required
@require_POST
@none_where_deleted
def retry(request: SignedInRequest, pk: int) -> HttpResponse:
    document = own(request, pk)
    if not document.is_moving or document.failure:  # one that waits for its next try may be hurried
        document.replay()
    return after_change(request, document)


@login_required
@require_POST
@none_where_deleted
def cancel(request: SignedInRequest, pk: int) -> HttpResponse:
    document = own(request, pk)
    if document.is_moving:
        document.cancel()
    return after_change(request, document)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: SignedInRequest, pk: int) -> HttpResponse:
    """Asked first, then gone with everything that was found in it. Answers keep the words they quoted."""
    document = own(request, pk)
    if request.method != "POST":
        return render(request, "documents/delete.html", {"documents": [document], "document": document})
    document.delete()
    if request.headers.get("HX-Request"):
        return HttpResponse()  # the row is swapped for nothing
    messages.success(request, format_html(_("“<bdi>{}</bdi>” was deleted."), document.title))
    return redirect("documents:list")


@login_required
@require_POST
@none_where_deleted
def refresh(request: SignedInRequest, pk: int) -> HttpResponse:
    """Look at a web page's address again."""
    document = own(request, pk)
    if not document.url:
        raise Http404
    if not document.is_moving:
        document.fetch()
    return after_change(request, document)


@sensitive_post_parameters("password")
@login_required
@require_POST
@none_where_deleted
def password(request: SignedInRequest, pk: int) -> HttpResponse:
    """The password of a file that needs one: for the next reading, and for no other."""
    document = own(request, pk)
    form = PasswordForm(request.POST)
    version = document.newest
    is_for_all = document.failure_kind == "password"
    if version is None or not (is_for_all or document.needs_password_for_pictures):
        return after_change(request, document)  # it was read meanwhile
    if not form.is_valid():
        messages.error(request, _("Enter the password first."))
    elif passwords.store(version, form.cleaned_data["password"]):
        document.replay() if is_for_all else document.read_pictures()
    else:
        messages.error(request, _("The password could not be passed on just now. Try again in a moment."))
    return after_change(request, document)


@login_required
@require_POST
@none_where_deleted
def read_pictures(request: SignedInRequest, pk: int) -> HttpResponse:
    """Those of its pages that are pictures still, while the others answer."""
    document = own(request, pk)
    if document.serving_id and not (document.is_moving or document.is_reading_pictures):
        document.read_pictures()
    return after_change(request, document)


@login_required
@require_POST
@none_where_deleted
def stop_reading_pictures(request: SignedInRequest, pk: int) -> HttpResponse:
    document = own(request, pk)
    if not document.is_moving:
        document.stop_reading_pictures()
    return after_change(request, document)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rename(request: SignedInRequest, pk: int) -> HttpResponse:
    document = own(request, pk)
    form = TitleForm(request.POST or None, document=document)
    if form.is_valid():
        document.rename(form.cleaned_data["title"])
        return redirect(document)
    status = 422 if form.is_bound else 200
    return render(request, "documents/rename.html", {"document": document, "form": form}, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def replace(request: SignedInRequest, pk: int) -> HttpResponse:
    document = own(request, pk)
    form = ReplaceForm(document=document)
    if request.method == "POST":
        form = ReplaceForm(request.POST, request.FILES, document=document)
        if form.is_valid() and form.save():
            messages.success(
                request, _("The new content is being read. The earlier one answers until it is ready.")
            )
            return redirect(document)
    return render(
        request,
        "documents/replace.html",
        {"document": document, "form": form},
        status=form.problem.status if form.problem else 422 if form.is_bound else 200,
    )


@login_required
@require_POST
@none_where_deleted
def keep(request: SignedInRequest, pk: int) -> HttpResponse:
    """Take back a new content that could not be read: the one that answers stays."""
    document = own(request, pk)
    if document.keep_serving():
        messages.success(request, _("The earlier content stays."))
    else:
        messages.error(
            request, _("The earlier content could not be put back: look at what the document says now.")
        )
    return after_change(request, document)


@login_required
@require_POST
def selected(request: SignedInRequest) -> HttpResponse:
    """Several at once. Those that are not the person's to change are left alone."""
    chosen = [int(pk) for pk in request.POST.getlist("chosen") if pk.isdecimal() and len(pk) < 19]
    documents = Document.objects.editable_by(request.user).filter(pk__in=chosen).defer("embedding")
    if not documents:
        messages.info(request, _("Choose some documents first."))
    elif request.POST.get("action") == "retry":
        found = documents.filter(
            Q(state__in=[State.FAILED, State.CANCELLED]) | Q(summary_state=SummaryState.FAILED)
        )
        vain = found.filter(state=State.FAILED, failure_kind__in=remedies.in_vain()).count()
        count = found.replay()
        messages.success(
            request, ngettext("%d document is read again.", "%d documents are read again.", count) % count
        )
        if vain:
            messages.warning(request, remedies.in_vain_words(vain))
    elif request.POST.get("action") == "refresh":
        count = documents.web_pages().exclude(state__in=MOVING).fetch()
        messages.success(
            request,
            ngettext("%d web page is looked at again.", "%d web pages are looked at again.", count) % count,
        )
    elif request.POST.get("action") == "delete" and "confirmed" not in request.POST:
        return render(request, "documents/delete.html", {"documents": documents})
    elif request.POST.get("action") == "delete":
        count = len([document.delete() for document in documents])
        messages.success(
            request, ngettext("%d document was deleted.", "%d documents were deleted.", count) % count
        )
    return redirect("documents:list")


@login_required
@require_safe
def download(request: SignedInRequest, pk: int) -> HttpResponseBase:
    """The file as it was uploaded. Never shown in the page's own place: it may hold scripts."""
    document = get_object_or_404(Document.objects.visible_to(request.user), pk=pk)
    version = document.serving or document.newest
    if version is None:
        raise Http404
    try:
        file = version.file.open("rb")
        size = file.size
    except FileNotFoundError:
        return render(request, "documents/no_file.html", {"document": document}, status=404)
    except Exception as error:  # a storage may be away, and each raises its own
        logger.warning("file of document=%s not opened: %s", pk, type(error).__name__)
        return render(request, "documents/no_file.html", {"document": document, "is_away": True}, status=503)
    response = StreamingHttpResponse(pieces_of(file), content_type="application/octet-stream")
    response["Content-Length"] = size
    response["Content-Disposition"] = content_disposition_header(True, version.file_name) or "attachment"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


def listed(user: User, *, with_vector: bool = False) -> DocumentQuerySet:
    """The documents a person sees, with what a row of the list shows of them."""
    newest = Version.objects.filter(document=OuterRef("pk")).order_by("-number")
    mine = Collection.objects.editable_by(user).filter(pk=OuterRef("collection"))
    documents = (
        Document.objects.visible_to(user)
        .select_related("collection", "uploaded_by", "serving")
        .with_tasks()
        .annotate(page_count=Subquery(newest.values("page_count")[:1]), can_edit=Exists(mine))
    )
    return documents if with_vector else documents.defer("embedding")


def own(request: SignedInRequest, pk: int) -> Document:
    """The document, if the person may change it."""
    return get_object_or_404(Document.objects.editable_by(request.user).defer("embedding"), pk=pk)


def after_change(request: SignedInRequest, document: Document) -> HttpResponse:
    """The row as it is now, or the page that the form was on."""
    if request.headers.get("HX-Request"):
        return render(request, PARTS["row"], {"document": listed(request.user).get(pk=document.pk)})
    return redirect("documents:list") if "list" in request.POST else redirect(document)


async def pieces_of(file: File) -> AsyncIterator[bytes]:
    """Piece by piece: a plain iterator would be read into memory whole before the first byte went out."""
    try:
        while piece := await asyncio.to_thread(file.read, READ_AT_ONCE):
            yield piece
    finally:
        await asyncio.to_thread(file.close)
