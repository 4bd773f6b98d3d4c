"""The code that the first visitor must enter. The site prints it in its log, which only its operator can read.

The visitor's address proves nothing: behind a proxy on the same machine, every visitor seems local.
"""

from __future__ import annotations

import base64
import hmac
import logging
from functools import cache

from django.conf import settings
from django.utils.crypto import salted_hmac

logger = logging.getLogger("ragsite.accounts")


def code() -> str:
    """Return SETUP_CODE, or a code derived from SECRET_KEY. It is useless once an account exists."""
    return settings.SETUP_CODE or _derive_from_secret_key()


def _derive_from_secret_key() -> str:
    digest = salted_hmac("ragsite.accounts.setup_code", "first account", algorithm="sha256").digest()
    text = base64.b32encode(digest).decode()[:12]
    return "-".join((text[:4], text[4:8], text[8:]))


def is_valid(given: str) -> bool:
    """Compare with the code, ignoring dashes and case."""
    return hmac.compare_digest(_normalize(given), _normalize(code()))


def _normalize(text: str) -> bytes:
    return "".join(character for character in text.upper() if character.isalnum()).encode()


@cache
def log_once() -> None:
    """Log the code once per process: repeated requests must not fill the log."""
    logger.warning("The first account can be created with this code: %s", code())
