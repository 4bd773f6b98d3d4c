"""What a person sees when something of ours goes wrong."""

from __future__ import annotations

import sys

from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from ragsite.accounts.hashing import Busy
from ragsite.database import DATABASE_AWAY


def server_error(request: HttpRequest) -> HttpResponse:
    """500; or, when it is only that the database is away or passwords are queueing, a 503 that says when to come back."""
    error = sys.exc_info()[1]
    if isinstance(error, (*DATABASE_AWAY, Busy)):
        page = render_to_string("503.html", {"is_busy": isinstance(error, Busy)})
        return HttpResponse(page, status=503, headers={"Retry-After": "5"})
    return HttpResponse(render_to_string("500.html"), status=500)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400; or a 413 that says what to do, for a text that is longer than a form takes or for more files at once."""
    sentence = ""
    if isinstance(exception, RequestDataTooBig):
        sentence = _("This text is too long for the form. Save it as a file and upload that.")
    elif isinstance(exception, TooManyFilesSent):
        sentence = _("These are more files than one form takes. Upload them in several turns, or as a zip.")
    if sentence:
        return HttpResponse(
            render_to_string("413.html", {"sentence": sentence, "is_whole": True}), status=413
        )
    return HttpResponse(render_to_string("400.html"), status=400)
