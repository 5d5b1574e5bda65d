"""`data seeder`: create sample rows."""

from typing import Annotated

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django_typer.management import TyperCommand, group
from typer import Argument

from keystone.actors.actor import Actor
from keystone.console.options import Json
from keystone.console.printing import print_json, print_table
from keystone.console.refusing import refusals_told
from keystone.data.models import DataRun, Kind
from keystone.data.registry import seeders
from keystone.data.seeding import run_all_seeders, run_seeder
from keystone.management.data.completing import complete_seeder
from keystone.management.data.options import Count
from keystone.management.data.runs import as_data, failures_told

COUNT = 10


class Seeders(TyperCommand):
    """The `seeder` group."""

    @group(name="seeder", help=str(_("Create sample data for development and demonstrations.")))
    def seeder(self) -> None:
        """Do nothing: the commands have no common options."""

    @seeder.command(name="list", help=str(_("List the seeders in the order of `run-all`.")))
    def list_seeders(self, *, as_json: Json = False) -> None:
        """Print the seeders.

        Raises:
            CommandError: a declaration is wrong.
        """
        with refusals_told():
            found = list(seeders().values())
        if as_json:
            listed = [
                {"name": one.name, "description": one.description, "after": one.after, "on_servers": one.on_servers}
                for one in found
            ]
            print_json(self.stdout, {"seeders": listed})
            return
        if not found:
            self.stdout.write(gettext("No app declares a seeder."))
            return
        headings = (gettext("Name"), gettext("What it creates"), gettext("After"), gettext("On servers"))
        rows = [
            (one.name, one.description, ", ".join(one.after), gettext("yes") if one.on_servers else gettext("no"))
            for one in found
        ]
        print_table(self.stdout, headings, rows)

    @seeder.command(name="run", help=str(_("Run one seeder.")))
    def seed(
        self,
        name: Annotated[str, Argument(help=str(_("The seeder.")), shell_complete=complete_seeder)],
        *,
        count: Count = COUNT,
        as_json: Json = False,
    ) -> None:
        """Create rows, all or none.

        Raises:
            CommandError: there is no such seeder, it may not run here, it is already running, or it failed.
        """
        with failures_told(Kind.SEEDER, name):
            run = run_seeder(name, count=count, by=Actor.cli())
        if as_json:
            print_json(self.stdout, as_data(run))
            return
        self.stdout.write(_made(run))

    @seeder.command(name="run-all", help=str(_("Run every seeder until one fails.")))
    def seed_all(self, *, count: Count = COUNT, as_json: Json = False) -> None:
        """Run all seeders, and report each when it is done. If one fails, earlier ones stay done.

        Raises:
            CommandError: a seeder may not run here, in which case none runs; or one is already running or failed.
        """
        with refusals_told():
            names = list(seeders())
        runs = run_all_seeders(count=count, by=Actor.cli())
        done: list[DataRun] = []
        try:
            for name in names:
                with failures_told(Kind.SEEDER, name):
                    done.append(next(runs))
                if not as_json:
                    self.stdout.write(_made(done[-1]))
                    self.stdout.flush()
        finally:
            if as_json:
                print_json(self.stdout, {"seeders": [as_data(run) for run in done]})
        if not names and not as_json:
            self.stdout.write(gettext("No app declares a seeder."))


def _made(run: DataRun) -> str:
    text = ngettext("%(name)s: created %(count)d row.", "%(name)s: created %(count)d rows.", run.rows_written)
    return text % {"name": run.name, "count": run.rows_written}
