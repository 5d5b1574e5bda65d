"""Signed pickles: unpickling untrusted data would run its code."""

from hmac import compare_digest
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.utils.crypto import salted_hmac
from django_redis.exceptions import ConnectionInterrupted
from django_redis.serializers.pickle import PickleSerializer

SALT = "keystone.caching.signed"
LENGTH = 32  # bytes of a signature


class SignedPickle(PickleSerializer):
    """A serializer that signs each value with `SECRET_KEY`. Values with another signature count as not cached."""

    def dumps(self, value: Any) -> bytes:
        """Return the pickled value with its signature."""
        data: bytes = super().dumps(value)
        return _signature(data) + data

    def loads(self, value: bytes) -> Any:
        """Return the unpickled value.

        Raises:
            ConnectionInterrupted: the signature is invalid. django-redis then treats the value as not cached.
        """
        signature, data = value[:LENGTH], value[LENGTH:]
        if not compare_digest(signature, _signature(data)):
            raise ConnectionInterrupted(None) from SuspiciousOperation("A value in the cache has no signature of ours.")
        return super().loads(data)


def _signature(data: bytes) -> bytes:
    signature: bytes = salted_hmac(SALT, data, algorithm="sha256").digest()
    return signature
