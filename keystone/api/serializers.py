"""The base serializer for request bodies."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

# For these DRF accepts more than the JSON type: a number for a string or a UUID, "yes" or 1 for a boolean.
JSON_TYPES: tuple[tuple[type[serializers.Field[Any, Any, Any, Any]], type], ...] = (
    (serializers.BooleanField, bool),
    (serializers.CharField, str),
    (serializers.UUIDField, str),
)


class StrictSerializer(serializers.Serializer[Any]):
    """A request body that refuses unknown keys, and values of the wrong JSON type or length.

    Typing errors, and attempts to set fields that may not be set, are reported instead of ignored.
    """

    def to_internal_value(self, data: Any) -> Any:
        """Refuse unknown keys and values of the wrong type or length before any other validation."""
        if isinstance(data, dict):
            known = {name: field for name, field in self.fields.items() if not field.read_only}
            unknown = [str(key) for key in data if key not in known]
            if unknown:
                message = _("Unknown field.")
                raise serializers.ValidationError({key: [message] for key in sorted(unknown)})
            mistakes = {name: mistake for name, value in data.items() if (mistake := _mistake(known[name], value))}
            if mistakes:
                raise serializers.ValidationError(mistakes)
        return super().to_internal_value(data)


def _mistake(field: serializers.Field[Any, Any, Any, Any], value: Any) -> Any:
    """Return the errors of a value's JSON type or length; None if there are none.

    The length is checked before all other validators: normalizing Unicode, or matching some patterns, takes time that
    grows with the square of the length, and DRF runs all validators even if the first one fails.
    """
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        mistakes = {place: _mistake(field.child, item) for place, item in enumerate(value)}
        return {place: mistake for place, mistake in mistakes.items() if mistake}
    for kind, wanted in JSON_TYPES:
        if isinstance(field, kind) and not isinstance(value, wanted) and value is not None:
            return [field.error_messages["invalid"].format(value=value)]
    if isinstance(field, serializers.CharField) and isinstance(value, str) and field.max_length is not None:
        text = value.strip() if field.trim_whitespace else value
        if len(text) > field.max_length:
            return [field.error_messages["max_length"].format(max_length=field.max_length)]
    return None
