"""Django's ASGI handler with a bounded number of threads, and one hop into a thread for each request.

Django's own handler gives every request a thread and hops into it for each middleware and signal: twenty hops for a page,
and five hundred threads for five hundred open streams. Here the whole request runs in one of THREADS threads. Further
requests wait their turn, without a thread and without a database connection, until there are MAX_REQUESTS.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_started
from django.db import connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.urls import set_script_prefix
from servestatic.middleware import ServeStaticMiddleware

from ragsite.http.responses import Receive, Scope, Send

THREADS = 64  # some wait for others: a password's hash, a picture of a page, a test of the provider
MAX_REQUESTS = 2_000  # in this process, running or waiting; further ones are asked to come back
RETRY_AFTER_SECONDS = 10


class Handler(ASGIHandler):
    """Runs middleware and view of a request in one thread; static files and the parts of a stream need none."""

    def __init__(self) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor(THREADS, "request")
        self._requests = 0
        self._static = ServeStaticMiddleware(self._answer_in_thread)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        try:
            set_script_prefix(scope["root_path"] or "/")
            response = await self._answer(scope, body)
            await self._send(response, receive, send)
        finally:
            body.close()

    def load_middleware(self, is_async: bool = False) -> None:
        """Build the chain of sync callables: it runs in a thread as a whole."""
        super().load_middleware(is_async=False)

    async def _answer(self, scope: Scope, body: IO[bytes]) -> HttpResponseBase:
        request, error = self.create_request(scope, body)
        if request is None:
            assert error
            return error
        if settings.SECURE_SSL_REDIRECT and not request.is_secure():
            return await self._answer_in_thread(request)  # which redirects
        return await self._static(request)

    async def _answer_in_thread(self, request: HttpRequest) -> HttpResponseBase:
        if self._requests >= MAX_REQUESTS:
            return busy()
        self._requests += 1
        in_thread = sync_to_async(self._run, thread_sensitive=False, executor=self._threads)
        try:
            response: HttpResponseBase = await in_thread(request)
            return response
        finally:
            self._requests -= 1

    def _run(self, request: Any) -> Any:
        """Answer the request and give its database connection back before anything is sent: a client may read slowly."""
        try:
            request_started.send(sender=type(self), scope=request.scope)
            response: Any = self.get_response(request)
            response._handler_class = type(self)
            if not response.streaming:
                response.close()
            return response
        finally:
            connections.close_all()

    async def _send(self, response: HttpResponseBase, receive: Receive, send: Send) -> None:
        if not response.streaming:
            await self.send_response(response, send)
            return
        sending = asyncio.create_task(self.send_response(response, send))
        leaving = asyncio.create_task(_until_disconnected(receive))
        try:
            await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _end(leaving)
            if not sending.done():
                await _end(sending)
            await sync_to_async(response.close, thread_sensitive=False, executor=self._threads)()
        if not sending.cancelled():
            sending.result()


def busy() -> HttpResponse:
    """503 for a visitor who finds too many others waiting."""
    response = HttpResponse(render_to_string("503.html", {"is_busy": True}), status=503)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
