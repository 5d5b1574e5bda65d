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

Button = tuple[str, Any, str, str]  # the decision, its title, its icon and its look


class ButtonsMixin(Base):
    """Decisions at `<key>/<decision>/`, by POST only.

    Attributes:
        decisions: their names.
        key_converter: of Django's, for the key in the address.
    """

    decisions: Collection[str]
    key_converter = "str"

    def may(self, request: HttpRequest, decision: str) -> bool:
        """Whether this viewer may decide so."""
        raise NotImplementedError

    def decide(self, request: HttpRequest, decision: str, keys: Iterable[Any]) -> None:
        """Decide on the rows with these keys, and say what came of it."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        """The addresses of the buttons, before Django's own."""
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
        """Decide on one row, and go back to its page, or to the list where the row has gone."""
        if not self.may(request, decision):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self.decide(request, decision, [key])
        if not self.model._base_manager.filter(pk=key).exists():
            return HttpResponseRedirect(self.list_url(request))
        return HttpResponseRedirect(self.page_url(request, "change", key))

    def buttons(self, request: HttpRequest, key: Any, offered: Iterable[Button]) -> list[dict[str, Any]]:
        """Those of the buttons that this viewer may press, as `keystone/admin/buttons.html` shows them."""
        return [
            {"title": title, "icon": icon, "look": look, "link": self.page_url(request, name, key)}
            for name, title, icon, look in offered
            if self.may(request, name)
        ]

    def _name(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"
