"""`manage.py db status` and other read-only commands."""

from dataclasses import asdict
from typing import Annotated

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_typer.management import TyperCommand, command
from typer import Argument, Option

from keystone.console.numbers import seconds
from keystone.console.options import Json
from keystone.console.printing import print_json, print_pairs, print_table, printable
from keystone.database import waiting
from keystone.database.completing import complete_branch, complete_branch_or_migration
from keystone.database.migration_status import BranchStatus, branch_statuses, status
from keystone.database.server import ServerAnswer, ask
from keystone.database.showing import MigrationDetails, show
from keystone.database.tables import Table
from keystone.management.db.refusing import errors_told
from keystone.management.db.sizes import sized

MOST = 3  # maximum number of pending migrations that are listed


class Reading(TyperCommand):
    """Read-only commands. Each makes one call and prints the result."""

    @command(name="status", help=str(_("Show the server, the tables with their rows, and the state of migrations.")))
    def status(self, *, as_json: Json = False) -> None:
        """Print the status of the database.

        Raises:
            CommandError: the database does not answer.
        """
        with errors_told():
            found = status()
        if as_json:
            print_json(self.stdout, asdict(found))
            return
        print_pairs(
            self.stdout,
            [
                (gettext("Server"), f"PostgreSQL {found.server.version}"),
                (gettext("Address"), found.server.address),
                (gettext("Database"), found.server.database),
                (gettext("Size"), sized(found.server.size)),
            ],
        )
        self.stdout.write("")
        headings = [gettext("Table"), gettext("Rows"), gettext("Size")]
        print_table(self.stdout, headings, [[table.name, _rows(table), sized(table.size)] for table in found.tables])
        self.stdout.write("")
        self._print_branches(found.branches)

    @command(name="current", help=str(_("Show the current migration of each branch.")))
    def current(self, *, as_json: Json = False) -> None:
        """Print the status of the branches.

        Raises:
            CommandError: the database does not answer.
        """
        with errors_told():
            listed = branch_statuses()
        if not as_json:
            self._print_branches(listed)
            return
        names = ("branch", "current", "pending", "unknown", "conflicting")
        print_json(self.stdout, [{name: getattr(standing, name) for name in names} for standing in listed])

    @command(name="test", help=str(_("Connect to the database, and show how it answers.")))
    def test(self, *, as_json: Json = False) -> None:
        """Print how the server answers.

        Raises:
            CommandError: it does not answer.
        """
        with errors_told():
            self._print_answer(ask(), as_json=as_json)

    @command(name="verify", help=str(_("Wait until the database answers.")))
    def verify(
        self,
        *,
        retries: Annotated[
            int, Option("--retries", "-r", min=1, help=str(_("The maximum number of attempts.")))
        ] = waiting.ATTEMPTS,
        interval: Annotated[
            float, Option("--interval", "-i", min=0, callback=seconds, help=str(_("Seconds between two attempts.")))
        ] = waiting.INTERVAL,
        timeout: Annotated[
            float,
            Option("--timeout", "-t", min=2, callback=seconds, help=str(_("Time limit of an attempt in seconds."))),
        ] = waiting.TIMEOUT,
        as_json: Json = False,
    ) -> None:
        """Try to connect until the database answers. Failed attempts are reported on stderr.

        Raises:
            CommandError: it did not answer at the last attempt.
        """
        with errors_told():
            answer = waiting.wait_for_database(
                attempts=retries,
                interval=interval,
                timeout=timeout,
                said=lambda line: self.stderr.write(printable(line)),
            )
        self._print_answer(answer, as_json=as_json)

    @command(name="show", help=str(_("Show a migration, or the migrations of a branch.")))
    def show(
        self,
        name: Annotated[
            str,
            Argument(
                help=str(_("A branch; or a migration: its name, its beginning, its number, or app.name.")),
                shell_complete=complete_branch_or_migration,
            ),
        ],
        *,
        branch: Annotated[
            str | None,
            Option("--branch", help=str(_("The app whose migrations to use.")), shell_complete=complete_branch),
        ] = None,
        sql: Annotated[bool, Option("--sql", help=str(_("Print the SQL that a migration runs.")))] = False,
        as_json: Json = False,
    ) -> None:
        """Print a migration or a branch.

        Raises:
            CommandError: there is no such migration or branch, several match, or the database does not answer.
        """
        with errors_told():
            shown = show(name, branch=branch, sql=sql)
        if as_json:
            print_json(self.stdout, asdict(shown))
        elif isinstance(shown, BranchStatus):
            self._print_branch(shown)
        elif shown.sql is not None:
            self.stdout.write("\n".join(shown.sql) or gettext("-- No SQL."))
        else:
            self._print_migration(shown)

    def _print_answer(self, answer: ServerAnswer, *, as_json: bool) -> None:
        if as_json:
            print_json(self.stdout, asdict(answer))
            return
        used = gettext("%(used)d of %(most)d, of which %(reserved)d are kept for the server's administrators")
        connections = {
            "used": answer.connections,
            "most": answer.max_connections,
            "reserved": answer.reserved_connections,
        }
        writes = gettext("no: it is read-only") if answer.read_only else gettext("yes")
        if answer.standby:
            writes = gettext("no: it is a standby")
        print_pairs(
            self.stdout,
            [
                (gettext("Server"), f"PostgreSQL {answer.version}"),
                (gettext("Address"), answer.address),
                (gettext("Connected in"), f"{answer.connect_ms} ms"),
                (gettext("Answered in"), f"{answer.query_ms} ms"),
                (gettext("Connections"), used % connections),
                (gettext("Writable"), writes),
            ],
        )

    def _print_branches(self, listed: list[BranchStatus]) -> None:
        """Print one line per branch: the current migration, the number applied, and what is not."""
        headings = [gettext("Branch"), gettext("Current"), gettext("Applied"), gettext("Pending"), ""]
        print_table(
            self.stdout,
            headings,
            [
                [
                    standing.branch,
                    standing.current or "-",
                    len(standing.applied),
                    len(standing.pending),
                    _told(standing),
                ]
                for standing in listed
            ],
        )

    def _print_branch(self, standing: BranchStatus) -> None:
        applied = [[name, gettext("applied")] for name in standing.applied]
        pending = [[name, gettext("pending")] for name in standing.pending]
        unknown = [[name, gettext("applied, not in this code")] for name in standing.unknown]
        print_table(self.stdout, [standing.branch, gettext("State")], [*applied, *pending, *unknown])

    def _print_migration(self, shown: MigrationDetails) -> None:
        state = gettext("applied") if shown.applied else gettext("pending")
        if shown.applied_at:
            state = gettext("applied at %(time)s") % {"time": f"{shown.applied_at:%Y-%m-%d %H:%M:%S} UTC"}
        back = gettext("yes")
        if shown.irreversible:
            back = gettext("no: %(operations)s") % {"operations": "; ".join(shown.irreversible)}
        print_pairs(
            self.stdout,
            [
                (gettext("Migration"), f"{shown.branch}.{shown.name}"),
                (gettext("State"), state),
                (gettext("Depends on"), ", ".join(shown.needs) or "-"),
                (gettext("Required by"), ", ".join(shown.needed_by) or "-"),
                (gettext("Reversible"), back),
                (gettext("Atomic"), gettext("yes") if shown.atomic else gettext("no")),
            ],
        )
        self.stdout.write("")
        for number, operation in enumerate(shown.operations, start=1):
            self.stdout.write(printable(f"{number:>3}. {operation}"))


def _told(standing: BranchStatus) -> str:
    """Return a remark about what is wrong with a branch."""
    told = []
    if standing.pending:
        told.append(gettext("pending: %(names)s") % {"names": _few(standing.pending)})
    if standing.unknown:
        told.append(gettext("not in this code: %(names)s") % {"names": ", ".join(standing.unknown)})
    if standing.conflicting:
        told.append(gettext("several latest migrations: %(names)s") % {"names": ", ".join(standing.conflicting)})
    return "; ".join(told)


def _few(names: list[str]) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - MOST
    return ", ".join(names[:MOST]) + (gettext(" and %(count)d more") % {"count": more} if more > 0 else "")


def _rows(table: Table) -> str:
    if table.rows is None:
        return "?"
    return f"~{table.rows}" if table.estimated else str(table.rows)
