"""Change one document: retry, cancel, rename, replace, delete; each has its own URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from documents.forms import PasswordForm, ReplaceForm, TitleForm
from documents.ingestion import passwords
from documents.models.document.tags import tags_in
from documents.views.access import after_change, editable_document, not_found_if_deleted
from ragsite.storable import storable_text

if TYPE_CHECKING:
    from ragsite.accounts.requests import SignedInRequest


@login_required
@require_POST
@not_found_if_deleted
def retry(request: SignedInRequest, pk: int) -> HttpResponse:
    document = editable_document(request, pk)
    # A document that waits for its next attempt is moving, and may be retried now.
    if not document.is_moving or document.failure:
        document.replay()
    return after_change(request, document)


@login_required
@require_POST
@not_found_if_deleted
def cancel(request: SignedInRequest, pk: int) -> HttpResponse:
    document = editable_document(request, pk)
    if document.is_moving:
        document.cancel()
    return after_change(request, document)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: SignedInRequest, pk: int) -> HttpResponse:
    """Ask for confirmation, then delete the document with everything extracted from it. Answers keep their quotes."""
    document = editable_document(request, pk)
    if request.method != "POST":
        return render(request, "documents/delete.html", {"documents": [document], "document": document})
    document.delete()
    if request.htmx:
        return HttpResponse()  # htmx removes the row
    messages.success(request, format_html(_("“<bdi>{}</bdi>” was deleted."), document.title))
    return redirect("documents:list")


@login_required
@require_POST
@not_found_if_deleted
def refresh(request: SignedInRequest, pk: int) -> HttpResponse:
    """Fetch a web page again."""
    document = editable_document(request, pk)
    if not document.url:
        raise Http404
    if not document.is_moving:
        document.fetch()
    return after_change(request, document)


@sensitive_post_parameters("password")
@login_required
@require_POST
@not_found_if_deleted
def password(request: SignedInRequest, pk: int) -> HttpResponse:
    """Use a file's password for the next extraction or OCR; it is not stored."""
    document = editable_document(request, pk)
    form = PasswordForm(request.POST)
    version = document.newest
    is_locked = document.failure_kind == "password"
    if version is None or not (is_locked or document.needs_password_for_ocr):
        return after_change(request, document)  # it no longer needs one
    if not form.is_valid():
        messages.error(request, _("Enter the password."))
    elif passwords.store(version, form.cleaned_data["password"]):
        document.replay() if is_locked else document.start_ocr()
    else:
        messages.error(request, _("The password could not be used just now. Try again in a moment."))
    return after_change(request, document)


@login_required
@require_POST
@not_found_if_deleted
def run_ocr(request: SignedInRequest, pk: int) -> HttpResponse:
    """Run OCR on the scanned pages; answers use the other pages until it is done."""
    document = editable_document(request, pk)
    if document.serving_id and not (document.is_moving or document.is_ocr_running):
        document.start_ocr()
    return after_change(request, document)


@login_required
@require_POST
@not_found_if_deleted
def stop_ocr(request: SignedInRequest, pk: int) -> HttpResponse:
    document = editable_document(request, pk)
    if not document.is_moving:
        document.stop_ocr()
    return after_change(request, document)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rename(request: SignedInRequest, pk: int) -> HttpResponse:
    document = editable_document(request, pk)
    form = TitleForm(request.POST or None, document=document)
    if form.is_valid():
        document.rename(form.cleaned_data["title"])
        return redirect(document)
    status = 422 if form.is_bound else 200
    return render(request, "documents/rename.html", {"document": document, "form": form}, status=status)


@login_required
@require_POST
@not_found_if_deleted
def tags(request: SignedInRequest, pk: int) -> HttpResponse:
    """Replace the document's tags by those of a text with commas."""
    document = editable_document(request, pk)
    document.set_tags(tags_in(storable_text(request.POST.get("tags", ""))))
    return redirect(document)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def replace(request: SignedInRequest, pk: int) -> HttpResponse:
    document = editable_document(request, pk)
    form = ReplaceForm(document=document)
    if request.method == "POST":
        form = ReplaceForm(request.POST, request.FILES, document=document)
        if form.is_valid() and form.save():
            messages.success(
                request, _("The new version is being read. Answers use the previous one until it is ready.")
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
@not_found_if_deleted
def keep(request: SignedInRequest, pk: int) -> HttpResponse:
    """Discard a new version that could not be read; answers keep using the previous one."""
    document = editable_document(request, pk)
    if document.discard_failed_version():
        messages.success(request, _("The previous version was kept."))
    else:
        messages.error(
            request, _("The previous version could not be restored. Check what the document contains now.")
        )
    return after_change(request, document)
