"""Answers that do not come from Django's views: they carry the headers that every page carries."""

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


def _none(request: object) -> HttpResponseBase:
    raise AssertionError("these middlewares are only asked for their headers")


# The outermost of MIDDLEWARE; each only looks at the request's scheme, host and path.
MIDDLEWARE = (XFrameOptionsMiddleware, CSPMiddleware, SecurityMiddleware)


def with_headers(scope: Scope, send: Send) -> Send:
    """Sends what it is given. An answer that passed none of Django's middleware, such as a refused body or a bare 400, gets its headers here."""

    async def sending(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _value in message.get("headers", ())}
            if b"x-content-type-options" not in given:
                missing = [(name, value) for name, value in page_headers(scope) if name not in given]
                message = {**message, "headers": [*message.get("headers", ()), *missing]}
        await send(message)

    return sending


def page_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """What the middleware adds to a page at that address; and that nobody keeps it."""
    # Without its query: one that is no UTF-8 is what the bare 400 is about.
    request, response = ASGIRequest({**scope, "query_string": b""}, io.BytesIO()), HttpResponse()
    for middleware in MIDDLEWARE:
        middleware(_none).process_response(request, response)
    response["Cache-Control"] = "private, no-store"
    del response["Content-Type"]
    return encoded(response)


def encoded(response: HttpResponse) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in response.items()]


async def respond(scope: Scope, send: Send, response: HttpResponse) -> None:
    """Send all of a response that was made without Django's handler."""
    response.setdefault("Cache-Control", "no-store")
    await begin(scope, send, response)
    await send({"type": "http.response.body", "body": b""})


async def begin(scope: Scope, send: Send, response: HttpResponse) -> None:
    """Send all of it, and leave the exchange open."""
    response["Content-Length"] = str(len(response.content))
    await send({"type": "http.response.start", "status": response.status_code, "headers": encoded(response)})
    body = b"" if scope["method"] == "HEAD" else response.content
    await send({"type": "http.response.body", "body": body, "more_body": True})
