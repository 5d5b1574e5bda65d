"""`manage.py email`: list, preview and test mails."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from django.conf import settings
from django.core.management.base import CommandError
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_typer.management import command, initialize
from typer import Argument, Option

from keystone import email_address
from keystone.actors.actor import Actor
from keystone.console.options import Json
from keystone.console.printing import as_json_text, print_json, print_pairs
from keystone.console.refusing import refusals_told
from keystone.console.usage import OneLine
from keystone.mail.claims import claim_due
from keystone.mail.delivery import deliver
from keystone.mail.handling import send_test_mail
from keystone.mail.models import MailState, OutgoingMail
from keystone.mail.previews import preview
from keystone.mail.registry import EMAILS, UnknownEmail
from keystone.mail.tasks import wake_up


class Format(StrEnum):
    """The two formats of a mail."""

    HTML = "html"
    TEXT = "text"


Language = Annotated[str, Option("--language", help=str(_("A language code; the site's language by default.")))]


class Command(OneLine):
    """The `email` command group. Each command calls one function and prints the result."""

    help = _("List and preview mails, and send test mails.")  # type: ignore[assignment]  # Django takes a lazy text

    @initialize()
    def init(self) -> None:
        """Do nothing. Without this callback, a single sub-command would stand for the whole group."""

    @command(name="list", help=str(_("List the mails.")))
    def list_mails(self, *, as_json: Json = False) -> None:
        """Print the name and label of each mail."""
        mails = [(name, str(EMAILS[name].label)) for name in sorted(EMAILS)]
        if as_json:
            print_json(self.stdout, [{"name": name, "label": label} for name, label in mails])
            return
        print_pairs(self.stdout, mails)

    @command(name="preview", help=str(_("Show a mail with its sample data.")))
    def preview_mail(
        self,
        name: Annotated[str, Argument(help=str(_("The mail's name; see `email list`.")))],
        *,
        form: Annotated[Format, Option("--format", help=str(_("The part to show.")))] = Format.TEXT,
        language: Language = "",
        output: Annotated[Path | None, Option(help=str(_("Write to this file.")))] = None,
        as_json: Json = False,
    ) -> None:
        """Print a mail, or write it to a file.

        Raises:
            CommandError: there is no such mail or language, its template is broken, or the file cannot be written.
        """
        try:
            rendered = preview(name, language=_known(language))
        except (UnknownEmail, TemplateDoesNotExist, TemplateSyntaxError, ValueError) as error:
            raise CommandError(str(error)) from None
        parts = {"subject": rendered.subject, "text": rendered.text, "html": rendered.html}
        shown = rendered.html if form is Format.HTML else f"{gettext('Subject')}: {rendered.subject}\n\n{rendered.text}"
        if as_json:
            shown = as_json_text(parts)
        if output is None:
            self.stdout.write(shown)
            return
        try:
            output.write_text(shown, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{output}: {error.strerror}") from None

    @command(name="test", help=str(_("Send a test mail through the queue.")))
    def test_mail(
        self,
        address: Annotated[str, Argument(help=str(_("The recipient's email address.")))],
        *,
        template: Annotated[str, Option(help=str(_("A mail to send with its sample data.")))] = "trial",
        language: Language = "",
        now: Annotated[bool, Option("--now", help=str(_("Send it at once, without a worker.")))] = False,
        as_json: Json = False,
    ) -> None:
        """Queue a test mail, or send it immediately and report the result.

        Raises:
            CommandError: mail cannot be sent to the email address, it was not sent, or there is no such mail or
                language.
        """
        try:
            with refusals_told():
                email_address.require_deliverable(address)
                mail = send_test_mail(template, to=address, by=Actor.cli(), language=_known(language))
        except UnknownEmail as error:
            raise CommandError(str(error)) from None
        if now:
            for moment in deliver(claim_due(only=[mail.pk])):
                wake_up(at=moment)
            mail.refresh_from_db()
        if as_json:
            fields = ("id", "template", "recipient", "state", "message_id", "last_error")
            print_json(self.stdout, {field: getattr(mail, field) for field in fields})
        if now and mail.state != MailState.SENT:
            raise CommandError(_why(mail))
        if not as_json:
            self.stdout.write(_said(mail))


def _known(language: str) -> str:
    if language and language not in dict(settings.LANGUAGES):
        known = ", ".join(code for code, _name in settings.LANGUAGES)
        text = gettext("There is no language %(language)s. Known languages: %(known)s.")
        raise CommandError(text % {"language": language, "known": known})
    return language


def _said(mail: OutgoingMail) -> str:
    if mail.state == MailState.SENT:
        return gettext("The mail server has accepted the test mail to %(address)s.") % {"address": mail.recipient}
    text = gettext("The test mail to %(address)s is queued as mail %(id)d; a worker will send it.")
    return text % {"address": mail.recipient, "id": mail.pk}


def _why(mail: OutgoingMail) -> str:
    reason = mail.last_error or str(mail.get_state_display())
    if mail.state == MailState.QUEUED:
        return gettext("Not sent: %(reason)s A worker will try again.") % {"reason": f"{reason.rstrip('.')}."}
    return gettext("Not sent: %(reason)s") % {"reason": reason}
