"""Base classes of admin lists: their look, limited counts, filters by day."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import ActionLocation, IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.forms import CheckboxInput
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.functional import cached_property
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _
from unfold.admin import checkbox
from unfold.contrib.filters.forms import RangeDateForm
from unfold.decorators import display

from keystone.admin.guards import ActingAdmin
from keystone.text import EMPTY

KEPT_FILTERS = "_changelist_filters"  # Django's name for the query of the list that a page was opened from

if TYPE_CHECKING:
    UnfoldModelAdmin = admin.ModelAdmin[Any]
    _Paginator = Paginator[Any]
else:
    from unfold.admin import ModelAdmin as UnfoldModelAdmin

    _Paginator = Paginator


class BoundedPaginator(_Paginator):
    """A paginator that counts at most `limit` rows: a list of a million rows costs as much as one of ten thousand."""

    limit = 10_000
    template_name = "keystone/admin/pagination.html"

    @cached_property
    def count(self) -> int:
        """The number of rows, at most `limit`."""
        return min(self._found, self.limit)

    def page(self, number: Any) -> Any:
        """Return a page. A queryset may have a way of its own to find its rows."""
        page = super().page(number)
        if self.count and (rows_between := getattr(self.object_list, "rows_between", None)) is not None:
            page.object_list = rows_between(page.start_index() - 1, page.end_index())
        return page

    @property
    def is_cut_off(self) -> bool:
        """Whether there are more rows than the pages show."""
        return self._found > self.limit

    @cached_property
    def _found(self) -> int:
        return int(self.object_list.order_by()[: self.limit + 1].count())  # type: ignore[attr-defined]  # a queryset


class KeystoneModelAdmin(ActingAdmin, UnfoldModelAdmin):
    """The base of Keystone's admin classes. They don't allow deletion, and the audit log is the only log."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # they count the whole table, once per choice
    list_per_page = 50
    list_filter_submit = True
    empty_value_display = EMPTY

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Return unfold's list, which hides a total that was not counted."""
        base: Any = super().get_changelist(request, **kwargs)
        return _bounded(base)

    def page_url(self, request: HttpRequest, page: str, *args: Any) -> str:
        """Return the URL of one of this admin's pages, with the filters of the list that the viewer came from.

        Args:
            page: the part of the URL's name after the model's, such as `change`.
        """
        url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}", args=args)
        kept = request.GET.get(KEPT_FILTERS)
        return f"{url}?{urlencode({KEPT_FILTERS: kept})}" if kept else url

    def list_url(self, request: HttpRequest) -> str:
        """Return the URL of the list with the filters, search and page that the viewer left it with."""
        url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        kept = request.GET.get(KEPT_FILTERS) or request.GET.urlencode()
        return f"{url}?{kept}" if kept else url

    def render_page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        """Render a template with the context of every admin page."""
        request.current_app = self.admin_site.name
        around = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, template, {**around, **context})

    def get_action_choices(
        self,
        request: HttpRequest,
        default_choices: Any = (),
        action_location: ActionLocation = ActionLocation.CHANGE_LIST,
    ) -> list[tuple[str, str]]:
        """Return the choices of bulk actions. Accepts Django 6.1's new argument, which unfold's method doesn't."""
        choices: list[tuple[str, str]] = admin.ModelAdmin.get_action_choices(
            self, request, [("", str(_("Select action")))], action_location
        )
        return choices

    @display(description=mark_safe(checkbox.render("action_toggle_all", "1")))  # noqa: S308 - unfold's own widget
    def action_checkbox(self, obj: Model) -> SafeString:
        """Return the checkbox that selects a row, with a label for screen readers."""
        label = _("Select %(name)s") % {"name": obj}
        widget = CheckboxInput({**checkbox.attrs, "aria-label": label}, lambda _value: False)
        return widget.render(ACTION_CHECKBOX_NAME, str(obj.pk))

    def response_action(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        action_location: ActionLocation = ActionLocation.CHANGE_LIST,
    ) -> HttpResponse | None:
        """Run a bulk action. Invalid keys redirect to the list instead of causing a server error."""
        try:
            response: HttpResponse | None = super().response_action(request, queryset, action_location)
        except (ValidationError, ValueError):
            return HttpResponseRedirect(request.get_full_path())
        return response

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow only the lookups of this list's filters.

        Django allows filtering by any column in the URL. That would reveal columns that no page shows, such as a
        password hash, letter by letter.
        """
        allowed: set[str] = set()
        for entry in self.get_list_filter(request):
            if isinstance(entry, tuple):
                allowed |= {f"{entry[0]}_from", f"{entry[0]}_to"}
            else:
                allowed.add(getattr(entry, "parameter_name", ""))
        return lookup in allowed and "\x00" not in str(value)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never allow deletion."""
        return False


class ReadOnlyAdmin(KeystoneModelAdmin):
    """A list of rows that can only be viewed."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class OwnPageAdmin(ReadOnlyAdmin):
    """A list of rows whose page is a custom template instead of Django's form."""

    page_template: str

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Return the template's context for a row."""
        raise NotImplementedError

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the row's page. It changes nothing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            gone: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]  # the stubs leave it out
            return gone
        return self.render_page(request, self.page_template, self.page(request, obj))


class DayRangeFilter(admin.FieldListFilter):
    """A filter from one UTC day to another, both included. Invalid dates are ignored."""

    template = "unfold/filters/filters_date_range.html"
    form_class = RangeDateForm

    def __init__(self, field: Any, request: HttpRequest, params: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(field, request, params, *args, **kwargs)
        self.request = request
        for name, value in self.used_parameters.items():  # Django took them from params, as lists
            self.used_parameters[name] = value[-1] if isinstance(value, list) else value

    def expected_parameters(self) -> list[str | None]:
        """Return the parameters in the page's URL."""
        return [f"{self.field_path}_from", f"{self.field_path}_to"]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of these days."""
        first, last = (_day(value) for value in self._given().values())
        if first is not None:
            queryset = queryset.filter(**{f"{self.field_path}__gte": _midnight(first)})
        if last is not None and last < date.max:
            queryset = queryset.filter(**{f"{self.field_path}__lt": _midnight(last + timedelta(days=1))})
        return queryset

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:  # type: ignore[override]  # the form's dict
        """Yield the form with the two dates."""
        yield {
            "request": self.request,
            "parameter_name": self.field_path,
            "form": self.form_class(name=self.field_path, data=self._given()),
        }

    def _given(self) -> dict[str, Any]:
        return {str(name): self.used_parameters.get(str(name)) for name in self.expected_parameters()}


@lru_cache
def _bounded(base: Any) -> type[Any]:
    class ChangeList(base):
        page_num: int

        def get_results(self, request: HttpRequest) -> None:
            try:
                super().get_results(request)
            except IncorrectLookupParameters:
                # The page's rows may be gone, for example decided on meanwhile. Django would drop all filters.
                pages = self.model_admin.get_paginator(request, self.queryset, self.list_per_page).num_pages
                self.page_num = min(max(self.page_num, 1), pages)
                super().get_results(request)
            self.full_result_count = self.result_count  # unfold shows the total if it differs

    return ChangeList


def _day(value: Any) -> date | None:
    try:
        return parse_date(str(value or "").strip())
    except ValueError:
        return None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)
