"""The tests' password as a server hashes it that runs with TEST_PASSWORD_HASHER=real."""

from functools import cache

from django.contrib.auth.hashers import make_password

from keystone.passwords.hashers import Argon2idHasher
from keystone.testing.factories import PASSWORD


@cache
def real_hash() -> str:
    """The hash, made once."""
    return make_password(PASSWORD, hasher=Argon2idHasher())
