"""What a person adds: files, web pages, texts. The pages for it; `views` shows and changes what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from documents.forms import PagesForm, PasteForm, Upload, UploadForm
from documents.models import Document
from documents.views.documents import listed
from documents.views.watched import PARTS

if TYPE_CHECKING:
    from ragsite.accounts.requests import SignedInRequest

ROWS = 50  # of one archive; the list has more when it is opened again


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: SignedInRequest) -> HttpResponse:
    """One file or many. The tray in the page sends each by itself and takes JSON; a plain form gets a page."""
    wants_json = "application/json" in request.headers.get("Accept", "")
    if request.method != "POST":
        return redirect("documents:list")
    form = UploadForm(request.POST, request.FILES, user=request.user)
    if not form.is_valid():
        sentence = next(iter(form.errors.values()))[0]
        if wants_json:
            return JsonResponse({"error": sentence}, status=422)
        return render(request, "documents/uploaded.html", {"form": form, "error": sentence}, status=422)
    results = form.save()
    troubles = [trouble for result in results for trouble in result.problems]
    status = troubles[0].status if troubles else 200
    if wants_json and troubles and not any(result.document or result.added for result in results):
        return JsonResponse({"error": f"{troubles[0].sentence} {troubles[0].remedy}"}, status=status)
    if wants_json:
        count = intcomma(Document.objects.visible_to(request.user).count())
        return JsonResponse(
            {"results": [as_json(request, result) for result in results], "document_count": count},
            status=status,
        )
    context = {"results": results, "left_out": form.left_out}
    return render(request, "documents/uploaded.html", context, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def pages(request: SignedInRequest) -> HttpResponse:
    """Web pages by their addresses; a worker fetches them."""
    form = PagesForm(request.POST if request.method == "POST" else None, user=request.user)
    if request.method != "POST" or not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "documents/add_pages.html", {"pages_form": form}, status=status)
    results = form.save()
    if not all(result.is_new for result in results):
        return render(request, "documents/uploaded.html", {"results": results})
    sentence = ngettext("%d web page is being fetched.", "%d web pages are being fetched.", len(results))
    messages.success(request, sentence % len(results))
    return redirect("documents:list")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def text(request: SignedInRequest) -> HttpResponse:
    """A text that was pasted or typed."""
    form = PasteForm(request.POST if request.method == "POST" else None, user=request.user)
    if request.method != "POST" or not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "documents/add_text.html", {"paste_form": form}, status=status)
    result = form.save()
    if result.document is None:
        form.add_error("text", f"{result.sentence} {result.remedy}")
        status = result.problem.status if result.problem else 422
        return render(request, "documents/add_text.html", {"paste_form": form}, status=status)
    if not result.is_new:
        messages.info(request, _("You have this text already."))
    return redirect(result.document)


def as_json(request: SignedInRequest, result: Upload) -> dict[str, object]:
    """One file's outcome for the tray, and the rows for the list if one is on the page."""
    new = (
        [member.document for member in result.added]
        if result.members
        else [result.document]
        if result.is_new
        else []
    )
    rows = listed(request.user).filter(pk__in=[document.pk for document in new if document])
    document = result.document and listed(request.user).filter(pk=result.document.pk).first()
    return {
        "is_accepted": result.document is not None or bool(result.added),
        "html": render_to_string(
            "documents/_upload_result.html", {"result": result, "document": document}, request
        ),
        "row": "".join(render_to_string(PARTS["row"], {"document": row}, request) for row in rows[:ROWS]),
    }
