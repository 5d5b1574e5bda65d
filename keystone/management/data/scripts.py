"""`data script`: run scripts."""

from pathlib import Path
from typing import Annotated

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_typer.management import TyperCommand, group
from typer import Argument, Option

from keystone.actors.actor import Actor
from keystone.console.options import Json
from keystone.console.printing import print_json, print_table
from keystone.console.refusing import refusals_told
from keystone.data.models import Kind
from keystone.data.registry import scripts
from keystone.data.scripting import run_script
from keystone.management.data.completing import complete_script
from keystone.management.data.runs import as_data, failures_told, in_words


class Scripts(TyperCommand):
    """The `script` group."""

    @group(name="script", help=str(_("Run scripts.")))
    def script(self) -> None:
        """Do nothing: the commands have no common options."""

    @script.command(name="list", help=str(_("List the scripts.")))
    def list_scripts(self, *, as_json: Json = False) -> None:
        """Print the scripts.

        Raises:
            CommandError: a declaration is wrong.
        """
        with refusals_told():
            found = [script for _name, script in sorted(scripts().items())]
        if as_json:
            listed = [{"name": one.name, "description": one.description, "atomic": one.atomic} for one in found]
            print_json(self.stdout, {"scripts": listed})
            return
        if not found:
            self.stdout.write(gettext("No app declares a script."))
            return
        headings = (gettext("Name"), gettext("What it does"), gettext("Atomic"))
        rows = [(one.name, one.description, gettext("yes") if one.atomic else gettext("no")) for one in found]
        print_table(self.stdout, headings, rows)

    @script.command(name="run", help=str(_("Run one script.")))
    def run_one(
        self,
        name: Annotated[str, Argument(help=str(_("The script.")), shell_complete=complete_script)],
        *,
        src: Annotated[Path | None, Option("--src", help=str(_("The file or folder that it reads.")))] = None,
        output: Annotated[Path | None, Option("--output", help=str(_("The file or folder that it writes.")))] = None,
        as_json: Json = False,
    ) -> None:
        """Run a script.

        Raises:
            CommandError: there is no such script, it is already running, or it failed.
        """
        with failures_told(Kind.SCRIPT, name):
            run = run_script(name, by=Actor.cli(), source=src, output=output)
        if as_json:
            print_json(self.stdout, as_data(run))
            return
        self.stdout.write(gettext("%(name)s is done; %(rows)s.") % {"name": name, "rows": in_words(run)})
