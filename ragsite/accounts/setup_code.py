"""The code that the first visitor must know: whoever starts the site or reads its log runs it.

Where a visitor sits is not guessed. A proxy on the same machine makes everybody look near, and need not say whom it
speaks for.
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
    """SETUP_CODE, else one that is the same in every process of this site; of no use once there is an account."""
    return settings.SETUP_CODE or _of_secret_key()


def _of_secret_key() -> str:
    digest = salted_hmac("ragsite.accounts.setup_code", "first account", algorithm="sha256").digest()
    text = base64.b32encode(digest).decode()[:12]
    return "-".join((text[:4], text[4:8], text[8:]))


def is_right(given: str) -> bool:
    """Whether that is the code, with or without its dashes, in capital letters or small ones."""
    return hmac.compare_digest(_bare(given), _bare(code()))


def _bare(text: str) -> bytes:
    return "".join(character for character in text.upper() if character.isalnum()).encode()


@cache
def log_once() -> None:
    """Once a process: a page that is asked for again and again must not fill the log."""
    logger.warning("The first account can be created with this code: %s", code())
