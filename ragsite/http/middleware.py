"""What every request passes. It can run async: a sync-only one would push every open stream into a thread."""

from __future__ import annotations

import zoneinfo

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin


class TimeZoneMiddleware(MiddlewareMixin):
    """Times are shown in the reader's own zone, which the page notes in a cookie."""

    def process_request(self, request: HttpRequest) -> None:
        name = request.COOKIES.get("timezone", "")
        try:
            timezone.activate(zoneinfo.ZoneInfo(name)) if name else timezone.deactivate()
        except (KeyError, ValueError, OSError):  # no such zone, or a path pretending to be one
            timezone.deactivate()


class PrivatePagesMiddleware(MiddlewareMixin):
    """No proxy and no browser keeps a page that a person was shown, unless its view says otherwise."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-store"
        return response
