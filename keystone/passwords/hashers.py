"""The password hash: Argon2id with OWASP's second set of parameters (19 MiB, 2 iterations, 1 lane).

Every hash runs inside a slot (see `keystone.passwords.hashing_slots`); so each may raise `HashingBusy`.
"""

import unicodedata

from django.contrib.auth.hashers import Argon2PasswordHasher, PBKDF2PasswordHasher

from keystone.passwords.hashing_slots import hashing_slots


class Argon2idHasher(Argon2PasswordHasher):
    """Source: OWASP Password Storage Cheat Sheet. Older hashes are upgraded at the next sign-in.

    What is hashed is the password as RFC 8265 wants passwords compared, so that it works on every keyboard.
    """

    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """Hash a new password, or one to compare times with."""
        with hashing_slots().slot():
            return super().encode(_comparable(password), salt)

    def verify(self, password: str, encoded: str) -> bool:
        """Whether this is the password of the hash."""
        with hashing_slots().slot():
            return super().verify(_comparable(password), encoded)


class OlderHasher(PBKDF2PasswordHasher):
    """Checks hashes of PBKDF2, Django's default, that were brought along. It makes none.

    They were made of passwords as typed, and are compared so.
    """

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """All work that this hasher does: `verify` and `harden_runtime` come here as well."""
        with hashing_slots().slot():
            return super().encode(password, salt, iterations)


def _comparable(password: str) -> str:
    """The password by the profile OpaqueString (RFC 8265, section 4.2.2): every space is the same one; in NFC.

    A Mac may send an accent as a sign of its own (NFD), and a space as one that does not break.
    """
    spaced = "".join(" " if unicodedata.category(sign) == "Zs" else sign for sign in password)
    return unicodedata.normalize("NFC", spaced)
