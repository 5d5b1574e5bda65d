"""`manage.py dev`: everything needed for development in one command."""

from typing import Annotated

from django.conf import settings
from django.core.management.base import CommandError
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django_typer.management import TyperCommand
from typer import Option

from keystone.development import administrator, sample_people, server
from keystone.development.preparation import PreparationResult, prepare
from keystone.exceptions import Refusal
from keystone.server.ports import check_port


class Command(TyperCommand):
    """Prepares the database and runs the servers, both implemented in `keystone.development`."""

    help = _("Run Keystone on this machine: database, migrations, an administrator, sample people, web server, worker.")
    requires_system_checks: list[str] = []  # the server runs them at each start

    def handle(
        self,
        *,
        port: Annotated[int, Option(min=1, max=65535, help=str(_("The port of the web server.")))] = 8000,
        sample_data: Annotated[
            bool, Option("--sample-data/--no-sample-data", help=str(_("Create sample people in an empty database.")))
        ] = True,
    ) -> None:
        """Run Keystone on this machine."""
        server.end_on_signals()
        try:
            check_port(server.ADDRESS, port)
            prepared = prepare(port=port, sample_data=sample_data)
        except Refusal as refusal:
            raise CommandError(refusal.detail) from None
        self._print(prepared, port)
        server.serve(port)

    def _print(self, prepared: PreparationResult, port: int) -> None:
        site = f"http://localhost:{port}"
        if prepared.migrations:
            text = ngettext("Applied %(count)d migration.", "Applied %(count)d migrations.", prepared.migrations)
            self.stdout.write(text % {"count": prepared.migrations})
        if prepared.people:
            text = ngettext("Created %(count)d sample person.", "Created %(count)d sample people.", prepared.people)
            self.stdout.write(text % {"count": prepared.people})
        password = administrator.PASSWORD if prepared.known_password else gettext("(you have changed it)")
        lines = [
            (gettext("Admin"), f"{site}/admin/"),
            (gettext("API"), f"{site}/docs/  ({site}/redoc/)"),
            (gettext("Mails"), f"{site}/dev/mails/"),
            (gettext("Sign in"), f"{administrator.EMAIL}  {password}"),
        ]
        if prepared.sample_staff:
            lines.append((gettext("or as staff"), f"{sample_people.STAFF_EMAIL}  {sample_people.PASSWORD}"))
        width = max(len(label) for label, _value in lines)
        self.stdout.write("")
        self.stdout.write(self.style.MIGRATE_HEADING(f"  {settings.PROJECT_NAME}"))
        for label, value in lines:
            self.stdout.write(f"  {label:<{width}}  {value}")
        self.stdout.write("")
        self.stdout.flush()  # before the output of the server process, even in a pipe
