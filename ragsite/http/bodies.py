"""The bodies of requests, before Django stores them.

Django writes a whole body to disk before any view or middleware looks at who sent it. So it is looked at out here: who
is not signed in may send as much as the sign-in form needs; large bodies are few at once, for each person and in all;
and each has to come quickly enough.
"""

from __future__ import annotations

import asyncio
import io
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from ragsite import disk
from ragsite.accounts.sessions import user_of_session
from ragsite.database import DATABASE_AWAY, in_thread
from ragsite.http import answers
from ragsite.http.answers import Receive, Scope, Send
from ragsite.limits import max_upload_bytes

logger = logging.getLogger("ragsite.files")

ANONYMOUS = 64 * 1024  # bytes: signing in, setting up, signing out
FORM_ROOM = 1024 * 1024  # for a form of somebody signed in, or for the rest of it around a file
OF_ONE_PERSON = 6  # large bodies at once; the tray sends three
SECONDS_BETWEEN_PIECES = 30
SECONDS_FREE = 30  # that a body may take however small it is
SLOWEST = 32 * 1024  # bytes a second, after those
SECONDS_TO_LINGER = 2  # after a refusal, for the sender to read it
RETRY_AFTER = 10

App = Any


class Refused(Exception):
    """Why a body is not taken, as its sender reads it."""

    def __init__(self, status: int, sentence: str = "", *, retry: bool = False) -> None:
        super().__init__(status)
        self.status, self.sentence, self.retry = status, sentence, retry


