"""One log line for each request, with its id, status, duration and user."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from ragsite.logs import bind_ids

logger = logging.getLogger("ragsite.request")

REQUEST_ID = re.compile(rb"[\w.-]{1,64}", re.ASCII)
CLIENT_CLOSED = 499  # as in nginx: the client left before the response began
# Open pages poll these every few seconds.
POLLED_VIEWS = {"metrics", "documents:changes", "operations:activity_part"}


@dataclass
class RequestRecord:
    """The values of a request's log line."""

    id: str
    method: str
    path: str
    status: int = CLIENT_CLOSED
    user: object = None
    view: str = ""
    started: float = field(default_factory=time.monotonic)

    @property
    def level(self) -> int:
        if self.status >= 500:
            return logging.WARNING
        return logging.DEBUG if self.view in POLLED_VIEWS and self.status < 400 else logging.INFO

    def write(self) -> None:
        values = {
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "ms": round((time.monotonic() - self.started) * 1000),
            "user": self.user,
        }
        line = " ".join(f"{name}={value}" for name, value in values.items() if value is not None)
        logger.log(self.level, "%s", line, extra=values)


_request: ContextVar[RequestRecord | None] = ContextVar("request", default=None)

App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


async def log_request(app: App, scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Run the app under a request id, which the response carries too, and write the log line at the end."""
    # Quoted, so that a line break in the path cannot forge a log line.
    request = RequestRecord(request_id(scope), scope["method"], quote(scope["path"]))
    _request.set(request)

    async def tracking_send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            request.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", request.id.encode())]
        await send(message)

    with bind_ids(request=request.id):
        try:
            await app(scope, receive, tracking_send)
        except Exception:
            request.status = 500
            raise
        finally:
            if not scope["path"].startswith(settings.STATIC_URL):
                request.write()


def request_id(scope: dict[str, Any]) -> str:
    """The X-Request-ID that the platform sent, so that its logs can be matched with ours; otherwise a new one."""
    given = dict(scope["headers"]).get(b"x-request-id", b"")
    return given.decode() if REQUEST_ID.fullmatch(given) else uuid4().hex[:12]


@sync_and_async_middleware
def record_user_and_view(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware that adds user and view to the log line. It needs no thread and never loads a session."""
    if iscoroutinefunction(get_response):

        async def middleware(http_request: HttpRequest) -> HttpResponseBase:
            response: HttpResponseBase = await get_response(http_request)
            record_request(http_request)
            return response

        return middleware

    def sync_middleware(http_request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = get_response(http_request)
        record_request(http_request)
        return response

    return sync_middleware


def record_request(http_request: HttpRequest) -> None:
    request = _request.get()
    if request is None:
        return
    if match := http_request.resolver_match:
        request.view = match.view_name
    # session.get() would query the database, which may be down.
    session = getattr(getattr(http_request, "session", None), "_session_cache", {})
    request.user = session.get(SESSION_KEY)
