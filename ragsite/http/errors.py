"""What a person sees when something of ours goes wrong."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from ragsite.accounts.hashing import Busy
from ragsite.database import DATABASE_AWAY
from ragsite.disk import trouble_of


def server_error(request: HttpRequest) -> HttpResponse:
    """500; or 503 where the database is away or passwords are queueing, or 507 where nothing more can be stored. In JSON where that was asked for."""
    error = sys.exc_info()[1]
    if trouble := trouble_of(error):
        context = {"sentence": trouble.sentence, "remedy": trouble.remedy}
        return answer(request, trouble.status, "507.html", f"{trouble.sentence} {trouble.remedy}", context)
    if isinstance(error, (*DATABASE_AWAY, Busy)):
        sentence = _("The site cannot answer just now. Try again in a few seconds.")
        response = answer(request, 503, "503.html", sentence, {"is_busy": isinstance(error, Busy)})
        response["Retry-After"] = "5"
        return response
    return answer(request, 500, "500.html", _("Something went wrong here. Try again in a while."))


def answer(
    request: HttpRequest,
    status: int,
    template: str,
    sentence: str,
    context: Mapping[str, object] | None = None,
) -> HttpResponse:
    """A page, or the sentence alone for a script that takes JSON: the upload tray shows it beside the file."""
    if "application/json" in request.headers.get("Accept", ""):
        return JsonResponse({"error": sentence}, status=status)
    return HttpResponse(render_to_string(template, dict(context or {})), status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400; or a 413 that says what to do, for a text that is longer than a form takes or for more files at once."""
    sentence = ""
    if isinstance(exception, RequestDataTooBig):
        sentence = _("This text is too long for the form. Save it as a file and upload that.")
    elif isinstance(exception, TooManyFilesSent):
        sentence = _("These are more files than one form takes. Upload them in several turns, or as a zip.")
    if sentence:
        return answer(request, 413, "413.html", sentence, {"sentence": sentence, "is_whole": True})
    return HttpResponse(render_to_string("400.html"), status=400)