async def guarded(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Has the app answer, if the body may come and while it comes as it should; otherwise says why not."""
    has_begun, refusal = False, None

    async def noting(message: dict[str, Any]) -> None:
        nonlocal has_begun
        has_begun = True
        await send(message)

    try:
        async with admitted(scope) as limit:
            await app(scope, Watched(receive, limit), noting)
    except (Refused, OSError) as error:
        if has_begun or not (refusal := as_refusal(error)):
            raise
        refusal.__traceback__ = refusal.__context__ = (
            None  # they hold on to what Django has stored of the body
        )
    if refusal:
        await refuse(refusal, scope, receive, send)


def as_refusal(error: Refused | OSError) -> Refused | None:
    if isinstance(error, Refused):
        return error
    if not (trouble := disk.trouble_of(error)):
        return None
    logger.error("body not stored: %s", error.strerror)
    return Refused(trouble.status, f"{trouble.sentence} {trouble.remedy}", retry=True)


# --- who may send how much


@asynccontextmanager
async def admitted(scope: Scope) -> AsyncIterator[int]:
    """How many bytes may come; for a large body also a place among those that come at once, held until it is answered."""
    declared, most = declared_size(scope), limit_for(scope)
    if declared is not None and declared > most:
        raise too_large()
    if declared is not None and declared <= ANONYMOUS:
        yield ANONYMOUS
        return
    if (person := await person_of(scope)) is None:
        if declared is not None:
            raise Refused(401, _("Sign in first, then send it again."))
        yield ANONYMOUS
    elif declared is not None and declared <= FORM_ROOM:
        yield FORM_ROOM
    else:
        with place_of(person):
            yield most


def declared_size(scope: Scope) -> int | None:
    """What the header says, 0 where there is no body; None where it comes in pieces until it ends."""
    headers = dict(scope["headers"])
    if b"transfer-encoding" in headers:
        return None
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or len(length) > 18:
        raise too_large()
    return int(length)


def limit_for(scope: Scope) -> int:
    takes_files = ASGIRequest({**scope, "query_string": b""}, io.BytesIO()).path_info.startswith(
        "/documents/"
    )
    return FORM_ROOM + (max_upload_bytes() if takes_files else 0)


def too_large() -> Refused:
    sentence = _("This is larger than %(size)s MB, the most this site takes.")
    return Refused(413, sentence % {"size": settings.MAX_UPLOAD_MB})


async def person_of(scope: Scope) -> int | None:
    """Who is signed in by the session's cookie."""
    try:
        found: int | None = await in_thread(signed_in)(scope)
    except DATABASE_AWAY:
        sentence = _("The site's database does not answer just now. Try again in a few seconds.")
        raise Refused(503, sentence, retry=True) from None
    return found


def signed_in(scope: Scope) -> int | None:
    request = ASGIRequest({**scope, "query_string": b""}, io.BytesIO())
    user = user_of_session(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    return user.pk if user else None


class Places(Counter[int]):
    """How many large bodies each person is sending to this process."""

    def take(self, person: int) -> None:
        """One more; Refused where these are too many."""
        if self[person] >= OF_ONE_PERSON:
            sentence = _(
                "You are sending many files at once. Wait until some have arrived, then send this again."
            )
            raise Refused(429, sentence, retry=True)
        if self.total() >= settings.MAX_UPLOADS_AT_ONCE:
            sentence = _("Many files are being sent to this site right now. Try again in a few seconds.")
            raise Refused(503, sentence, retry=True)
        self[person] += 1

    def give_back(self, person: int) -> None:
        self[person] -= 1
        if not self[person]:
            del self[person]


places = Places()


@contextmanager
def place_of(person: int) -> Iterator[None]:
    places.take(person)
    try:
        yield
    finally:
        places.give_back(person)


# --- while it comes


class Watched:
    """Receives what comes; Refused where it is more than the limit, or slower than anybody's line."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive, self._limit = receive, limit
        self._received, self._began = 0, time.monotonic()
        self._is_complete = False

    async def __call__(self) -> dict[str, Any]:
        if self._is_complete:  # what is waited for now is the visitor's leaving
            return await self._receive()
        try:
            async with asyncio.timeout(self._patience):
                message = await self._receive()
        except TimeoutError:
            raise Refused(408, _("This came too slowly. Check your connection and send it again.")) from None
        self._received += len(message.get("body", b""))
        if self._received > self._limit:
            raise too_large()
        self._is_complete = not message.get("more_body", False)
        return message

    @property
    def _patience(self) -> float:
        allowed = SECONDS_FREE + self._received / SLOWEST
        return min(SECONDS_BETWEEN_PIECES, self._began + allowed - time.monotonic())


# --- when it is refused


async def refuse(refusal: Refused, scope: Scope, receive: Receive, send: Send) -> None:
    """The answer; then the rest of the body is let pass for a moment, or its sender would never read the answer."""
    response = refusal_for(ASGIRequest({**scope, "query_string": b""}, io.BytesIO()), refusal)
    response["Connection"] = "close"
    if refusal.retry:
        response["Retry-After"] = str(RETRY_AFTER)
    await answers.begin(scope, send, response)
    if b"expect" not in dict(scope["headers"]):  # who asks before sending has sent nothing
        await let_pass(receive)
    await send({"type": "http.response.body", "body": b""})


async def let_pass(receive: Receive) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(SECONDS_TO_LINGER):
            while (await receive()).get("more_body"):
                pass


def refusal_for(request: ASGIRequest, refusal: Refused) -> HttpResponse:
    """As a page; for scripts, such as the upload tray, as JSON, which for those signed out names the way in."""
    is_script = "HX-Request" in request.headers or "application/json" in request.headers.get("Accept", "")
    if is_script:
        response: HttpResponse = JsonResponse({"error": refusal.sentence}, status=refusal.status)
        if refusal.status == 401 and "HX-Request" in request.headers:
            response["HX-Redirect"] = reverse("accounts:login")
        return response
    if refusal.status == 401:
        return HttpResponseRedirect(reverse("accounts:login"))
    name = f"{refusal.status}.html" if refusal.status in (413, 507) else "refused.html"
    page = render_to_string(name, {"sentence": refusal.sentence, "remedy": ""})
    return HttpResponse(page, status=refusal.status)
