"""Queries that are compiled once, for the few that every request makes."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import psycopg
from django.db import connections
from django.db.models import Model, QuerySet
from django.db.models.query import RelatedPopulator, get_related_populators
from psycopg.pq import TransactionStatus


class CompiledQuery[M: Model]:
    """A query of one row by its parameters, which Django compiles on first use only.

    Django builds and compiles a queryset each time that it is evaluated, which takes several times as long as
    PostgreSQL takes to answer a look-up by key. The rows become the same instances as those of the queryset.

    Args:
        build: returns the queryset for given parameters, as a comparison with each of them. `select_related` is
            supported, `prefetch_related` and annotations are not.
        examples: a value for each parameter, all of them different. Each must reach the database as it is.
    """

    def __init__(self, build: Callable[..., QuerySet[M]], *examples: Any) -> None:
        self._build = build
        self._examples = examples

    def get(self, *parameters: Any) -> M | None:
        """Return the row; None if there is none."""
        compiled = self._compiled
        connection: Any = connections[compiled.alias]
        connection.ensure_connection()
        # Django's own cursor would send the text with its values, to be planned each time.
        with connection._prepare_cursor(_PreparedCursor(connection.connection)) as cursor:
            cursor.execute(compiled.sql, [parameters[place] for place in compiled.places])
            row = cursor.fetchone()
        return None if row is None else compiled.instance(row)

    @cached_property
    def _compiled(self) -> "_Compiled[M]":
        return _Compiled(self._build(*self._examples), self._examples)


class _PreparedCursor(psycopg.Cursor[Any]):
    """A cursor that prepares its statements, so that PostgreSQL plans them once for each connection.

    Only where the settings allow it by a `prepare_threshold`: transactions that share a connection by a pooler can't.
    """

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Run a statement. After a migration that changed the type of a column, it is prepared anew."""
        try:
            return super().execute(query, params, **{**options, "prepare": True})
        except psycopg.errors.FeatureNotSupported:
            if self.connection.info.transaction_status is not TransactionStatus.IDLE:
                raise
            self.connection.execute("DEALLOCATE ALL")
            return super().execute(query, params, **options)


class _Compiled[M: Model]:
    """The SQL of a queryset, and how its rows become instances (see Django's `ModelIterable`)."""

    def __init__(self, queryset: QuerySet[M], examples: tuple[Any, ...]) -> None:
        self.alias = queryset.db
        compiler = queryset.query.get_compiler(using=self.alias)
        self.sql, parameters = compiler.as_sql()
        self.places = [examples.index(parameter) for parameter in parameters]
        klass_info: dict[str, Any] = compiler.klass_info
        select: list[Any] = compiler.select
        self._model: type[M] = klass_info["model"]
        columns: list[int] = klass_info["select_fields"]
        self._own = slice(columns[0], columns[-1] + 1)
        self._names = [column[0].target.attname for column in select[self._own]]
        fetch_mode = queryset._fetch_mode  # type: ignore[attr-defined]  # Django 6.1's
        self._related: list[RelatedPopulator] = get_related_populators(klass_info, select, self.alias, fetch_mode)
        self._converters = [
            (place, functions, expression)
            for place, (functions, expression) in compiler.get_converters([column[0] for column in select]).items()
        ]

    def instance(self, row: tuple[Any, ...]) -> M:
        """Return the instance of a row, with those that `select_related` names."""
        values = list(row)
        for place, functions, expression in self._converters:
            for convert in functions:
                values[place] = convert(values[place], expression, connections[self.alias])
        instance = self._model.from_db(self.alias, self._names, values[self._own])
        for populator in self._related:
            populator.populate(values, instance)
        return instance
