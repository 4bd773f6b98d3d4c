"""What a person sees when something of ours goes wrong."""

from __future__ import annotations

import sys

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from ragsite.database import DATABASE_AWAY


def server_error(request: HttpRequest) -> HttpResponse:
    """500; or, when it is only that the database is away for a moment, a 503 that says when to come back."""
    if isinstance(sys.exc_info()[1], DATABASE_AWAY):
        return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": "5"})
    return HttpResponse(render_to_string("500.html"), status=500)
