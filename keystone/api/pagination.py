"""Keyset pages: the cost of a page does not grow with the table, nor with how far one has paged."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from keystone.conf import options

DEFAULT_SIZE = 25
MAX_SIZE = 100


@dataclass(frozen=True)
class Cursor:
    """A place in a sorted list, between two rows: how it is sorted, the row beside it, and which way to read on."""

    ordering: str
    value: Any
    key: Any
    backwards: bool = False

    def encode(self) -> str:
        """The cursor as it stands in a URL."""
        packed = json.dumps([self.ordering, self.value, self.key, self.backwards], separators=(",", ":"))
        return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, *, ordering: str) -> "Cursor":
        """Read a cursor of our own, of a list that is sorted by `ordering`.

        Raises:
            ValueError: it is none.
        """
        try:
            packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            sorted_by, value, key, backwards = json.loads(packed)
        except (binascii.Error, UnicodeError, TypeError, RecursionError) as error:
            raise ValueError(text) from error
        if sorted_by != ordering or "\x00" in str(value):
            raise ValueError(text)
        return cls(ordering, str(value), str(key), backwards is True)


class KeysetPagination(BasePagination):
    """Pages by `(column, key)`. The view gives `ordering_fields`, a map of allowed names to columns, first the default.

    The columns must not be null and must be indexed together with the key. No page counts the table: there is a
    `next` and a `previous`, and no number of pages.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """One page of `queryset`.

        Raises:
            ValidationError: `ordering`, `cursor` or `page_size` is not valid.
        """
        self.request = request
        self.size = self._size(request.query_params.get("page_size", ""))
        allowed: dict[str, str] = view.ordering_fields
        ordering = request.query_params.get("ordering") or view.default_ordering
        name = ordering.removeprefix("-")
        if name not in allowed:
            choices = ", ".join(sorted(allowed))
            raise serializers.ValidationError({"ordering": [_("Choose one of: %s, each also with “-”.") % choices]})
        self.ordering, self.column, self.descending = ordering, allowed[name], ordering.startswith("-")
        cursor = self._cursor(queryset, request.query_params.get("cursor", ""))
        backwards = cursor is not None and cursor.backwards

        if cursor is not None:
            queryset = queryset.filter(self._beyond(cursor))
        sign = "-" if self.descending is not backwards else ""
        rows = list(queryset.order_by(f"{sign}{self.column}", f"{sign}pk")[: self.size + 1])
        more = len(rows) > self.size
        self.rows = rows[: self.size][::-1] if backwards else rows[: self.size]
        self.has_next = more if not backwards else True
        self.has_previous = more if backwards else cursor is not None
        return self.rows

    def get_paginated_response(self, data: Any) -> Response:
        """`{"next", "previous", "results"}`."""
        return Response(
            {
                "next": self._link(self.rows[-1], backwards=False) if self.rows and self.has_next else None,
                "previous": self._link(self.rows[0], backwards=True) if self.rows and self.has_previous else None,
                "results": data,
            }
        )

    def _size(self, text: str) -> int:
        if not text:
            return DEFAULT_SIZE
        try:
            return min(max(int(text), 1), MAX_SIZE)
        except ValueError:
            message = _("Give a number from 1 to %(limit)d.") % {"limit": MAX_SIZE}
            raise serializers.ValidationError({"page_size": [message]}) from None

    def _cursor(self, queryset: QuerySet[Any], text: str) -> Cursor | None:
        if not text:
            return None
        model = queryset.model
        try:
            cursor = Cursor.decode(text, ordering=self.ordering)
            value = model._meta.get_field(self.column).to_python(cursor.value)
            cursor.value.encode()  # a lone surrogate is no text that the database could compare
            if isinstance(value, datetime):
                value = value.astimezone(UTC)
            return Cursor(self.ordering, value, model._meta.pk.to_python(cursor.key), cursor.backwards)
        except (ValueError, OverflowError, DjangoValidationError):
            raise serializers.ValidationError({"cursor": [_("This is not a cursor of this list.")]}) from None

    def _beyond(self, cursor: Cursor) -> Q:
        """Rows past the cursor. The first condition lets the index find its place, the second settles ties."""
        side = "lt" if self.descending is not cursor.backwards else "gt"
        at_or_beyond = Q(**{f"{self.column}__{side}e": cursor.value})
        return at_or_beyond & (Q(**{f"{self.column}__{side}": cursor.value}) | Q(**{f"pk__{side}": cursor.key}))

    def _link(self, row: Model, *, backwards: bool) -> str:
        field: Any = row._meta.get_field(self.column)
        cursor = Cursor(self.ordering, field.value_to_string(row), str(row.pk), backwards)
        # From the settings and never from a request's Host, which the caller chooses.
        here = f"{options().public_url}{self.request.get_full_path_info()}"
        link: str = replace_query_param(here, "cursor", cursor.encode())
        return link

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The answer's shape."""
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """The query parameters."""
        names = [sign + name for name in view.ordering_fields for sign in ("", "-")]
        return [
            {
                "name": "cursor",
                "in": "query",
                "schema": {"type": "string"},
                "allowEmptyValue": True,
                "description": "From `next` or `previous`.",
            },
            {
                "name": "ordering",
                "in": "query",
                "schema": {"type": "string", "enum": names, "default": view.default_ordering},
                "allowEmptyValue": True,
                "description": "What the list is sorted by.",
            },
            {
                "name": "page_size",
                "in": "query",
                "schema": {"type": "integer", "default": DEFAULT_SIZE},
                "allowEmptyValue": True,
                "description": f"How many rows a page has, from 1 to {MAX_SIZE}; beyond, the nearer of these holds.",
            },
        ]
