"""The password hash: Argon2id with OWASP's second set of parameters (19 MiB, 2 iterations, 1 lane).

Every hash takes a slot (see `keystone.passwords.hashing_slots`), so each may raise `HashingBusy`.
"""

import unicodedata

from django.contrib.auth.hashers import Argon2PasswordHasher, PBKDF2PasswordHasher

from keystone.passwords.hashing_slots import hashing_slots


class Argon2idHasher(Argon2PasswordHasher):
    """A hasher with parameters from the OWASP Password Storage Cheat Sheet.

    Older hashes are upgraded at the next sign-in. Passwords are normalized as in RFC 8265 before they are hashed, so
    that they work on every keyboard.
    """

    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """Hash a new password, or a dummy one to equalize response times."""
        with hashing_slots().slot():
            return super().encode(_comparable(password), salt)

    def verify(self, password: str, encoded: str) -> bool:
        """Return whether the password matches the hash."""
        with hashing_slots().slot():
            return super().verify(_comparable(password), encoded)


class OlderHasher(PBKDF2PasswordHasher):
    """A hasher that checks imported PBKDF2 hashes, Django's default. It creates no new ones.

    These hashes were created from passwords as typed, without normalization, and are compared in the same way.
    """

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """Hash a password. `verify` and `harden_runtime` call this method as well."""
        with hashing_slots().slot():
            return super().encode(password, salt, iterations)


def _comparable(password: str) -> str:
    """Normalize a password by the profile OpaqueString (RFC 8265, section 4.2.2): ASCII spaces only, and NFC.

    A Mac may send accents as separate characters (NFD), and non-breaking spaces.
    """
    spaced = "".join(" " if unicodedata.category(sign) == "Zs" else sign for sign in password)
    return unicodedata.normalize("NFC", spaced)
