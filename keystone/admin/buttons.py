"""Actions on a single row, as buttons on its page."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path

if TYPE_CHECKING:
    from keystone.admin.model_admin import ReadOnlyAdmin as Base
else:
    Base = object

Button = tuple[str, Any, str, str]  # the decision, its title, icon and look


class ButtonsMixin(Base):
    """Adds a view at `<key>/<decision>/` for each decision, for POST only.

    Attributes:
        decisions: the names of the decisions.
        key_converter: Django's path converter for the key in the URL.
    """

    decisions: Collection[str]
    key_converter = "str"

    def may(self, request: HttpRequest, decision: str) -> bool:
        """Return whether the viewer may make this decision."""
        raise NotImplementedError

    def decide(self, request: HttpRequest, decision: str, keys: Iterable[Any]) -> None:
        """Make the decision on the rows with these keys, and add messages with the result."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        """Add the buttons' URLs before Django's."""
        urls = [
            path(
                f"<{self.key_converter}:key>/{name}/",
                self.admin_site.admin_view(self.decide_view),
                {"decision": name},
                name=self._name(name),
            )
            for name in self.decisions
        ]
        return [*urls, *super().get_urls()]

    def decide_view(self, request: HttpRequest, key: Any, decision: str) -> HttpResponse:
        """Make the decision on one row. Redirect to its page, or to the list if the row no longer exists."""
        if not self.may(request, decision):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self.decide(request, decision, [key])
        if not self.model._base_manager.filter(pk=key).exists():
            return HttpResponseRedirect(self.list_url(request))
        return HttpResponseRedirect(self.page_url(request, "change", key))

    def buttons(self, request: HttpRequest, key: Any, offered: Iterable[Button]) -> list[dict[str, Any]]:
        """Return the buttons that the viewer may use, for `keystone/admin/buttons.html`."""
        return [
            {"title": title, "icon": icon, "look": look, "link": self.page_url(request, name, key)}
            for name, title, icon, look in offered
            if self.may(request, name)
        ]

    def _name(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"
