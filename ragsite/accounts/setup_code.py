"""The code that the first visitor from afar must know: whoever reads the log runs the site."""

from __future__ import annotations

import base64
import ipaddress
import logging
from functools import cache

from django.http import HttpRequest
from django.http.request import split_domain_port
from django.utils.crypto import salted_hmac

logger = logging.getLogger("ragsite.accounts")


def code() -> str:
    """The same in every process of this site, and of no use once there is an account."""
    digest = salted_hmac("ragsite.accounts.setup_code", "first account", algorithm="sha256").digest()
    text = base64.b32encode(digest).decode()[:12]
    return "-".join((text[:4], text[4:8], text[8:]))


@cache
def log_once() -> None:
    """Once a process: a page that is asked for again and again must not fill the log."""
    logger.warning("The first account can be created with this code: %s", code())


def is_needed(request: HttpRequest) -> bool:
    """Whether the visitor may sit elsewhere. A request that came through a proxy counts as from afar."""
    was_forwarded = "HTTP_X_FORWARDED_FOR" in request.META or "HTTP_FORWARDED" in request.META
    host, _port = split_domain_port(request.get_host())
    return was_forwarded or not (is_loopback(host) and is_loopback(request.META.get("REMOTE_ADDR", "")))


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
