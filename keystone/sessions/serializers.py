"""Serializers shared by several views of sessions."""

from rest_framework import serializers

from keystone.sessions.token_pair import TokenPair


class TokenPairSerializer(serializers.Serializer[TokenPair]):
    """A pair of tokens."""

    access = serializers.CharField(help_text="Send it as `Authorization: Bearer …`.")
    refresh = serializers.CharField(help_text="Trade it at auth/refresh/ for a new pair, once.")
