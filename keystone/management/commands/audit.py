"""`manage.py audit`: archive the audit log."""

from pathlib import Path
from typing import Annotated

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_typer.management import command, initialize
from typer import Argument, Option

from keystone.actors.actor import Actor
from keystone.audit.archiving import archive_month
from keystone.console.options import Json
from keystone.console.printing import print_json
from keystone.console.refusing import refusals_told
from keystone.console.usage import OneLine


class Command(OneLine):
    """The `audit` command group. Each command calls one function and prints the result."""

    help = _("Archive the audit log by month.")  # type: ignore[assignment]  # Django takes a lazy text

    @initialize()
    def init(self) -> None:
        """Do nothing. Without this callback, a single sub-command would stand for the whole group."""

    @command(name="archive", help=str(_("Move the oldest month of the audit log to a file.")))
    def archive(
        self,
        month: Annotated[str, Argument(help=str(_("The month, in UTC, such as 2026-09. It must be over.")))],
        *,
        folder: Annotated[Path, Option("--folder", help=str(_("The folder for the file. It must exist.")))],
        as_json: Json = False,
    ) -> None:
        """Archive a month.

        Raises:
            CommandError: the month is not over, the log contains older events, there is no such folder, or the file
                exists.
        """
        with refusals_told():
            done = archive_month(month, folder=folder, by=Actor.cli())
        if as_json:
            facts = {"month": done.month, "file": str(done.file), "events": done.events, "sha256": done.sha256}
            print_json(self.stdout, facts)
            return
        text = gettext("%(count)d events of %(month)s were moved to %(file)s. SHA-256: %(sha256)s")
        facts = {"count": done.events, "month": done.month, "file": done.file, "sha256": done.sha256}
        self.stdout.write(text % facts)
