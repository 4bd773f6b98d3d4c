"""Error pages, as a page or as JSON."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from ragsite.accounts.hashing import Busy
from ragsite.database import DATABASE_ERRORS
from ragsite.disk import storage_problem


def server_error(request: HttpRequest) -> HttpResponse:
    """500; or 503 if the database or the password hasher is overloaded, or 507 if the disk is full."""
    error = sys.exc_info()[1]
    if problem := storage_problem(error):
        context = {"sentence": problem.sentence, "remedy": problem.remedy}
        return error_response(
            request, problem.status, "507.html", f"{problem.sentence} {problem.remedy}", context
        )
    if isinstance(error, (*DATABASE_ERRORS, Busy)):
        sentence = _("The site is not available right now. Try again in a few seconds.")
        response = error_response(request, 503, "503.html", sentence, {"is_busy": isinstance(error, Busy)})
        response["Retry-After"] = "5"
        return response
    return error_response(request, 500, "500.html", _("Something went wrong. Try again later."))


def error_response(
    request: HttpRequest,
    status: int,
    template: str,
    sentence: str,
    context: Mapping[str, object] | None = None,
) -> HttpResponse:
    """A page, or JSON with the sentence for a script: the upload tray shows it beside the file."""
    if "application/json" in request.headers.get("Accept", ""):
        return JsonResponse({"error": sentence}, status=status)
    return HttpResponse(render_to_string(template, dict(context or {})), status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400; or 413 with advice, if a text is too long or there are too many files."""
    sentence = ""
    if isinstance(exception, RequestDataTooBig):
        sentence = _("This text is too long for the form. Save it as a file and upload that.")
    elif isinstance(exception, TooManyFilesSent):
        sentence = _("These are too many files for one form. Upload fewer at a time, or a zip.")
    if sentence:
        return error_response(request, 413, "413.html", sentence, {"sentence": sentence, "is_whole": True})
    return HttpResponse(render_to_string("400.html"), status=400)
