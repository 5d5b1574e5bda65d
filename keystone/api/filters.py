"""Applying an allow-list of filters to a list."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django_filters import FilterSet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import serializers
from rest_framework.request import Request

PAGING = frozenset({"cursor", "ordering", "page_size", "format"})


def apply_filters(
    filters: type[FilterSet],
    values: QueryDict,
    queryset: QuerySet[Any],
    *,
    ignored: frozenset[str] = frozenset(),
) -> QuerySet[Any]:
    """The rows that `values` select.

    Args:
        filters: the allow-list.
        ignored: names that are not filters but may stand among them.

    Raises:
        ValidationError: a name is not on the list, or a value does not fit.
    """
    unknown = sorted(set(values) - set(filters.base_filters) - ignored)
    if unknown:
        raise serializers.ValidationError({name: [_("There is no such filter.")] for name in unknown})
    filterset = filters(values, queryset=queryset)
    if not filterset.is_valid():
        raise serializers.ValidationError(filterset.errors)
    result: QuerySet[Any] = filterset.qs
    return result


def as_query(values: Mapping[str, Any]) -> QueryDict:
    """The filters of a JSON body as query parameters: a list gives its name several times, as in an URL."""
    query = QueryDict(mutable=True)
    for name, value in values.items():
        items = value if isinstance(value, list) else [value]
        query.setlist(name, [str(item).lower() if isinstance(item, bool) else str(item) for item in items])
    return query


class AllowedFilters(DjangoFilterBackend):
    """Applies the view's `filterset_class`, and refuses query parameters that it does not know."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        """The filtered rows."""
        return apply_filters(view.filterset_class, request.query_params, queryset, ignored=PAGING)
