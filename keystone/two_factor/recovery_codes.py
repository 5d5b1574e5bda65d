"""Recovery codes. They are shown once; the database stores their digests."""

import hashlib
import secrets
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from keystone.two_factor.models import RecoveryCode

# Crockford's base32, without I, L, O and U. An O typed for a 0, or an I or L typed for a 1, is accepted.
SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LOOK_ALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"})
LENGTH = 16  # characters of 5 random bits each: 80 bits; at least 20 by OWASP ASVS 5.0, 6.5.4, and 64 by promise 9
GROUP = 4
COUNT = 10


def make_recovery_codes(user: Any) -> list[str]:
    """Create a new set of codes, which replaces the old one. Call this in the transaction of the related change.

    Returns:
        The codes in a readable form such as `7KQ2-M9XA-4T0C-P8DZ`. They are not stored in plain text.
    """
    assert transaction.get_connection().in_atomic_block  # noqa: S101 - a programming error, not an input
    codes = ["".join(secrets.choice(SIGNS) for _ in range(LENGTH)) for _ in range(COUNT)]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=_digest(code)) for code in codes)
    return ["-".join(code[place : place + GROUP] for place in range(0, LENGTH, GROUP)) for code in codes]


def use_recovery_code(user: Any, code: str) -> bool:
    """Use up a code, and return whether it was valid. Of several concurrent callers, one succeeds.

    Args:
        user: the user to whom the code must belong.
        code: the code as typed, without spaces and dashes.
    """
    digest = _digest(code.upper().translate(LOOK_ALIKES))
    return bool(RecoveryCode.objects.unused(user).filter(digest=digest).update(used_at=Now()))


def _digest(code: str) -> str:
    """Return the SHA-256 digest of a code. The code is random, so no salt or stretching is needed."""
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()
