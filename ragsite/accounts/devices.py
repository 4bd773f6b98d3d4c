"""A cookie that identifies a browser in which a user has signed in.

It gives the browser its own sign-in throttle, so that strangers cannot lock the user out. It grants no access by itself.
"""

from __future__ import annotations

import secrets

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import salted_hmac

COOKIE = "ragsite_device"
SALT = "ragsite.accounts.devices"
MAX_AGE = 365 * 24 * 3600


def set_device_cookie(response: HttpResponseBase, username: str) -> None:
    """Mark the browser as one in which the user has signed in."""
    value = signing.dumps([_digest(username), secrets.token_urlsafe(12)], salt=SALT)
    response.set_cookie(
        COOKIE,
        value,
        max_age=MAX_AGE,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def get_device_id(request: HttpRequest | None, username: str) -> str:
    """Return the id of the user's browser; "" if the user has not signed in with it."""
    if request is None:
        return ""
    try:
        owner, device_id = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=MAX_AGE)
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    return str(device_id) if owner == _digest(username) else ""


def _digest(username: str) -> str:
    return salted_hmac(SALT, username.casefold(), algorithm="sha256").hexdigest()
