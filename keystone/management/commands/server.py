"""`manage.py server`: run the server, show and change settings, prepare a start, run checks."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from django.core import checks
from django.core.management.base import CommandError
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django_typer.management import command, initialize
from typer import Argument, Option

from keystone.console import asking
from keystone.console.numbers import seconds
from keystone.console.options import Json
from keystone.console.printing import print_json, print_table, printable
from keystone.console.refusing import refusals_told
from keystone.console.usage import OneLine
from keystone.environment.variables import PROCESS, Variable, chosen, environment
from keystone.server import checking, running
from keystone.server.completing import complete_variable
from keystone.server.prestart import PrestartResult, StepFailed, prepare
from keystone.server.setting import WrittenSetting, set_variable


class LogLevel(StrEnum):
    """The minimum level of log messages."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class Command(OneLine):
    """The `server` command group. Each command calls one function and prints the result."""

    help = _("Run the server, show and change its settings, prepare a start, and check for problems.")  # type: ignore[assignment]  # Django takes a lazy text

    requires_system_checks: list[str] = []  # they would stop `check`, and `prestart` before it migrates

    @initialize()
    def init(self) -> None:
        """Do nothing. Without this callback, a single sub-command would stand for the whole group."""

    @command(help=str(_("Run the web server (granian) until it is stopped.")))
    def run(
        self,
        *,
        host: Annotated[str, Option(help=str(_("The address to listen on; 0.0.0.0 is all of them.")))] = running.HOST,
        port: Annotated[int, Option(min=1, max=65535, help=str(_("The port to listen on.")))] = running.PORT,
        workers: Annotated[int, Option(min=1, max=256, help=str(_("The number of worker processes.")))] = 1,
        reload: Annotated[
            bool, Option("--reload", help=str(_("Restart when a file changes; in development only.")))
        ] = False,
        log_level: Annotated[
            LogLevel | None, Option(help=str(_("The lowest level to log; LOG_LEVEL by default.")))
        ] = None,
    ) -> None:
        """Replace this process by the web server.

        Raises:
            CommandError: a check fails, the port is taken, or a development server would be reachable from outside.
        """
        level = str(log_level.value) if log_level else ""
        served = running.Served(host=host, port=port, workers=workers, reload=reload, log_level=level)
        self.check(databases=[])  # the server can start and run without its database
        with refusals_told():
            running.serve(served)

    @command(help=str(_("Show the settings that are read from the environment, and where each value comes from.")))
    def config(
        self,
        names: Annotated[
            list[str] | None,
            Argument(
                metavar="[NAME]...",
                help=str(_("The settings to show; all by default.")),
                shell_complete=complete_variable,
            ),
        ] = None,
        *,
        as_json: Json = False,
    ) -> None:
        """Print the value and source of each setting. Secrets are masked.

        Raises:
            CommandError: there is no setting with one of the names.
        """
        with refusals_told():
            variables, unknown = chosen(names or []), environment().unknown()
        if as_json:
            misspelt = [{"file": one.file, "name": one.name, "closest": one.closest or None} for one in unknown]
            print_json(self.stdout, {"settings": [_data(variable) for variable in variables], "unknown": misspelt})
            return
        headings = (gettext("Setting"), gettext("Value"), gettext("Source"))
        print_table(self.stdout, headings, [(one.name, one.shown, one.source) for one in variables])
        for one in unknown:
            self.stderr.write(self.style.WARNING(printable(str(one))))

    @command(name="set-config", help=str(_("Set a setting in .env.local.")))
    def set_config(
        self,
        key: Annotated[
            str, Argument(help=str(_("The setting's name; see `server config`.")), shell_complete=complete_variable)
        ],
        value: Annotated[str | None, Argument(help=str(_("The value; empty for the default.")))] = None,
        *,
        stdin: Annotated[
            bool, Option("--stdin", help=str(_("Read the value from standard input, as secrets should be.")))
        ] = False,
        file: Annotated[
            Path | None, Option(dir_okay=False, help=str(_("The file to write instead of .env.local.")))
        ] = None,
    ) -> None:
        """Validate a value as the settings do, and write it. A missing value is prompted for on a terminal.

        Raises:
            CommandError: there is no such setting, the value is invalid, or the file cannot be written.
        """
        if value is not None and stdin:
            raise CommandError(gettext("Give a value or --stdin, not both."))
        with refusals_told():
            variable = environment().variable(key)
            if value is not None and value and not variable.is_told:
                text = gettext(
                    "A secret on the command line stays in the shell's history and is visible to others: use --stdin."
                )
                self.stderr.write(self.style.WARNING(text))
            if value is None:
                value = _read() if stdin else _ask(variable)
            written = set_variable(key, value, file=file)
        self._print_written(key, written)

    @command(
        help=str(_("Wait for the database, migrate, and create the first administrator. Run this before each start."))
    )
    def prestart(
        self,
        *,
        seed: Annotated[
            bool, Option("--seed", help=str(_("Create sample people as well; in the local environment only.")))
        ] = False,
        retries: Annotated[int, Option(min=0, help=str(_("How often to retry to reach the database.")))] = 30,
        interval: Annotated[float, Option(min=0, callback=seconds, help=str(_("Seconds between two attempts.")))] = 2.0,
        timeout: Annotated[
            float, Option(min=2, callback=seconds, help=str(_("Time limit of an attempt in seconds.")))
        ] = 5.0,
        lock_timeout: Annotated[
            float,
            Option(
                min=0, callback=seconds, help=str(_("Seconds that a migration waits for a lock; 0 waits indefinitely."))
            ),
        ] = 5.0,
        as_json: Json = False,
    ) -> None:
        """Do everything that is necessary before a start. Running it again changes nothing.

        Raises:
            CommandError: a step failed. The exit status says which: 10 wait, 11 migrate, 12 administrator, 13 seed,
                14 development accounts in a server's database.
        """
        try:
            done = prepare(
                seed=seed,
                retries=retries,
                interval=interval,
                timeout=timeout,
                lock_timeout=lock_timeout,
                said=self._say,
            )
        except StepFailed as failed:
            raise CommandError(printable(str(failed)), returncode=failed.step.value) from None
        if as_json:
            made = done.administrator.made or None
            data = {"migrations": done.migrations, "administrator": made, "people": done.people}
            print_json(self.stdout, data)
            return
        self._print_prepared(done)

    @command(name="check", help=str(_("List everything that would stop or endanger production.")))
    def check_all(
        self,
        *,
        settings_only: Annotated[bool, Option("--settings-only", hidden=True)] = False,
        as_json: Json = False,
    ) -> None:
        """Run all checks and print the problems with hints.

        Raises:
            CommandError: something would stop production.
        """
        found = checking.check_settings() if settings_only else checking.check_production()
        if as_json:
            print_json(self.stdout, {"findings": [checking.as_data(message) for message in found]})
        else:
            self._print_found(found)
        stopping = sum(message.level >= checks.ERROR for message in found)
        if stopping:
            text = ngettext(
                "%(count)d problem would stop production.", "%(count)d problems would stop production.", stopping
            )
            raise CommandError(text % {"count": stopping})

    def _say(self, line: str) -> None:
        """Report progress on stderr, separate from machine-readable output."""
        self.stderr.write(printable(line))

    def _print_written(self, key: str, written: WrittenSetting) -> None:
        text = (
            gettext("%(key)s is set in %(file)s.")
            if written.changed
            else gettext("%(key)s already had this value in %(file)s.")
        )
        self.stdout.write(text % {"key": key, "file": written.file})
        if written.stronger:
            text = gettext("It has no effect: the %(stronger)s has another value, which takes precedence.")
            if written.stronger != PROCESS:
                text = gettext("It has no effect: %(stronger)s has another value, which takes precedence.")
            self.stderr.write(self.style.WARNING(text % {"stronger": written.stronger}))
        elif not written.is_read:
            self.stderr.write(self.style.WARNING(gettext("This environment does not read that file.")))
        elif written.changed:
            self.stdout.write(gettext("Restart running processes to apply it."))

    def _print_prepared(self, done: PrestartResult) -> None:
        count = len(done.migrations)
        text = ngettext("Applied %(count)d migration.", "Applied %(count)d migrations.", count)
        self.stdout.write(text % {"count": count} if count else gettext("No migration was pending."))
        if done.administrator.made:
            text = gettext("Created the administrator %(email)s.") % {"email": done.administrator.made}
        elif done.administrator.is_there:
            text = gettext("A superuser exists.")
        else:
            text = gettext(
                "There is no superuser, and FIRST_SUPERUSER is not set. Run manage.py user create --is-superuser"
            )
        self.stdout.write(printable(text))
        if done.people:
            text = ngettext("Created %(count)d sample person.", "Created %(count)d sample people.", done.people)
            self.stdout.write(text % {"count": done.people})

    def _print_found(self, found: list[checks.CheckMessage]) -> None:
        stops, endangers = gettext("STOPS"), gettext("endangers")
        width = max(len(stops), len(endangers))
        for message in found:
            word = stops if message.level >= checks.ERROR else endangers
            self.stdout.write(printable(f"{word:<{width}}  {message.msg} ({message.id})"))
            if message.hint:
                self.stdout.write(printable(f"{'':<{width}}  → {message.hint}"))
        if not found:
            self.stdout.write(gettext("No problems found."))


def _data(variable: Variable) -> dict[str, object]:
    return {
        "name": variable.name,
        "value": variable.shown,
        "source": variable.source,
        "secret": not variable.is_told,
        "kind": variable.kind,
    }


def _read() -> str:
    """Return the content of standard input without the line break at its end."""
    return sys.stdin.read().removesuffix("\n").removesuffix("\r")


def _ask(variable: Variable) -> str:
    option = gettext("a value, or --stdin")
    if variable.is_told:
        return asking.ask(variable.name, option=option)
    return asking.ask_password(variable.name, option=option)
