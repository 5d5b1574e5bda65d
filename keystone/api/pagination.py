"""Keyset pagination: a page's cost depends neither on the table's size nor on the page's number."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from keystone.api.cursors import Cursor
from keystone.api.ordering import Term, default_names, names_of, rows_beyond, sort, sort_columns, terms_of
from keystone.conf import options

DEFAULT_SIZE = 25
MAX_SIZE = 100
FURTHEST = 1_000_000_000  # rows that an offset may skip


class KeysetPagination(BasePagination):
    """Pagination by the values of the row at a page's edge, for any list view.

    A view sets the names that `?ordering=` accepts in `sort_columns`, a mapping of names to columns, or as for DRF's
    `OrderingFilter`. Without `?ordering=`, rows are sorted by `default_ordering`, DRF's `ordering` or the queryset's
    ordering; without these, by primary key. If the columns are indexed together with the primary key, every page costs
    the same.

    Lists that can't be paged by value (`values()`, unions, expressions, plain lists) are paged by offset. The rows are
    never counted: there is a `next` and a `previous` link, but no number of pages.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return one page of `queryset`.

        Raises:
            ValidationError: `ordering`, `cursor` or `page_size` is not valid.
        """
        self.request = request
        self.size = self._size(self._parameter("page_size"))
        name, columns = self._ordering(queryset, view)
        text = self._parameter("cursor")
        terms = None if columns is None else terms_of(queryset, columns)
        if terms is None:
            return self._page_by_offset(queryset, columns, name, text)
        return self._page_by_value(queryset, terms, name, text)

    def get_paginated_response(self, data: Any) -> Response:
        """Return the response `{"next", "previous", "results"}`."""
        return Response({"next": self._link(self.next), "previous": self._link(self.previous), "results": data})

    def _parameter(self, name: str) -> str:
        values: list[str] = self.request.query_params.getlist(name)
        if len(values) > 1:
            raise serializers.ValidationError({name: [_("Give a single value.")]})
        return values[0] if values else ""

    def _size(self, text: str) -> int:
        if not text:
            return DEFAULT_SIZE
        try:
            return min(max(int(text), 1), MAX_SIZE)
        except ValueError:
            message = _("Give a number from 1 to %(limit)d.") % {"limit": MAX_SIZE}
            raise serializers.ValidationError({"page_size": [message]}) from None

    def _ordering(self, queryset: Any, view: Any) -> tuple[str, list[str] | None]:
        """Return the ordering's name and columns. Columns are None if the queryset isn't sorted by columns only."""
        allowed = sort_columns(view)
        asked = self._parameter("ordering") if allowed else ""
        if asked and asked.removeprefix("-") not in allowed:
            choices = ", ".join(sorted(allowed))
            raise serializers.ValidationError({"ordering": [_("Choose one of: %s, each also with “-”.") % choices]})
        names = [asked] if asked else default_names(view)
        if not names:
            columns = names_of(queryset)
            return ",".join(columns or ()), columns
        columns = []
        for name in names:
            bare = name.removeprefix("-")
            columns.append(name.removesuffix(bare) + allowed.get(bare, bare))
        return ",".join(names), columns

    def _page_by_value(self, queryset: QuerySet[Any], terms: tuple[Term, ...], name: str, text: str) -> list[Any]:
        backwards = False
        if text:
            try:
                cursor = Cursor.decode(text, ordering=name, length=len(terms))
                values = [term.read(value) for term, value in zip(terms, cursor.values, strict=True)]
            except (ValueError, ArithmeticError, DjangoValidationError):
                raise _no_cursor() from None
            backwards = cursor.backwards
            queryset = queryset.filter(rows_beyond(terms, values, backwards=backwards))
        names = [term.sorted_name(backwards=backwards) for term in terms]
        rows = _first_rows(sort(queryset, names), self.size + 1)
        more = len(rows) > self.size
        page = rows[: self.size][::-1] if backwards else rows[: self.size]

        def beside(row: Any, *, backwards: bool) -> Cursor:
            return Cursor(name, tuple(term.write(row) for term in terms), backwards)

        has_next, has_previous = (True, more) if backwards else (more, bool(text))
        self.next = beside(page[-1], backwards=False) if page and has_next else None
        self.previous = beside(page[0], backwards=True) if page and has_previous else None
        return page

    def _page_by_offset(self, queryset: Any, columns: list[str] | None, name: str, text: str) -> list[Any]:
        name = f"offset {name}".strip()
        start = 0
        if text:
            try:
                start = int(Cursor.decode(text, ordering=name, length=1).values[0] or 0)
            except ValueError:
                raise _no_cursor() from None
            if not 0 <= start <= FURTHEST:
                raise _no_cursor()
        rows = list(_sorted(queryset, columns)[start : start + self.size + 1])
        more = len(rows) > self.size
        self.next = Cursor(name, (str(start + self.size),)) if more else None
        self.previous = Cursor(name, (str(max(start - self.size, 0)),), backwards=True) if start else None
        return rows[: self.size]

    def _link(self, cursor: Cursor | None) -> str | None:
        if cursor is None:
            return None
        # From the settings, never from the request's Host header, which the caller chooses.
        here = f"{options().public_url}{self.request.get_full_path_info()}"
        link: str = replace_query_param(here, "cursor", cursor.encode())
        return link

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        names = [sign + name for name in sort_columns(view) for sign in ("", "-")]
        default = default_names(view)
        ordering = {
            "name": "ordering",
            "in": "query",
            "schema": {
                "type": "string",
                "enum": names,
                **({"default": default[0]} if default and default[0] in names else {}),
            },
            "allowEmptyValue": True,
            "description": "What the list is sorted by.",
        }
        return [
            {
                "name": "cursor",
                "in": "query",
                "schema": {"type": "string"},
                "allowEmptyValue": True,
                "description": "From `next` or `previous`.",
            },
            *([ordering] if names else []),
            {
                "name": "page_size",
                "in": "query",
                "schema": {"type": "integer", "default": DEFAULT_SIZE},
                "allowEmptyValue": True,
                "description": f"How many rows a page has, from 1 to {MAX_SIZE}; beyond, the nearer of these holds.",
            },
        ]


def _first_rows(queryset: QuerySet[Any], count: int) -> list[Any]:
    """Return the first rows of a sorted queryset, which may have a way of its own to find them."""
    if (own := getattr(queryset, "rows_between", None)) is not None:
        return list(own(0, count))
    return list(queryset[:count])


def _no_cursor() -> serializers.ValidationError:
    return serializers.ValidationError({"cursor": [_("This is not a cursor of this list.")]})


def _sorted(rows: Any, columns: list[str] | None) -> Any:
    """Return the rows in an order that is the same for all pages, as far as possible."""
    if not isinstance(rows, QuerySet) or rows.query.is_sliced or rows.query.combinator or rows.query.distinct_fields:
        return rows
    if columns:
        key = ("pk",) if rows._fields is None else ()  # type: ignore[attr-defined]  # of `values()`
        rows = sort(rows, (*columns, *key))
    if rows.ordered:
        return rows
    fields = rows.query.values_select if isinstance(rows.query.group_by, tuple) else ("pk",)
    return rows.order_by(*fields)
