"""What the web server runs: Django, with the size of a request's body watched and the server's start and stop attended to;
and, before it, the answers to the platform's probes."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ragsite.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from django.conf import settings
from django.utils.translation import gettext as _

from documents.models import Index
from qa import streaming
from ragsite import answers, disk, health, llm, logs
from ragsite.database import in_thread
from ragsite.operations import metrics

logger = logging.getLogger("ragsite.files")

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Any], Awaitable[None]]

FORM_ROOM = 1024 * 1024  # for the rest of the form around a file
THREADS = 64
SECONDS_TO_FINISH = 10  # running answers get so long when the server stops


class BodyTooLarge(Exception):
    pass


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "http":
        send = answers.with_headers(scope, send)
        if not await answered_before_django(scope, send):
            await logs.logged(limited, scope, receive, send)
    # Websockets are not spoken here; the server closes them.


async def answered_before_django(scope: dict[str, Any], send: Send) -> bool:
    """Probes, and scrapers that bring the token.

    They come from inside the platform, by the machine's address and over plain HTTP, every few seconds: neither
    ALLOWED_HOSTS nor the way to HTTPS may refuse them, and a probe is answered while every thread that requests are
    answered in is stuck.
    """
    if scope["path"] in health.PATHS:
        status, body = await health.answer(scope["path"])
        await respond(send, status, json.dumps(body).encode(), b"application/json")
        return True
    authorization = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
    if scope["path"] == metrics.PATH and metrics.is_token(authorization):
        text = await in_thread(metrics.exposition)()
        await respond(send, 200, text.encode(), metrics.CONTENT_TYPE.encode())
        return True
    return False


async def limited(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Django spools a whole body to disk before any view or middleware runs, so its size is watched out here."""
    takes_files = scope["path"].startswith("/documents/")
    limit = FORM_ROOM + (settings.MAX_UPLOAD_MB * 1024 * 1024 if takes_files else 0)
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if not declared.isdigit() or int(declared) > limit:
        await refuse(scope, send)
        return
    received = 0

    async def counted() -> dict[str, Any]:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise BodyTooLarge
        return message

    try:
        await django_application(scope, counted, send)
    except BodyTooLarge:
        await refuse(scope, send)
    except OSError as error:  # a body is spooled to disk before Django has a request to answer
        if not (trouble := disk.trouble_of(error)):
            raise
        logger.error("body not stored: %s", error.strerror)
        await say(
            scope, send, trouble.status, "507.html", {"sentence": trouble.sentence, "remedy": trouble.remedy}
        )


async def refuse(scope: dict[str, Any], send: Send) -> None:
    """413."""
    sentence = _("This is larger than %(size)s MB, the most this site takes.") % {
        "size": settings.MAX_UPLOAD_MB
    }
    await say(scope, send, 413, "413.html", {"sentence": sentence})


async def say(scope: dict[str, Any], send: Send, status: int, template: str, context: dict[str, Any]) -> None:
    """Why a body is not taken, as a page or (for the upload tray, which asks for it) as JSON."""
    wants_json = b"application/json" in dict(scope["headers"]).get(b"accept", b"")
    if wants_json:
        sentence = " ".join(map(str, context.values()))
        body, kind = json.dumps({"error": sentence}).encode(), b"application/json"
    else:
        from django.template.loader import render_to_string

        body, kind = (
            render_to_string(template, context).encode(),
            b"text/html; charset=utf-8",
        )
    await respond(send, status, body, kind, (b"connection", b"close"))


async def respond(send: Send, status: int, body: bytes, kind: bytes, *more: tuple[bytes, bytes]) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *more]
    headers.append((b"cache-control", b"no-store"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def lifespan(receive: Receive, send: Send) -> None:
    """Start: what the first question would otherwise wait for. Stop: running answers may end, the rest are marked interrupted."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            # More threads than Python's six on two cores: a slow embedder must not hold up the saving of running answers.
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "ragsite"))
            await llm.warm(await in_thread(Index.objects.live_model)())
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await streaming.finish_running_answers(SECONDS_TO_FINISH)
            await send({"type": "lifespan.shutdown.complete"})
            return
