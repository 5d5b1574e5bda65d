"""The password field of serializers."""

from typing import Any

from rest_framework import serializers

from keystone.passwords.rules import MAX_PASSWORD_LENGTH


class PasswordField(serializers.CharField):
    """A field for a password, which is never trimmed and never returned."""

    def __init__(self, **kwargs: Any) -> None:
        style = {"input_type": "password"}
        super().__init__(
            **{
                "write_only": True,
                "trim_whitespace": False,
                "max_length": MAX_PASSWORD_LENGTH,
                "style": style,
                **kwargs,
            }
        )
