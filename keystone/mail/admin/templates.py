"""Previews of every mail in the admin, and sending a test mail to oneself."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.utils.translation import get_language_info, gettext
from django.views.decorators.http import require_POST

from keystone.admin.guards import acting
from keystone.mail.framing import framed
from keystone.mail.handling import PERMISSION, send_test_mail
from keystone.mail.previews import language_or_default, preview, try_preview
from keystone.mail.registry import EMAILS, label_of

if TYPE_CHECKING:
    from keystone.admin.model_admin import ReadOnlyAdmin as Base
else:
    Base = object

PAGES = "admin:keystone_outgoingmail"


class TemplatePagesMixin(Base):
    """Adds a list of the registered mails, and a page for each."""

    change_list_template = "keystone/admin/mail_list.html"

    def get_urls(self) -> list[URLPattern]:
        """Add the pages' URLs, before those that would match them as keys."""
        wrap = self.admin_site.admin_view
        html = self.admin_site.admin_view(framed(self.template_html))
        test = self.admin_site.admin_view(require_POST(self.test_view))
        return [
            path("templates/", wrap(self.templates_view), name="keystone_outgoingmail_templates"),
            path("templates/<str:name>/", wrap(self.template_view), name="keystone_outgoingmail_template"),
            path("templates/<str:name>/html/", html, name="keystone_outgoingmail_template_html"),
            path("templates/<str:name>/test/", test, name="keystone_outgoingmail_test"),
            *super().get_urls(),
        ]

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Return whether the viewer may send mails."""
        return self.has_view_permission(request) and request.user.has_perm(PERMISSION)

    def templates_view(self, request: HttpRequest) -> HttpResponse:
        """Show every mail with its subject, sorted by label."""
        self._check(request)
        mails: list[dict[str, Any]] = [
            {"name": name, "label": label_of(name), "rendered": try_preview(name)[0]} for name in EMAILS
        ]
        context = {"title": gettext("Templates"), "mails": sorted(mails, key=lambda mail: mail["label"])}
        return self.render_page(request, "keystone/admin/mail_templates.html", context)

    def template_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show one mail: its HTML, its text, and a button that sends it to the viewer."""
        self._check(request, name)
        context = {
            "title": label_of(name),
            "preview": self.preview_context(name, request.GET.get("language", "")),
            "languages": _languages(),
            "may_send": self.has_send_permission(request),
            "own_address": getattr(request.user, "email", ""),
        }
        return self.render_page(request, "keystone/admin/mail_template.html", context)

    def template_html(self, request: HttpRequest, name: str) -> str:
        """Return the HTML part, for the frame on the page."""
        self._check(request, name)
        return preview(name, language=language_or_default(request.GET.get("language", ""))).html

    def test_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Send the mail with its sample data to the viewer."""
        self._check(request, name)
        if not self.has_send_permission(request):
            raise PermissionDenied
        language = language_or_default(request.POST.get("language", ""))
        address = getattr(request.user, "email", "")
        send_test_mail(name, to=address, language=language, by=acting(request, PERMISSION))
        messages.success(request, gettext("A test mail is being sent to %(address)s.") % {"address": address})
        return HttpResponseRedirect(f"{reverse(f'{PAGES}_template', args=[name])}?{urlencode({'language': language})}")

    def preview_context(self, name: str, language: str) -> dict[str, Any]:
        """Return the template context for showing a mail with its sample data.

        Args:
            name: the name of a registered mail.
            language: the language's code; LANGUAGE_CODE is used instead of an unknown one.
        """
        language = language_or_default(language)
        address = reverse(f"{PAGES}_template_html", args=[name])
        rendered, fault = try_preview(name, language=language)
        return {
            "name": name,
            "language": language,
            "fault": fault,
            "rendered": rendered,
            "html": f"{address}?{urlencode({'language': language})}",
        }

    def _check(self, request: HttpRequest, name: str | None = None) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if name is not None and name not in EMAILS:
            raise Http404


def _languages() -> list[dict[str, str]]:
    """Return the site's languages, each with its own name for itself."""
    return [{"code": code, "label": get_language_info(code)["name_local"]} for code, _label in settings.LANGUAGES]
