"""Secrets at rest: encrypted with a key that is derived from SECRET_KEY, and readable only with it."""

from base64 import urlsafe_b64encode
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

PURPOSE = b"ragsite: keys of language models"  # another purpose derives another key


class CannotDecrypt(Exception):
    """The text was encrypted under a SECRET_KEY that is neither the present one nor among SECRET_KEY_FALLBACKS."""


def encrypt(text: str) -> str:
    """The encrypted text, as ASCII; an empty text stays empty."""
    return _cipher().encrypt(text.encode()).decode() if text else ""


def decrypt(token: str) -> str:
    """The text that `encrypt` was given. Raises CannotDecrypt."""
    try:
        return _cipher().decrypt(token.encode()).decode() if token else ""
    except (InvalidToken, UnicodeError) as error:
        raise CannotDecrypt from error


def _cipher() -> MultiFernet:
    return _cipher_of((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=2)
def _cipher_of(secrets: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derived_key(secret)) for secret in secrets])


def _derived_key(secret: str) -> bytes:
    """RFC 5869: SECRET_KEY also signs cookies, and one key should not do both."""
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE)
    return urlsafe_b64encode(derivation.derive(secret.encode()))
