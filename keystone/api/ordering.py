"""The ordering of lists, and the condition that selects the rows of a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.db import models
from django.db.models import F, Model, Q, QuerySet
from django.db.models.expressions import OrderBy
from rest_framework.filters import OrderingFilter

# Values of these can be converted to text and back, and compared. Lists sorted by other columns are paged by offset.
COMPARABLE = (
    models.BooleanField,
    models.CharField,
    models.DateField,
    models.DecimalField,
    models.DurationField,
    models.FloatField,
    models.ForeignKey,
    models.GenericIPAddressField,
    models.IntegerField,
    models.TextField,
    models.TimeField,
    models.UUIDField,
)
VALIDATED = (models.DecimalField, models.GenericIPAddressField)  # `to_python` accepts values that the database rejects


@dataclass(frozen=True)
class Term:
    """A column that rows are sorted by. NULL is larger than every value, PostgreSQL's default."""

    path: str
    field: Any
    descending: bool
    nullable: bool

    def write(self, row: Model) -> str | None:
        """Return the row's value as text."""
        *way, _ = self.path.split("__")
        owner: Any = row
        try:
            for name in way:
                owner = getattr(owner, name)
        except ObjectDoesNotExist:  # the reverse side of a one-to-one relation
            return None
        if owner is None or self.field.value_from_object(owner) is None:
            return None
        return str(self.field.value_to_string(owner))

    def read(self, text: str | None) -> Any:
        """Return the value of a text that `write()` returned.

        Raises:
            ValueError, ArithmeticError, ValidationError: it is not such a text.
        """
        if text is None:
            if not self.nullable:
                raise ValueError(text)
            return None
        value = self.field.to_python(text)
        if isinstance(self.field, VALIDATED):
            self.field.run_validators(value)
        return value.astimezone(UTC) if isinstance(value, datetime) else value

    def sorted_name(self, *, backwards: bool) -> str:
        """Return the argument for `order_by()`."""
        return f"{'-' if self.descending is not backwards else ''}{self.path}"

    def beyond(self, value: Any, *, backwards: bool) -> Q | None:
        """Return the condition for rows after the value; None if there can't be any."""
        descending = self.descending is not backwards
        if value is None:
            return Q(**{f"{self.path}__isnull": False}) if descending else None
        later = Q(**{f"{self.path}__{'lt' if descending else 'gt'}": value})
        return later | Q(**{f"{self.path}__isnull": True}) if self.nullable and not descending else later

    def same(self, value: Any) -> Q:
        """Return the condition for rows with the value."""
        return Q(**{f"{self.path}__isnull": True} if value is None else {self.path: value})


def rows_beyond(terms: Sequence[Term], values: Sequence[Any], *, backwards: bool) -> Q:
    """Return the condition for rows after the row with these values. The last column is unique and never NULL."""
    found, before = Q(), Q()
    for term, value in zip(terms, values, strict=True):
        later = term.beyond(value, backwards=backwards)
        if later is not None:
            found |= before & later
        before &= term.same(value)
    first, value = terms[0], values[0]
    if not first.nullable:  # allows an index to be used
        side = "lte" if first.descending is not backwards else "gte"
        return Q(**{f"{first.path}__{side}": value}) & found
    return found


def terms_of(queryset: Any, names: Sequence[str]) -> tuple[Term, ...] | None:
    """Return the columns that identify a row's position: those in `names`, then the primary key.

    Returns:
        None if the rows can't be paged by value: they are not rows of a model, or not sorted by its columns.
    """
    if not isinstance(queryset, QuerySet) or queryset._fields is not None:  # type: ignore[attr-defined]  # of `values()`
        return None
    query = queryset.query
    if query.is_sliced or query.combinator or query.distinct_fields or query.extra_order_by:
        return None
    key = queryset.model._meta.pk
    terms = []
    for name in names:
        term = _term(queryset.model, name)
        if term is None:
            return None
        terms.append(term)
        if term.field is key:
            return tuple(terms)
    last = _term(queryset.model, f"{'-' if terms and terms[0].descending else ''}pk")
    return None if last is None else (*terms, last)


