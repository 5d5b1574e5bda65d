"""The bases of every body that the API reads."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

MAX_PASSWORD_LENGTH = 256  # a longer one only serves to burn CPU time


class StrictSerializer(serializers.Serializer[Any]):
    """A body whose unknown keys are refused: a typo, or a try to set what is not one's own, is told at once."""

    def to_internal_value(self, data: Any) -> Any:
        """Refuse what no writable field is named for, before anything else is looked at."""
        if isinstance(data, dict):
            known = {name for name, field in self.fields.items() if not field.read_only}
            unknown = [str(key) for key in data if key not in known]
            if unknown:
                message = _("This field is not known here.")
                raise serializers.ValidationError({key: [message] for key in sorted(unknown)})
        return super().to_internal_value(data)


class PasswordField(serializers.CharField):
    """A password: never trimmed, never answered."""

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
