"""Serializers that several views of sessions share."""

from rest_framework import serializers

from keystone.sessions.token_pair import TokenPair


class TokenPairSerializer(serializers.Serializer[TokenPair]):
    """The tokens."""

    access = serializers.CharField(help_text="Send it as `Authorization: Bearer …`.")
    refresh = serializers.CharField(help_text="Trade it at auth/refresh/ for a new pair, once.")
