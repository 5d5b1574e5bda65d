"""Filters of lists, based on an allow-list."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django_filters import FilterSet
from django_filters.fields import IsoDateTimeField
from django_filters.filters import QuerySetRequestMixin
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import serializers
from rest_framework.request import Request

EMPTY: tuple[Any, ...] = (None, "", [])
PAGING = frozenset({"cursor", "ordering", "page_size", "format"})


def apply_filters(
    filters: type[FilterSet],
    values: QueryDict,
    queryset: QuerySet[Any],
    *,
    ignored: frozenset[str] = frozenset(),
    blank: bool = False,
) -> QuerySet[Any]:
    """Return the rows that `values` select.

    Args:
        filters: the allow-list.
        ignored: names among `values` that are not filters.
        blank: whether a filter without a value, as forms send it, is ignored.

    Raises:
        ValidationError: a name is not on the list, is given more than once, or has an invalid value.
    """
    if blank:
        values = as_query({name: items for name, items in values.lists() if any(item.strip() for item in items)})
    given = set(values) - ignored
    known = filters.base_filters
    unknown = sorted(given - set(known))
    if unknown:
        raise serializers.ValidationError({name: [_("There is no such filter.")] for name in unknown})
    twice = sorted(name for name in given if len(values.getlist(name)) > 1 and not _takes_several(known[name]))
    if twice:
        raise serializers.ValidationError({name: [_("Give a single value.")] for name in twice})
    if not given and filters.filter_queryset is FilterSet.filter_queryset and filters.qs is FilterSet.qs:
        return queryset  # without the form, which takes longer to build than the rows to read
    filterset = filters(values, queryset=queryset)
    if (form := _form_class(filters)) is not None:  # type: ignore[arg-type]  # a class is hashable
        filterset._form = form(values)
    if not filterset.is_valid():
        raise serializers.ValidationError(filterset.errors)
    # A filter with an empty value would select everybody: a typing error must not change their accounts.
    empty = sorted(name for name in given if filterset.form.cleaned_data.get(name) in EMPTY)
    if empty:
        raise serializers.ValidationError({name: [_("This value is not valid.")] for name in empty})
    result: QuerySet[Any] = filterset.qs
    return result


@cache
def _form_class(filters: type[FilterSet]) -> type[forms.Form] | None:
    """Return the class of a filter set's form, which django-filter would build again for each request.

    Returns:
        None if the form may differ from request to request.
    """
    by_request = any(isinstance(filter_, QuerySetRequestMixin) for filter_ in filters.base_filters.values())
    if by_request or filters.get_form_class is not FilterSet.get_form_class:
        return None
    built: type[forms.Form] = filters().get_form_class()
    return built


def as_query(values: Mapping[str, Any]) -> QueryDict:
    """Return the values as query parameters. A list repeats its name, as in a URL."""
    query = QueryDict(mutable=True)
    for name, value in values.items():
        items = value if isinstance(value, list) else [value]
        query.setlist(name, [str(item).lower() if isinstance(item, bool) else str(item) for item in items])
    return query


def body_filters(filters: type[FilterSet], values: Mapping[str, Any]) -> QueryDict:
    """Return the filters in a JSON body as query parameters, for `apply_filters`.

    A value is a string. A boolean filter also accepts a JSON boolean, and a number filter a JSON number. A filter with
    multiple values accepts a list of strings.

    Raises:
        ValidationError: a value has another type.
    """
    known = filters.base_filters
    wrong = sorted(name for name, value in values.items() if name in known and not _fits(known[name], value))
    if wrong:
        raise serializers.ValidationError({name: [_("This value is not valid.")] for name in wrong})
    return as_query(values)


def _takes_several(filter_: django_filters.Filter) -> bool:
    return isinstance(filter_, django_filters.MultipleChoiceFilter)


def _fits(filter_: django_filters.Filter, value: Any) -> bool:
    """Return whether a filter accepts a JSON value of this type."""
    if isinstance(value, list):
        return _takes_several(filter_) and all(isinstance(item, str) for item in value)
    if isinstance(value, bool):
        return isinstance(filter_, django_filters.BooleanFilter)
    if isinstance(value, int | float):
        return isinstance(filter_, django_filters.NumberFilter)
    return isinstance(value, str)


class MomentField(IsoDateTimeField):
    """A time that PostgreSQL can store, also after conversion to UTC."""

    def to_python(self, value: Any) -> datetime | None:
        """Return the time in UTC.

        Raises:
            ValidationError: it is not a time, or is outside the supported range.
        """
        try:
            moment: datetime | None = super().to_python(value)
            return moment.astimezone(UTC) if moment else None
        except OverflowError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class MomentFilter(django_filters.IsoDateTimeFilter):
    """A filter by a time in ISO 8601."""

    field_class = MomentField


class FlagField(forms.Field):
    """A field for `true` or `false`. Django's NullBooleanField also accepts other values, such as 1, 2 and 3."""

    widget = forms.TextInput
    default_error_messages = {"invalid": _("Enter “true” or “false”.")}

    def to_python(self, value: Any) -> bool | None:
        """Return the boolean, or None if there is no value.

        Raises:
            ValidationError: the value is neither `true` nor `false`.
        """
        if value in EMPTY:
            return None
        if value.lower() not in {"true", "false"}:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return bool(value.lower() == "true")


class FlagFilter(django_filters.BooleanFilter):
    """A filter by a boolean."""

    field_class = FlagField


class AllowedFilters(DjangoFilterBackend):
    """A filter backend that applies the view's `filterset_class` and refuses unknown query parameters."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        """Return the filtered rows; all rows if the view has no filters."""
        filters = self.get_filterset_class(view, queryset)
        if filters is None:
            return queryset
        ignored = PAGING if view.paginator else frozenset({"format"})
        return apply_filters(filters, request.query_params, queryset, ignored=ignored, blank=True)
