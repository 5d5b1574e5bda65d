"""`manage.py db migrate`: write migrations."""

import os
from typing import Annotated

from django.core.management.base import CommandError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_typer.management import TyperCommand, command
from typer import Argument, Exit, Option

from keystone.console.asking import Declined
from keystone.console.options import Json
from keystone.console.printing import print_json, printable
from keystone.database.branches import CORE
from keystone.database.completing import complete_own_branch
from keystone.database.making import CreatedMigration, make
from keystone.management.db.refusing import errors_told


class Making(TyperCommand):
    """The command that writes migration files and does not access the database."""

    @command(name="migrate", help=str(_("Create a migration for the changes of the models.")))
    def migrate(
        self,
        message: Annotated[str, Argument(help=str(_("What changes; it becomes the file's name.")))],
        *,
        branch: Annotated[
            str, Option("--branch", help=str(_("The app to create it for.")), shell_complete=complete_own_branch)
        ] = CORE,
        autogenerate: Annotated[
            bool,
            Option("--autogenerate/--no-autogenerate", help=str(_("Detect changes, or create an empty migration."))),
        ] = True,
        dry_run: Annotated[
            bool, Option("--dry-run", help=str(_("Only show what would be written; ask nothing.")))
        ] = False,
        check: Annotated[
            bool, Option("--check", help=str(_("Like --dry-run, and exit with status 1 if there are changes.")))
        ] = False,
        as_json: Json = False,
    ) -> None:
        """Write a migration.

        Raises:
            CommandError: the message has no letters or digits, the branch belongs to a library or has several leaves,
                or a question has to be answered and there is no terminal.
        """
        writes_nothing = dry_run or check
        with errors_told():
            try:
                made = make(message, branch=branch, autogenerate=autogenerate, dry_run=writes_nothing)
            except EOFError:  # the input ended instead of an answer
                raise CommandError(str(Declined.message)) from None
        if as_json:
            print_json(self.stdout, [_as_data(migration) for migration in made])
        elif not made:
            self.stdout.write(gettext("Nothing to do: %(branch)s has no changes.") % {"branch": branch})
        for migration in [] if as_json else made:
            self._print(migration, written=not writes_nothing)
        if check and made:
            raise Exit(1)

    def _print(self, made: CreatedMigration, *, written: bool) -> None:
        text = gettext("Wrote %(path)s:") if written else gettext("Would write %(path)s:")
        self.stdout.write(text % {"path": os.path.relpath(made.path)})
        for operation in made.operations:
            self.stdout.write(printable(f"  {operation}"))


def _as_data(made: CreatedMigration) -> dict[str, object]:
    return {"branch": made.branch, "name": made.name, "path": str(made.path), "operations": made.operations}