def _term(model: type[Model], name: str) -> Term | None:
    path = name.removeprefix("-")
    *way, last = path.split("__")
    nullable = False
    try:
        for part in way:
            relation: Any = model._meta.get_field(part)
            if not (relation.many_to_one or relation.one_to_one):
                return None
            nullable |= relation.auto_created or relation.null
            model = relation.related_model
        field: Any = model._meta.pk if last == "pk" else model._meta.get_field(last)
    except (FieldDoesNotExist, AttributeError):  # an annotation or a lookup
        return None
    if not isinstance(field, COMPARABLE) or (field.is_relation and last not in {"pk", field.attname}):
        return None  # a relation is sorted by the related model's ordering
    return Term(path, field, name.startswith("-"), nullable or field.null)


def names_of(queryset: Any) -> list[str] | None:
    """Return a queryset's ordering as arguments of `order_by()`; None if it contains more than columns."""
    query = getattr(queryset, "query", None)
    if query is None:
        return []
    # As in Django, a query with GROUP BY ignores the model's ordering.
    by_default = query.get_meta().ordering if query.default_ordering and not query.group_by else ()
    ordering = query.order_by or by_default
    names = []
    for one in ordering:
        term: Any = one
        if isinstance(term, OrderBy) and not (term.nulls_first or term.nulls_last):
            column: Any = term.expression
            term = f"{'-' if term.descending else ''}{column.name}" if isinstance(column, F) else None  # type: ignore[attr-defined]  # missing from the stubs
        elif isinstance(term, F):
            term = term.name  # type: ignore[attr-defined]  # missing from the stubs
        if not isinstance(term, str) or term == "?":
            return None
        names.append(term if query.standard_ordering else _reversed(term))
    return names


def sort(queryset: QuerySet[Any], names: Sequence[str]) -> QuerySet[Any]:
    """Return the rows in this order. `order_by()` alone would keep an earlier `reverse()`."""
    rows = queryset.order_by(*names)
    return rows if rows.query.standard_ordering else rows.reverse()


def _reversed(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"


def sort_columns(view: Any) -> dict[str, str]:
    """Return the names that `?ordering=` accepts, each with its column.

    They come from the view's `sort_columns`, or from its `ordering_fields` as for DRF's `OrderingFilter`. If that
    filter is in use, it reads `?ordering=` itself, and `ordering_fields` is ignored here.
    """
    declared = getattr(view, "sort_columns", None)
    if declared is None:
        if any(
            issubclass(one, OrderingFilter) for one in getattr(view, "filter_backends", ()) if isinstance(one, type)
        ):
            return {}
        declared = getattr(view, "ordering_fields", None)
    if isinstance(declared, Mapping):
        return {str(name): str(column) for name, column in declared.items()}
    if declared == "__all__":
        model = model_of(view)
        fields = () if model is None else model._meta.concrete_fields
        return {field.attname: field.attname for field in fields if isinstance(field, COMPARABLE)}
    if isinstance(declared, str) or not isinstance(declared, Sequence):
        return {}
    names = [one if isinstance(one, str) else one[0] for one in declared]
    return {name: name for name in names}


def default_names(view: Any) -> list[str]:
    """Return the view's default ordering: `default_ordering`, or DRF's `ordering`."""
    declared = getattr(view, "default_ordering", None)
    if declared is None and not _has_ordering_filter(view):  # it sorts the queryset itself
        declared = getattr(view, "ordering", None)
    declared = declared or ()
    return [declared] if isinstance(declared, str) else list(declared)


def _has_ordering_filter(view: Any) -> bool:
    backends = getattr(view, "filter_backends", ())
    return any(isinstance(one, type) and issubclass(one, OrderingFilter) for one in backends)


def model_of(view: Any) -> type[Model] | None:
    """Return the model declared by the view's queryset or serializer; None if there is none."""
    queryset = getattr(view, "queryset", None)
    serializer = getattr(view, "serializer_class", None)
    found = getattr(queryset, "model", None) or getattr(getattr(serializer, "Meta", None), "model", None)
    return found if isinstance(found, type) and issubclass(found, Model) else None
