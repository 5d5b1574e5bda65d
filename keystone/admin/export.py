"""Export of an admin list as CSV: the rows that its filters and search select, streamed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse

from keystone.actors.actor import Actor
from keystone.admin.guards import acting
from keystone.text.spreadsheet import BYTE_ORDER_MARK

if TYPE_CHECKING:
    from keystone.admin.model_admin import KeystoneModelAdmin as Base
else:
    Base = object


class CsvExportMixin(Base):
    """Adds "Export CSV" to a list. It uses POST, because the export is recorded in the audit log.

    Attributes:
        export_permission: the permission required in addition to the one to view the list.
        export_name: the name of the file.
    """

    change_list_template = "keystone/admin/change_list.html"
    export_permission: str
    export_name: str

    def export_lines(self, queryset: QuerySet[Any]) -> Iterator[str]:
        """Return the lines of the file."""
        raise NotImplementedError

    def record_export(self, *, by: Actor, filters: str) -> None:
        """Record the export in the audit log."""
        raise NotImplementedError

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Return whether the viewer may export the list."""
        return self.has_view_permission(request) and request.user.has_perm(self.export_permission)

    def get_urls(self) -> list[URLPattern]:
        """Add the export's URL before those that would match it as a key."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [path("export/", self.admin_site.admin_view(self.export_view), name=name), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Add the export's URL to the list's context if the viewer may export it."""
        context = dict(extra_context or {})
        if self.has_export_permission(request):
            link = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_export")
            context["export_url"] = f"{link}?{request.GET.urlencode()}"
        return super().changelist_view(request, context)

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Return the file, streamed from the database."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        if request.method != "POST":
            return HttpResponseRedirect(back)
        try:
            queryset = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(back)
        by = acting(request, self.export_permission)
        self.record_export(by=by, filters=request.GET.urlencode())
        headers = {"Content-Disposition": f'attachment; filename="{self.export_name}"', "Cache-Control": "no-store"}
        lines = self.export_lines(queryset)
        return StreamingHttpResponse(_with_mark(lines), content_type="text/csv; charset=utf-8", headers=headers)


def _with_mark(lines: Iterator[str]) -> Iterator[str]:
    yield BYTE_ORDER_MARK
    yield from lines
