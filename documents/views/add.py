"""Add documents: files, web pages, text."""

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

from documents.forms import PagesForm, PasteForm, UploadForm
from documents.models import Document
from documents.presentation.watched import PARTS
from documents.views.access import listed_documents

if TYPE_CHECKING:
    from documents.sources.upload_results import UploadResult
    from ragsite.accounts.requests import SignedInRequest
    from ragsite.disk import StorageProblem

MAX_ROWS = 50  # of one archive; a reload of the list shows the others


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: SignedInRequest) -> HttpResponse:
    """One file or many. upload.js sends each by itself and expects JSON; a plain form gets a page."""
    if request.method != "POST":
        return redirect("documents:list")
    form = UploadForm(request.POST, request.FILES, user=request.user)
    wants_json = "application/json" in request.headers.get("Accept", "")
    if form.is_valid():
        results = form.save()
        return _as_json(request, results) if wants_json else _as_page(request, results, form.left_out)
    sentence = next(iter(form.errors.values()))[0]
    if wants_json:
        return JsonResponse({"error": sentence}, status=422)
    return render(request, "documents/uploaded.html", {"form": form, "error": sentence}, status=422)


def _as_page(request: SignedInRequest, results: list[UploadResult], left_out: int) -> HttpResponse:
    context = {"results": results, "left_out": left_out}
    return render(request, "documents/uploaded.html", context, status=_status(results))


def _as_json(request: SignedInRequest, results: list[UploadResult]) -> JsonResponse:
    problem = next(iter(_problems(results)), None)
    if problem and not any(result.document or result.added for result in results):
        return JsonResponse({"error": f"{problem.sentence} {problem.remedy}"}, status=problem.status)
    count = intcomma(Document.objects.visible_to(request.user).count())
    data = {"results": [_result(request, result) for result in results], "document_count": count}
    return JsonResponse(data, status=_status(results))


def _problems(results: list[UploadResult]) -> list[StorageProblem]:
    return [problem for result in results for problem in result.problems]


def _status(results: list[UploadResult]) -> int:
    """200, or the status of the server's first problem, such as a full disk."""
    return next((problem.status for problem in _problems(results)), 200)


def _result(request: SignedInRequest, result: UploadResult) -> dict[str, object]:
    """One file's result for the tray, with the rows to insert if the page shows the list."""
    added = (
        [member.document for member in result.added] if result.members else [result.document] * result.is_new
    )
    rows = listed_documents(request.user).filter(pk__in=[document.pk for document in added if document])
    document = result.document and listed_documents(request.user).filter(pk=result.document.pk).first()
    return {
        "is_accepted": result.document is not None or bool(result.added),
        "html": render_to_string(
            "documents/_upload_result.html", {"result": result, "document": document}, request
        ),
        "row": "".join(render_to_string(PARTS["row"], {"document": row}, request) for row in rows[:MAX_ROWS]),
    }


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def pages(request: SignedInRequest) -> HttpResponse:
    """Web pages by address; a worker fetches them."""
    form = PagesForm(request.POST if request.method == "POST" else None, user=request.user)
    if request.method != "POST" or not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "documents/add_pages.html", {"pages_form": form}, status=status)
    results = form.save()
    if not all(result.is_new for result in results):
        return render(request, "documents/uploaded.html", {"results": results})
    sentence = ngettext("Fetching %d web page.", "Fetching %d web pages.", len(results))
    messages.success(request, sentence % len(results))
    return redirect("documents:list")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def text(request: SignedInRequest) -> HttpResponse:
    """Pasted or typed text."""
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
