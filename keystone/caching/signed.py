"""Signed pickles: loading a foreign one would run its code."""

from hmac import compare_digest
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.utils.crypto import salted_hmac
from django_redis.exceptions import ConnectionInterrupted
from django_redis.serializers.pickle import PickleSerializer

SALT = "keystone.caching.signed"
LENGTH = 32  # bytes of a signature


class SignedPickle(PickleSerializer):
    """Puts a signature by `SECRET_KEY` before each value. With another key, what is kept is as if it were not there."""

    def dumps(self, value: Any) -> bytes:
        """The value with its signature."""
        data: bytes = super().dumps(value)
        return _signature(data) + data

    def loads(self, value: bytes) -> Any:
        """The value.

        Raises:
            ConnectionInterrupted: it is none of ours; django-redis takes that for "no cache".
        """
        signature, data = value[:LENGTH], value[LENGTH:]
        if not compare_digest(signature, _signature(data)):
            raise ConnectionInterrupted(None) from SuspiciousOperation("A value in the cache has no signature of ours.")
        return super().loads(data)


def _signature(data: bytes) -> bytes:
    signature: bytes = salted_hmac(SALT, data, algorithm="sha256").digest()
    return signature
