"""Limit the bodies of requests before Django stores them.

Django writes a whole body to disk before any view or middleware sees who sent it. This ASGI wrapper therefore checks
first: anonymous visitors may send as much as the sign-in form needs, large uploads are limited per person and per
process, and each body must arrive at a minimum rate.
"""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.utils.translation import gettext as _

from ragsite import disk
from ragsite.accounts.sessions import user_of_session
from ragsite.database import DATABASE_ERRORS, in_thread
from ragsite.http.receiver import BodyReceiver
from ragsite.http.rejections import Rejected, send_rejection, too_large
from ragsite.http.responses import Receive, Scope, Send
from ragsite.http.upload_slots import slots
from ragsite.limits import max_upload_bytes

logger = logging.getLogger("ragsite.files")

MAX_ANONYMOUS_BYTES = 64 * 1024  # enough to sign in, sign out and set up the site
MAX_FORM_BYTES = 1024 * 1024  # of a signed-in user, or of the fields beside a file

App = Any


async def limit_body(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Run the app with a limited body; send an error response if the body is rejected before a response begins."""
    has_begun, rejection = False, None

    async def tracking_send(message: dict[str, Any]) -> None:
        nonlocal has_begun
        has_begun = True
        await send(message)

    try:
        async with admit(scope) as max_bytes:
            await app(scope, BodyReceiver(receive, max_bytes), tracking_send)
    except (Rejected, OSError) as error:
        if has_begun or not (rejection := as_rejection(error)):
            raise
        # The frames of the traceback hold temporary files with the body.
        rejection.__traceback__ = rejection.__context__ = None
    if rejection:
        await send_rejection(rejection, scope, receive, send)


def as_rejection(error: Rejected | OSError) -> Rejected | None:
    """The rejection for a full or read-only disk; None for any other OSError."""
    if isinstance(error, Rejected):
        return error
    if not (problem := disk.storage_problem(error)):
        return None
    logger.error("body not stored: %s", error.strerror)
    return Rejected(problem.status, f"{problem.sentence} {problem.remedy}", may_retry=True)


@asynccontextmanager
async def admit(scope: Scope) -> AsyncIterator[int]:
    """Yield how many bytes the body may have; a large body occupies an upload slot until the block ends."""
    declared, maximum = declared_length(scope), max_bytes_for(scope)
    if declared is not None and declared > maximum:
        raise too_large()
    if declared is not None and declared <= MAX_ANONYMOUS_BYTES:
        yield MAX_ANONYMOUS_BYTES
        return
    if (user_id := await user_id_of(scope)) is None:
        if declared is not None:
            raise Rejected(401, _("Sign in first, then send it again."))
        yield MAX_ANONYMOUS_BYTES
    elif declared is not None and declared <= MAX_FORM_BYTES:
        yield MAX_FORM_BYTES
    else:
        with slots.occupied_by(user_id):
            yield maximum


def declared_length(scope: Scope) -> int | None:
    """The Content-Length, 0 without a body, and None for a chunked body."""
    headers = dict(scope["headers"])
    if b"transfer-encoding" in headers:
        return None
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or len(length) > 18:
        raise too_large()
    return int(length)


def max_bytes_for(scope: Scope) -> int:
    """The limit for a signed-in user: pages under /documents/ accept files."""
    request = ASGIRequest({**scope, "query_string": b""}, io.BytesIO())
    accepts_files = request.path_info.startswith("/documents/")
    return MAX_FORM_BYTES + (max_upload_bytes() if accepts_files else 0)


async def user_id_of(scope: Scope) -> int | None:
    """The id of the user whose session cookie the request carries."""
    try:
        found: int | None = await in_thread(signed_in_user_id)(scope)
    except DATABASE_ERRORS:
        sentence = _("The database is not responding. Try again in a few seconds.")
        raise Rejected(503, sentence, may_retry=True) from None
    return found


def signed_in_user_id(scope: Scope) -> int | None:
    request = ASGIRequest({**scope, "query_string": b""}, io.BytesIO())
    user = user_of_session(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    return user.pk if user else None
