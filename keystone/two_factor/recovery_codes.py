"""Recovery codes. They are shown once; the database holds their digests."""

import hashlib
import secrets
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from keystone.two_factor.models import RecoveryCode

# Crockford's base32: no I, L, O or U. Who reads a 0 or a 1 and types one of them is understood all the same.
SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LOOK_ALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"})
LENGTH = 16  # signs of 5 random bits each: 80 bits; OWASP ASVS 5.0, 6.5.4 asks for at least 20, promise 9 for 64
GROUP = 4
COUNT = 10


def make_recovery_codes(user: Any) -> list[str]:
    """Make a new set, which replaces the old one. Call it inside the transaction of what it belongs to.

    Returns:
        The codes as people read them, such as `7KQ2-M9XA-4T0C-P8DZ`. They are stored nowhere in clear.
    """
    assert transaction.get_connection().in_atomic_block  # noqa: S101 - a programming error, not an input
    codes = ["".join(secrets.choice(SIGNS) for _ in range(LENGTH)) for _ in range(COUNT)]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=_digest(code)) for code in codes)
    return ["-".join(code[place : place + GROUP] for place in range(0, LENGTH, GROUP)) for code in codes]


def use_recovery_code(user: Any, code: str) -> bool:
    """Use a code up. Of any number of callers at once, one succeeds.

    Args:
        user: whose it must be.
        code: as typed, without spaces and dashes.
    """
    digest = _digest(code.upper().translate(LOOK_ALIKES))
    return bool(RecoveryCode.objects.unused(user).filter(digest=digest).update(used_at=Now()))


def _digest(code: str) -> str:
    """The SHA-256 of a code. No salt or stretching is needed: the code itself is random."""
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()
