"""Responses that bypass Django's handler, with the security headers of every page."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable
from typing import Any

from csp.middleware import CSPMiddleware
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Any], Awaitable[None]]


def _no_response(request: object) -> HttpResponseBase:
    raise AssertionError("only process_response is called")


# The first entries of settings.MIDDLEWARE that add headers; they read scheme, host and path only.
MIDDLEWARE = (XFrameOptionsMiddleware, CSPMiddleware, SecurityMiddleware)


def adding_headers(scope: Scope, send: Send) -> Send:
    """Wrap `send` so that a response that passed no middleware, such as a rejected body, gets its security headers."""

    async def send_with_headers(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _value in message.get("headers", ())}
            if b"x-content-type-options" not in given:
                missing = [(name, value) for name, value in page_headers(scope) if name not in given]
                message = {**message, "headers": [*message.get("headers", ()), *missing]}
        await send(message)

    return send_with_headers


def page_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """The headers that middleware adds to a page at this address, and Cache-Control."""
    # Without the query, which may be invalid UTF-8 and the reason for a 400.
    request, response = ASGIRequest({**scope, "query_string": b""}, io.BytesIO()), HttpResponse()
    for middleware in MIDDLEWARE:
        middleware(_no_response).process_response(request, response)
    response["Cache-Control"] = "private, no-store"
    del response["Content-Type"]
    return encode_headers(response)


def encode_headers(response: HttpResponse) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in response.items()]


async def send_response(scope: Scope, send: Send, response: HttpResponse) -> None:
    """Send a whole response and end the exchange."""
    response.setdefault("Cache-Control", "no-store")
    await send_open(scope, send, response)
    await send({"type": "http.response.body", "body": b""})


async def send_open(scope: Scope, send: Send, response: HttpResponse) -> None:
    """Send the response without ending the exchange."""
    response["Content-Length"] = str(len(response.content))
    await send(
        {"type": "http.response.start", "status": response.status_code, "headers": encode_headers(response)}
    )
    body = b"" if scope["method"] == "HEAD" else response.content
    await send({"type": "http.response.body", "body": body, "more_body": True})
