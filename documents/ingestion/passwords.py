"""Passes a document's password from the page to the worker that reads the file: used once, never stored in the database.

The password is encrypted in the cache for 15 minutes, not in the queue's Redis, which writes to disk. For scanned pages
it stays until OCR has finished, at most an hour after its last use. If it is lost, the page asks for it again.
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

TTL = 15 * 60
OCR_TTL = 60 * 60  # OCR waits on a separate queue


def store(version: Version, password: str, ttl: int = TTL) -> bool:
    """Store the password for the next run on this file. Returns False if the cache is unavailable."""
    try:
        cache.set(_key(version), _cipher().encrypt(password.encode()).decode(), ttl)
    except RedisError:
        logger.warning("cache unavailable: password not stored")
        return False
    return True


def get(version: Version) -> str:
    """The stored password, or ""."""
    try:
        token = cache.get(_key(version))
        return _cipher().decrypt(token, ttl=OCR_TTL).decode() if token else ""
    except RedisError:
        logger.warning("cache unavailable: password not loaded")
    except InvalidToken:
        logger.warning("password expired or encrypted with another SECRET_KEY")
    return ""


def pop(version: Version) -> str:
    """The stored password, or ""; it is deleted."""
    password = get(version)
    delete(version)
    return password


def delete(version: Version) -> None:
    with suppress(RedisError):
        cache.delete(_key(version))


@contextmanager
def consume(version: Version) -> Iterator[str]:
    """The stored password, or ""; it is stored again if the block fails for a reason other than the file."""
    password = pop(version)
    try:
        yield password
    except UnreadableFile:
        raise
    except Exception:
        if password:
            store(version, password)
        raise


def _key(version: Version) -> str:
    return f"password:{name_of(version)}"


def _cipher() -> Fernet:
    secret = salted_hmac("documents.ingestion.passwords", "seal", algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(secret))
