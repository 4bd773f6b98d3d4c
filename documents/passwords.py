"""A document's password on its way from the page where it is typed to the worker that reads the file: used once, never stored.

It goes by the cache, encrypted and for a quarter of an hour: not by the queue's Redis, which writes to disk what passes
through it. One that is lost on the way is asked for again.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.fernet import Fernet, InvalidToken
from django.core.cache import cache
from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError

from documents.extraction import UnreadableFile
from documents.models import Version

logger = logging.getLogger("ragsite.passwords")

KEEP_SECONDS = 15 * 60


def hand_over(version: Version, password: str) -> bool:
    """For the next reading of this file. False while the cache is away."""
    try:
        cache.set(_key(version), _box().encrypt(password.encode()).decode(), KEEP_SECONDS)
    except RedisError:
        logger.warning("the cache is away: no password was handed over")
        return False
    return True


def take(version: Version) -> str:
    """What was handed over, once; "" for nothing."""
    try:
        sealed = cache.get(_key(version))
        cache.delete(_key(version))
        return _box().decrypt(sealed, ttl=KEEP_SECONDS).decode() if sealed else ""
    except RedisError:
        logger.warning("the cache is away: no password could be taken")
    except InvalidToken:
        logger.warning("a password was sealed with another SECRET_KEY")
    return ""


@contextmanager
def given_for(version: Version) -> Iterator[str]:
    """What was handed over, for the while. Where the reading is cut off by something else than the file, the next one has it too."""
    password = take(version)
    try:
        yield password
    except UnreadableFile:
        raise
    except Exception:
        if password:
            hand_over(version, password)
        raise


def _key(version: Version) -> str:
    return f"password:{version.pk}"


def _box() -> Fernet:
    secret = salted_hmac("documents.passwords", "seal", algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(secret))
