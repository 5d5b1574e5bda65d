"""System checks of list views."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.urls import URLResolver, get_resolver
from rest_framework.generics import GenericAPIView

from keystone.api.ordering import default_names, model_of
from keystone.api.pagination import KeysetPagination

EXAMPLE = 'sort_columns = {"created": "created_at"}'


@checks.register(checks.Tags.urls)
def find_misused_pagination(*, app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:
    """Check that each view's `sort_columns` maps names to columns, and that its default order exists (E030)."""
    seen = dict.fromkeys(_listing_views(get_resolver()))
    return [
        checks.Error(f"{view.__module__}.{view.__qualname__}: {said}", hint=hint, id="keystone.E030")
        for view in seen
        for said, hint in _mistakes(view)
    ]


def _listing_views(resolver: URLResolver) -> Iterator[type[Any]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from _listing_views(entry)
            continue
        view: Any = getattr(entry.callback, "cls", None) or getattr(entry.callback, "view_class", None)
        pagination = getattr(view, "pagination_class", None)
        if isinstance(pagination, type) and issubclass(pagination, KeysetPagination):
            yield view


def _mistakes(view: Any) -> Iterator[tuple[str, str]]:
    declared = getattr(view, "sort_columns", None)
    if isinstance(getattr(view, "ordering_fields", None), Mapping):
        yield "`ordering_fields` is DRF's list of columns, and no map.", f"Name the map `sort_columns`: {EXAMPLE}"
    if declared is None:
        declared = {}
    elif not isinstance(declared, Mapping) or not all(
        isinstance(part, str) for pair in declared.items() for part in pair
    ):
        yield "`sort_columns` must map names to columns.", f"Such as {EXAMPLE}"
        return
    model = model_of(view)
    if model is None:
        return
    for name, column in declared.items():
        if not _is_sortable(view, model, column):
            said = f"`sort_columns` sorts {name!r} by {column!r}, which {model.__name__} does not have."
            yield said, f"Such as {EXAMPLE}"
    for name in default_names(view):
        bare = name.removeprefix("-")
        if bare not in declared and not _is_sortable(view, model, bare):
            said = f"It is sorted by {name!r}, which {model.__name__} does not have."
            yield said, "Set `default_ordering` to a name of `sort_columns`, or to a column."


def _is_sortable(view: Any, model: type[Model], path: str) -> bool:
    """Return whether a path of field names leads to a column, or may be an annotation of the view's queryset."""
    query = getattr(getattr(view, "queryset", None), "query", None)
    first, *rest = path.split("__")
    is_known = getattr(view, "get_queryset", None) is GenericAPIView.get_queryset
    if not rest and (not is_known or first in getattr(query, "annotations", ())):
        return True
    found: Any = model
    for part in (first, *rest):
        try:
            field: Any = found._meta.pk if part == "pk" else found._meta.get_field(part)
        except (FieldDoesNotExist, AttributeError):
            return False
        found = field.related_model
    return True
