"""A document's password on its way from the page where it is typed to the worker that reads the file: used once, never stored.

It goes by the cache, encrypted and for a quarter of an hour: not by the queue's Redis, which writes to disk what passes
through it. Where pages are pictures it stays there until they are read, at most an hour after it was last used. One that is
lost on the way is asked for again.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from cryptography.fernet import Fernet, InvalidToken
from django.core.cache import cache
from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError

from documents.extraction import UnreadableFile
from documents.models import Version
from ragsite.redis import name_of

logger = logging.getLogger("ragsite.passwords")

KEEP_SECONDS = 15 * 60
KEEP_FOR_PICTURES_SECONDS = 60 * 60  # they wait their turn on a queue of their own


def hand_over(version: Version, password: str, seconds: int = KEEP_SECONDS) -> bool:
    """For the next reading of this file. False while the cache is away."""
    try:
        cache.set(_key(version), _box().encrypt(password.encode()).decode(), seconds)
    except RedisError:
        logger.warning("the cache is away: no password was handed over")
        return False
    return True


def take(version: Version) -> str:
    """What was handed over, once; "" for nothing."""
    password = look(version)
    forget(version)
    return password


def look(version: Version) -> str:
    """As `take`, and leaves it there: a worker that is killed while it reads pictures takes nothing with it."""
    try:
        sealed = cache.get(_key(version))
        return _box().decrypt(sealed, ttl=KEEP_FOR_PICTURES_SECONDS).decode() if sealed else ""
    except RedisError:
        logger.warning("the cache is away: no password could be taken")
    except InvalidToken:
        logger.warning("a password was sealed with another SECRET_KEY")
    return ""


def forget(version: Version) -> None:
    with suppress(RedisError):
        cache.delete(_key(version))


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
    return f"password:{name_of(version)}"


def _box() -> Fernet:
    secret = salted_hmac("documents.ingestion.passwords", "seal", algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(secret))
