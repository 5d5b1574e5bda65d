"""The admin of the outbox: which mails were sent, which failed and why, and resending."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action

from keystone.admin.guards import acting
from keystone.admin.model_admin import DayRangeFilter, ReadOnlyAdmin
from keystone.exceptions import Refusal
from keystone.mail.admin.cells import MailCells, MailFacts, tested
from keystone.mail.admin.filters import MailFilter, PersonFilter, StateFilter
from keystone.mail.admin.templates import TemplatePagesMixin
from keystone.mail.handling import MOST_AT_ONCE, PERMISSION, ResendResult, resend_mails
from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.registry import EMAILS


@admin.register(OutgoingMail)
class OutgoingMailAdmin(MailCells, MailFacts, TemplatePagesMixin, ReadOnlyAdmin):
    """The outbox, newest mails first."""

    change_form_template = "keystone/admin/mail.html"
    list_display_links = ("title",)
    list_filter = (StateFilter, MailFilter, PersonFilter, ("created_at", DayRangeFilter))
    list_select_related = ("user",)
    sortable_by = ()
    ordering = ("-created_at", "-id")
    search_fields = ("recipient",)  # turns the search box on; get_search_results() decides what is searched
    search_help_text = _("Beginning of an email address")
    actions = ("resend_selected",)

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the columns; the person is linked if the viewer may open their page."""
        to = "to_linked" if request.user.has_perm("keystone.view_user") else "to"
        return ("title", "state_label", to, "attempts_cell", "created", "sent", "next_attempt")

    def get_fieldsets(self, request: HttpRequest, obj: OutgoingMail | None = None) -> list[Any]:
        person = "person_linked" if request.user.has_perm("keystone.view_user") else "person"
        return [
            (None, {"fields": ("what", "address", person, "language_name")}),
            (_("Delivery"), {"fields": ("created_in_full", "sent_in_full", "attempts_made", "next_in_full", "error")}),
            (_("Origin"), {"fields": ("message_id", "provider", "request_text", "made_from")}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: OutgoingMail | None = None) -> list[str]:
        return [name for _title, options in self.get_fieldsets(request, obj) for name in options["fields"]]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[OutgoingMail], search_term: str
    ) -> tuple[QuerySet[OutgoingMail], bool]:
        """Return the mails to email addresses that begin with the search term. Uses the index on the recipient."""
        return queryset.to_addresses_with(search_term), False  # type: ignore[attr-defined]  # the model's own queryset

    # -- Resending -----------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Add the URL that resends one mail."""
        view = self.admin_site.admin_view(self.resend_view)
        return [path("<path:object_id>/resend/", view, name="keystone_outgoingmail_resend"), *super().get_urls()]

    @action(description=_("Send again"), permissions=["send"])
    def resend_selected(self, request: HttpRequest, queryset: QuerySet[OutgoingMail]) -> HttpResponse | None:
        """Resend the selected mails. Ask for confirmation first if some of them were sent."""
        keys = list(queryset.values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
        sent = OutgoingMail.objects.filter(pk__in=keys, state=MailState.SENT).count()
        if sent and len(keys) <= MOST_AT_ONCE and "confirmed" not in request.POST:
            hidden = [("action", "resend_selected"), *((ACTION_CHECKBOX_NAME, key) for key in keys)]
            return self._ask(request, hidden=hidden, sent=sent, count=len(keys), back=request.get_full_path())
        self._resend(request, keys, even_sent="confirmed" in request.POST)
        return None

    def resend_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Resend one mail. Ask for confirmation on GET, and on POST if the mail was sent."""
        if not self.has_send_permission(request):
            raise PermissionDenied
        mail = self.get_object(request, unquote(object_id))
        if mail is None:
            raise Http404
        back = self.page_url(request, "change", mail.pk)
        confirmed = "confirmed" in request.POST
        if request.method == "POST" and (confirmed or mail.state != MailState.SENT):
            self._resend(request, [mail.pk], even_sent=confirmed)
            return HttpResponseRedirect(back)
        return self._ask(request, hidden=[], sent=int(mail.state == MailState.SENT), count=1, back=back)

    def _ask(
        self, request: HttpRequest, *, hidden: list[tuple[str, Any]], sent: int, count: int, back: str
    ) -> HttpResponse:
        title = ngettext("Send %(count)d mail again?", "Send %(count)d mails again?", count) % {"count": count}
        context = {"title": title, "hidden": hidden, "sent": sent, "count": count, "back": back}
        return self.render_page(request, "keystone/admin/mail_resend.html", context)

    def _resend(self, request: HttpRequest, keys: list[int], *, even_sent: bool) -> None:
        try:
            outcome = resend_mails(keys, by=acting(request, PERMISSION), even_sent=even_sent)
        except Refusal as refusal:
            messages.error(request, refusal.detail)
        else:
            for level, text in in_words(outcome):
                messages.add_message(request, level, text)

    # -- The page of a mail --------------------------------------------------------------------------------------

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Add to the page whether the mail can be resent and which template it uses."""
        context = dict(extra_context or {})
        mail = self.get_object(request, unquote(object_id)) if object_id else None
        if mail is not None and self.has_view_permission(request, mail):
            shown = tested(mail) or mail.template
            context |= {
                "may_send": self.has_send_permission(request),
                "resendable": mail.state != MailState.QUEUED or mail.is_postponed,
                "is_postponed": mail.is_postponed,
                "was_sent": mail.state == MailState.SENT,
                "has_template": shown in EMAILS,
                "template_name": shown,
            }
        return super().changeform_view(request, object_id, form_url, context)


def in_words(outcome: ResendResult) -> Iterator[tuple[int, str]]:
    """Yield the level and the text of a message for each outcome of resending."""
    if outcome.resent:
        text = ngettext("%(count)d mail will be sent again.", "%(count)d mails will be sent again.", outcome.resent)
        yield messages.SUCCESS, text % {"count": outcome.resent}
    if outcome.queued:
        text = ngettext(
            "%(count)d mail is already waiting to be sent.",
            "%(count)d mails are already waiting to be sent.",
            outcome.queued,
        )
        yield messages.INFO, text % {"count": outcome.queued}
    if outcome.sent:
        text = ngettext(
            "%(count)d mail was sent in the meantime and will not be sent twice.",
            "%(count)d mails were sent in the meantime and will not be sent twice.",
            outcome.sent,
        )
        yield messages.WARNING, text % {"count": outcome.sent}
    if outcome.suppressed:
        text = ngettext(
            "%(count)d mail was not sent: its address is suppressed. Lift the suppression first.",
            "%(count)d mails were not sent: their addresses are suppressed. Lift the suppressions first.",
            outcome.suppressed,
        )
        yield messages.WARNING, text % {"count": outcome.suppressed}
