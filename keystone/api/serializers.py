"""The base serializers: of request bodies, and of rows in responses."""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any

from django.db.models import Model
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


def _utc(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


# What DRF makes of the values of its fields, as far as it is more than the value itself.
_PLAIN: dict[type[serializers.Field[Any, Any, Any, Any]], Callable[[Any], Any] | None] = {
    serializers.BigIntegerField: None,
    serializers.BooleanField: None,
    serializers.CharField: None,
    serializers.ChoiceField: None,
    serializers.DateTimeField: _utc,
    serializers.DictField: None,
    serializers.EmailField: None,
    serializers.IntegerField: None,
    serializers.IPAddressField: None,
    serializers.UUIDField: str,
}


class RowSerializer[M: Model](serializers.ModelSerializer[M]):
    """A `ModelSerializer` for responses that reads its columns directly. Times are in UTC.

    DRF makes and binds all fields again for each response, and calls each of them for each row. If all fields are plain
    columns, this class looks their names up once. A subclass that adds a field of another kind works as in DRF.
    """

    def to_representation(self, instance: M) -> dict[str, Any]:
        """Return the row as a dictionary."""
        plain = _plain_columns(type(self))
        if plain is None:
            slow: dict[str, Any] = super().to_representation(instance)
            return slow
        names, values, converters = plain
        row = dict(zip(names, values(instance), strict=True))
        for name, convert in converters:
            if (value := row[name]) is not None:
                row[name] = convert(value)
        return row


type _Columns = tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]], tuple[tuple[str, Callable[[Any], Any]], ...]]


@cache
def _plain_columns(kind: type[RowSerializer[Any]]) -> _Columns | None:
    """Return the names, a function that reads the values, and the values to convert; None if a field isn't plain."""
    fields = kind().fields
    columns = {field.attname for field in kind.Meta.model._meta.concrete_fields}  # type: ignore[attr-defined]  # DRF's
    if len(fields) < 2 or not all(  # `attrgetter` returns a tuple for two or more names
        type(field) in _PLAIN and field.source in columns and not field.write_only for field in fields.values()
    ):
        return None
    read = attrgetter(*(str(field.source) for field in fields.values()))
    converters = tuple((name, how) for name, field in fields.items() if (how := _PLAIN[type(field)]) is not None)
    return tuple(fields), read, converters
