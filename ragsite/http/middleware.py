"""Middleware of the whole site. The web process runs it in one thread with the view: ragsite/http/handler.py."""

from __future__ import annotations

import zoneinfo

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin


class TimeZoneMiddleware(MiddlewareMixin):
    """Activate the visitor's time zone, which a script stores in a cookie."""

    def process_request(self, request: HttpRequest) -> None:
        name = request.COOKIES.get("timezone", "")
        try:
            timezone.activate(zoneinfo.ZoneInfo(name)) if name else timezone.deactivate()
        except (KeyError, ValueError, OSError):  # an unknown zone, or a file path
            timezone.deactivate()


class PrivatePagesMiddleware(MiddlewareMixin):
    """Keep proxies and browsers from storing a page, unless its view sets Cache-Control."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-store"
        return response
