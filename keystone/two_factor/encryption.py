"""Encrypt TOTP secrets, so that a stolen dump contains no usable ones.

The keys are derived from SECRET_KEY and, during key rotation, SECRET_KEY_FALLBACKS, which are not in the database.
Secrets are encrypted with the first key and decrypted with any. The encryption is Fernet (AES-128-CBC with
HMAC-SHA-256).
"""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac


class Unreadable(Exception):  # noqa: N818 - named after a state, like refusals
    """No current key decrypts the secret."""


def encrypt(secret: bytes) -> str:
    """Encrypt a secret with the current key.

    Returns:
        120 ASCII characters for 20 bytes.
    """
    return _keys().encrypt(secret).decode("ascii")


def decrypt(sealed: str) -> bytes:
    """Decrypt a secret that `encrypt` returned.

    Raises:
        Unreadable: the secret was encrypted with a key that is no longer used, or was tampered with.
    """
    try:
        return _keys().decrypt(sealed)
    except InvalidToken as error:
        raise Unreadable from error


def is_current(sealed: str) -> bool:
    """Return whether the secret is encrypted with the current key, so that older keys are not needed for it."""
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
