"""Encrypt TOTP secrets, so that a stolen dump holds none that works.

The keys come from SECRET_KEY and, while keys are being rotated, SECRET_KEY_FALLBACKS, which the database does not hold:
secrets are sealed with the first and opened with any. The seal is Fernet (AES-128-CBC with HMAC-SHA-256).
"""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac


class Unreadable(Exception):  # noqa: N818 - like a refusal: it says what is, not that a function failed
    """No key that is in force opens the seal."""


def encrypt(secret: bytes) -> str:
    """Seal a secret with the key in force.

    Returns:
        120 ASCII characters for 20 bytes.
    """
    return _keys().encrypt(secret).decode("ascii")


def decrypt(sealed: str) -> bytes:
    """Give back what `encrypt` was given.

    Raises:
        Unreadable: it was sealed with a key that is in force no more, or has been tampered with.
    """
    try:
        return _keys().decrypt(sealed)
    except InvalidToken as error:
        raise Unreadable from error


def is_current(sealed: str) -> bool:
    """Whether it was sealed with the key in force: then the older ones are not needed for it."""
    try:
        Fernet(_key(settings.SECRET_KEY)).decrypt(sealed)
    except InvalidToken:
        return False
    return True


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(_key(secret)) for secret in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]])


def _key(secret: str) -> bytes:
    return urlsafe_b64encode(
        salted_hmac("keystone.two_factor.encryption", "v1", secret=secret, algorithm="sha256").digest()
    )
