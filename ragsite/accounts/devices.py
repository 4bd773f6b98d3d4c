"""The cookie by which a browser is known in which a person has signed in: it lets them try their password again while
strangers use up the tries for their name. It opens nothing by itself.
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
KNOWN_FOR = 365 * 24 * 3600


def remember(response: HttpResponseBase, name: str) -> None:
    """This browser is from now on one in which the person of that name has signed in."""
    value = signing.dumps([digest(name), secrets.token_urlsafe(12)], salt=SALT)
    response.set_cookie(
        COOKIE,
        value,
        max_age=KNOWN_FOR,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def device_of(request: HttpRequest | None, name: str) -> str:
    """Which of that person's browsers this is; "" where it is none that is known to be theirs."""
    if request is None:
        return ""
    try:
        whose, device = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=KNOWN_FOR)
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    return str(device) if whose == digest(name) else ""


def digest(name: str) -> str:
    return salted_hmac(SALT, name.casefold(), algorithm="sha256").hexdigest()
