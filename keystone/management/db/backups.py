"""`manage.py db backup`: create, list and restore backups."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django_typer.management import TyperCommand, group
from typer import Argument, Option

from keystone.console.asking import confirm_by_name
from keystone.console.options import Json
from keystone.console.printing import print_json, print_pairs, print_table
from keystone.console.progress import progress_shown
from keystone.database.backup.checking import Plan, check
from keystone.database.backup.completing import complete_backup
from keystone.database.backup.creating import BackupOptions, create
from keystone.database.backup.finding import Backup, Left, backups, default_folder, left_by_restores
from keystone.database.backup.manifest import Format, Scope
from keystone.database.backup.restoring import Restored, restore
from keystone.database.backup.server import ServerRefuses
from keystone.management.db.refusing import errors_told
from keystone.management.db.sizes import sized


class Choice(StrEnum):
    """The values of `create --format`."""

    PG_DUMP = "pg_dump"
    CSV = "csv"
    BOTH = "both"


Folder = Annotated[
    Path | None, Option("--folder", help=str(_("The folder of backups; `backups` in DATA_DIR by default.")))
]
Jobs = Annotated[int, Option("--jobs", min=1, max=64, help=str(_("The number of connections to use.")))]


class Backups(TyperCommand):
    """The `backup` group. Each command makes its calls and prints the result."""

    @group(name="backup", help=str(_("Create, list and restore backups.")))
    def backup(self) -> None:
        """Do nothing: the commands have no common options."""

    @backup.command(name="create", help=str(_("Create a backup while the site keeps running.")))
    def create_backup(
        self,
        *,
        choice: Annotated[
            Choice, Option("--format", help=str(_("pg_dump's archive, a CSV file for each table, or both.")))
        ] = Choice.PG_DUMP,
        user_only: Annotated[
            bool, Option("--user-only", help=str(_("Only people, what belongs to them, and what that refers to.")))
        ] = False,
        data_only: Annotated[
            bool, Option("--data-only", help=str(_("Only the rows; a restore creates the schema by migrating.")))
        ] = False,
        folder: Folder = None,
        jobs: Jobs = 1,
        name: Annotated[
            str, Option(help=str(_("The backup's name; the database's name and the time by default.")))
        ] = "",
        as_json: Json = False,
    ) -> None:
        """Create a backup.

        Raises:
            CommandError: it cannot be written there; pg_dump is missing, too old or fails; or PostgreSQL reports an
                error.
        """
        formats = (Format.PG_DUMP, Format.CSV) if choice is Choice.BOTH else (Format(choice),)
        scope = Scope.PEOPLE if user_only else Scope.DATA if data_only else Scope.WHOLE
        wanted = BackupOptions(folder=folder or default_folder(), formats=formats, scope=scope, jobs=jobs, name=name)
        with errors_told(), progress_shown() as progress:
            made = create(wanted, progress=progress)
        if as_json:
            print_json(self.stdout, _as_data(made))
            return
        text = gettext("%(path)s: %(rows)d rows of %(tables)d tables, %(size)s.")
        manifest = made.manifest
        values = (
            {"rows": manifest.rows, "tables": len(manifest.tables), "size": sized(manifest.size)} if manifest else {}
        )
        self.stdout.write(text % {"path": made.path, **values})

    @backup.command(name="list", help=str(_("List the backups, and the databases that restores have kept.")))
    def list_backups(self, *, folder: Folder = None, as_json: Json = False) -> None:
        """Print the backups, and the databases that restores have left if the server answers."""
        left: list[Left] = []
        with errors_told():
            found = backups(folder or default_folder())
            try:
                left = left_by_restores()
            except ServerRefuses as refusal:
                self.stderr.write(refusal.detail)
        if as_json:
            databases = [{"name": one.name, "kind": one.kind, "size": one.size} for one in left]
            print_json(self.stdout, {"backups": [_as_data(one) for one in found], "databases": databases})
            return
        if not found:
            self.stdout.write(gettext("There is no backup in %(folder)s.") % {"folder": folder or default_folder()})
        else:
            headings = [
                _("Name"),
                _("State"),
                _("Created (UTC)"),
                _("Database"),
                _("Of"),
                _("Formats"),
                _("Rows"),
                _("Size"),
            ]
            print_table(self.stdout, [str(heading) for heading in headings], [_row(one) for one in found])
        for one in left:
            self.stdout.write(_left(one))

    @backup.command(name="restore", help=str(_("Replace the database with a backup.")))
    def restore_backup(
        self,
        which: Annotated[
            str,
            Argument(help=str(_("The backup's name or path.")), shell_complete=complete_backup, metavar="NAME"),
        ],
        *,
        database: Annotated[
            str | None, Option("--database", help=str(_("The database's name, to confirm without being asked.")))
        ] = None,
        form: Annotated[
            Format | None, Option("--format", help=str(_("The format to restore if the backup has both.")))
        ] = None,
        drop_old: Annotated[
            bool, Option("--drop-old", help=str(_("Drop the old database afterwards instead of keeping it.")))
        ] = False,
        accept_unknown: Annotated[
            bool,
            Option(
                "--accept-unknown-migrations",
                help=str(_("Restore a complete backup even if it has migrations that this code does not have.")),
            ),
        ] = False,
        folder: Folder = None,
        jobs: Jobs = 1,
        as_json: Json = False,
    ) -> None:
        """Restore into a new database, which takes the old one's name when it is complete.

        Raises:
            CommandError: the backup is damaged, was made by newer code or does not fit here; the name was not typed; or
                the restore failed, with the old database still in service.
        """
        with errors_told():
            with progress_shown() as progress:
                plan = check(
                    which,
                    folder=folder or default_folder(),
                    form=form,
                    accept_unknown=accept_unknown,
                    progress=progress,
                )
            if not as_json:
                print_pairs(self.stdout, _what(plan, drop_old=drop_old))
            question = gettext("Type the database's name to continue")
            confirm_by_name(question, name=plan.address.name, given=database, option="--database")
            with progress_shown() as progress:
                done = restore(plan, jobs=jobs, drop_old=drop_old, progress=progress)
        if as_json:
            print_json(
                self.stdout,
                {
                    "database": done.database,
                    "aside": done.aside,
                    "rows": done.rows,
                    "pending": done.pending,
                    "removed": done.removed,
                },
            )
            return
        for line in _said(done):
            self.stdout.write(line)


def _what(plan: Plan, *, drop_old: bool) -> list[tuple[str, Any]]:
    manifest = plan.manifest
    old = gettext("none") if plan.place is None else gettext("dropped") if drop_old else gettext("kept aside")
    return [
        (gettext("backup"), plan.backup.path),
        (gettext("made"), manifest.made_at),
        (gettext("of"), f"{manifest.database} ({_scope(manifest.scope)}, {plan.form})"),
        (gettext("rows"), manifest.rows),
        (gettext("server"), plan.address.server),
        (gettext("database"), plan.address.name),
        (gettext("current database"), old),
    ]


def _said(done: Restored) -> list[str]:
    text = gettext("%(database)s has been restored: %(rows)d rows.") % {"database": done.database, "rows": done.rows}
    lines = [text]
    if done.aside:
        lines.append(gettext("The old database is kept as %(aside)s.") % {"aside": done.aside})
    if done.removed:
        text = gettext("Removed leftovers of interrupted restores: %(names)s.")
        lines.append(text % {"names": ", ".join(done.removed)})
    if done.pending:
        text = ngettext(
            "%(count)d migration is newer than the backup: run `manage.py db upgrade`.",
            "%(count)d migrations are newer than the backup: run `manage.py db upgrade`.",
            done.pending,
        )
        lines.append(text % {"count": done.pending})
    return lines


def _left(left: Left) -> str:
    if left.kind == "before":
        text = gettext("%(name)s (%(size)s) was replaced by a restore. To remove it: %(removal)s;")
    else:
        text = gettext(
            "%(name)s (%(size)s) belongs to a restore that is running or was interrupted. To remove it: %(removal)s;"
        )
    return text % {"name": left.name, "size": sized(left.size), "removal": left.removal}


def _row(backup: Backup) -> list[Any]:
    manifest = backup.manifest
    if manifest is None:
        return [backup.path.name, str(backup.state), None, None, None, None, None, None]
    return [
        backup.path.name,
        str(backup.state),
        manifest.made_at.removesuffix("+00:00").replace("T", " "),
        manifest.database,
        _scope(manifest.scope),
        ", ".join(manifest.formats),
        manifest.rows,
        sized(manifest.size),
    ]


def _as_data(backup: Backup) -> dict[str, Any]:
    found: dict[str, Any] = {"name": backup.path.name, "path": str(backup.path), "state": backup.state}
    if (manifest := backup.manifest) is not None:
        fields = ("made_at", "keystone", "database", "server", "pg_dump", "scope", "formats", "rows", "size")
        found |= {field: getattr(manifest, field) for field in fields}
        found |= {"tables": len(manifest.tables)}
    return found


def _scope(scope: str) -> str:
    names = {Scope.WHOLE: gettext("whole"), Scope.DATA: gettext("data"), Scope.PEOPLE: gettext("people")}
    return names[Scope(scope)]
