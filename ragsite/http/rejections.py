"""Responses to requests whose body is rejected."""

from __future__ import annotations

import asyncio
import io
from contextlib import suppress

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from ragsite.http.responses import Receive, Scope, Send, send_open

RETRY_AFTER_SECONDS = 10
DRAIN_SECONDS = 2  # a client that is still sending reads the response only when it can finish


class Rejected(Exception):
    """A body is not accepted. `sentence` tells the visitor why; `may_retry` adds a Retry-After header."""

    def __init__(self, status: int, sentence: str = "", *, may_retry: bool = False) -> None:
        super().__init__(status)
        self.status, self.sentence, self.may_retry = status, sentence, may_retry


def too_large() -> Rejected:
    sentence = _("This is larger than %(size)s MB, the limit of this site.")
    return Rejected(413, sentence % {"size": settings.MAX_UPLOAD_MB})


async def send_rejection(rejection: Rejected, scope: Scope, receive: Receive, send: Send) -> None:
    """Send the response, drain the body for a moment, and close the connection."""
    response = response_to(ASGIRequest({**scope, "query_string": b""}, io.BytesIO()), rejection)
    response["Connection"] = "close"
    if rejection.may_retry:
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    await send_open(scope, send, response)
    # A client that sends "Expect: 100-continue" has not sent its body yet.
    if b"expect" not in dict(scope["headers"]):
        await _drain(receive)
    await send({"type": "http.response.body", "body": b""})


async def _drain(receive: Receive) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            while (await receive()).get("more_body"):
                pass


def response_to(request: ASGIRequest, rejection: Rejected) -> HttpResponse:
    """A page, or JSON for a script such as the upload tray; a signed-out visitor is sent to the sign-in page."""
    is_htmx = "HX-Request" in request.headers
    if is_htmx or "application/json" in request.headers.get("Accept", ""):
        response: HttpResponse = JsonResponse({"error": rejection.sentence}, status=rejection.status)
        if rejection.status == 401 and is_htmx:
            response["HX-Redirect"] = reverse("accounts:login")
        return response
    if rejection.status == 401:
        return HttpResponseRedirect(reverse("accounts:login"))
    template = f"{rejection.status}.html" if rejection.status in (413, 507) else "refused.html"
    page = render_to_string(template, {"sentence": rejection.sentence, "remedy": ""})
    return HttpResponse(page, status=rejection.status)
