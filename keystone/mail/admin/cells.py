"""Display of mails in the list and on their page."""

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from keystone.admin.cells import NONE, address_cell, in_full, labelled, number, on_day, request_link
from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.registry import EMAILS, label_of
from keystone.text import EMPTY

STATE_COLOURS = {
    MailState.QUEUED.value: "info",
    MailState.SENT.value: "success",
    MailState.FAILED.value: "danger",
    MailState.BOUNCED.value: "danger",
    MailState.SUPPRESSED.value: "warning",
    MailState.OBSOLETE.value: "default",
}


def tested(mail: OutgoingMail) -> str:
    """Return the name of the mail that a test mail shows; empty for every other mail."""
    return str(mail.context.get("of", "")) if mail.template == "trial" else ""


def title_of(mail: OutgoingMail) -> str:
    """Return the mail's label; for a test mail, also the label of the mail that it shows."""
    shown = tested(mail)
    return f"{label_of(mail.template)}: {label_of(shown)}" if shown else label_of(mail.template)


class MailCells:
    """The columns of the list of mails."""

    @display(description=_("state"), label=STATE_COLOURS)
    def state_label(self, mail: OutgoingMail) -> tuple[str, str]:
        return mail.state, mail.get_state_display()

    @display(description=_("mail"))
    def title(self, mail: OutgoingMail) -> SafeString:
        return format_html("<span>{}</span>", title_of(mail))

    @display(description=_("to"))
    def to(self, mail: OutgoingMail) -> SafeString:
        """Return the recipient and the name of the person the mail is about."""
        return _to(mail, person_name(mail))

    @display(description=_("to"))
    def to_linked(self, mail: OutgoingMail) -> SafeString:
        """Return the recipient and the person the mail is about, with a link to their page."""
        return _to(mail, person_link(mail))

    @display(description=_("attempts"))
    def attempts_cell(self, mail: OutgoingMail) -> SafeString:
        return labelled(_("attempts"), number(mail.attempts)) if mail.attempts else NONE

    @display(description=_("created (UTC)"))
    def created(self, mail: OutgoingMail) -> SafeString:
        return labelled(_("created (UTC)"), on_day(mail.created_at))

    @display(description=_("sent (UTC)"))
    def sent(self, mail: OutgoingMail) -> SafeString:
        """Return when a mail server accepted it."""
        return labelled(_("sent (UTC)"), on_day(mail.sent_at))

    @display(description=_("next attempt (UTC)"))
    def next_attempt(self, mail: OutgoingMail) -> SafeString:
        """Return the time of the next attempt while the mail is queued."""
        due = mail.next_attempt_at if mail.state == MailState.QUEUED else None
        return labelled(_("next attempt (UTC)"), on_day(due))


class MailFacts:
    """The facts on the page of a mail."""

    @display(description=_("mail"))
    def what(self, mail: OutgoingMail) -> SafeString:
        """Return the mail's label and the name it is registered under."""
        name = format_html('<span class="k-subtle">{}</span>', mail.template)
        return format_html("{} {}", title_of(mail), name) if mail.template in EMAILS else name

    @display(description=_("to"))
    def address(self, mail: OutgoingMail) -> SafeString:
        return address_cell(mail.recipient)

    @display(description=_("language"))
    def language_name(self, mail: OutgoingMail) -> str:
        """Return the language's name; that of LANGUAGE_CODE if the mail has none."""
        code = mail.language or settings.LANGUAGE_CODE
        return str(dict(settings.LANGUAGES).get(code, code))

    @display(description=_("written"))
    def created_in_full(self, mail: OutgoingMail) -> str:
        return in_full(mail.created_at)

    @display(description=_("sent"))
    def sent_in_full(self, mail: OutgoingMail) -> str:
        """Return when a mail server accepted it."""
        return in_full(mail.sent_at)

    @display(description=_("attempts"))
    def attempts_made(self, mail: OutgoingMail) -> str:
        return number(mail.attempts)

    @display(description=_("next attempt"))
    def next_in_full(self, mail: OutgoingMail) -> str:
        """Return the time of the next attempt while the mail is queued."""
        if mail.state != MailState.QUEUED:
            return EMPTY
        is_due = mail.next_attempt_at <= timezone.now()
        return gettext("as soon as a worker is free") if is_due else in_full(mail.next_attempt_at)

    @display(description=_("last error"))
    def error(self, mail: OutgoingMail) -> SafeString | str:
        return format_html('<span class="k-text">{}</span>', mail.last_error) if mail.last_error else EMPTY

    @display(description=_("provider's id"))
    def provider(self, mail: OutgoingMail) -> str:
        """Return the provider's id for the mail."""
        return mail.provider_id or EMPTY

    @display(description=_("request id"))
    def request_text(self, mail: OutgoingMail) -> SafeString | str:
        """Return the request that caused the mail, linked to everything else it did."""
        return request_link(mail.request_id)

    @display(description=_("context"))
    def made_from(self, mail: OutgoingMail) -> SafeString | str:
        """Return the context that is passed to the mail's function."""
        lines = format_html_join("", '<div><dt>{}</dt><dd class="k-text">{}</dd></div>', sorted(mail.context.items()))
        return format_html('<dl class="k-facts">{}</dl>', lines) if mail.context else EMPTY

    @display(description=_("person"))
    def person(self, mail: OutgoingMail) -> SafeString:
        return person_name(mail) or NONE

    @display(description=_("person"))
    def person_linked(self, mail: OutgoingMail) -> SafeString:
        return person_link(mail) or NONE


def person_name(mail: OutgoingMail) -> SafeString:
    """Return the name of the person a mail is about; empty if there is none or the account was deleted."""
    return format_html("<span>{}</span>", mail.user.get_full_name()) if mail.user else SafeString()


def person_link(mail: OutgoingMail) -> SafeString:
    """Return the name of the person a mail is about, linked to their page; empty as in `person_name`."""
    if mail.user is None:
        return SafeString()
    link = reverse("admin:keystone_user_change", args=[mail.user.pk])
    return format_html('<a class="k-link" href="{}">{}</a>', link, mail.user.get_full_name())


def _to(mail: OutgoingMail, person: SafeString) -> SafeString:
    second = format_html('<span class="k-second">{}</span>', person) if person else ""
    return labelled(_("to"), format_html('<div class="k-to">{}{}</div>', address_cell(mail.recipient), second))
