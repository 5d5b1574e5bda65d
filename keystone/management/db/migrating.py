"""`manage.py db upgrade`, `downgrade`, `reset` and `mark`."""

from collections.abc import Sequence
from typing import Annotated

from django.core.management.base import CommandError, OutputWrapper
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django_typer.management import TyperCommand, command
from typer import Argument, Option

from keystone.actors.actor import Actor
from keystone.console.asking import confirm, confirm_by_name
from keystone.console.numbers import seconds
from keystone.console.options import Json, Yes
from keystone.console.printing import print_json
from keystone.database import mark as marks
from keystone.database import migrating, planning, resetting
from keystone.database.completing import complete_branch, complete_migration, complete_way_back
from keystone.database.locking import LOCK_TIMEOUT
from keystone.database.planning import Step
from keystone.development.environment import require_local
from keystone.development.preparation import ensure_accounts
from keystone.management.db.plans import say_to, show_plan, show_sql
from keystone.management.db.refusing import errors_told

Branch = Annotated[
    str | None, Option("--branch", help=str(_("The app whose migrations to use.")), shell_complete=complete_branch)
]
Plan = Annotated[bool, Option("--plan", help=str(_("Only show what would be done.")))]
Sql = Annotated[bool, Option("--sql", help=str(_("Only print the plan as SQL.")))]
LockTimeout = Annotated[
    float,
    Option(
        "--lock-timeout",
        min=0,
        callback=seconds,
        help=str(_("Seconds that a statement waits for a lock before it fails; 0 waits indefinitely.")),
    ),
]
Database = Annotated[
    str | None, Option("--database", help=str(_("The database's name, to confirm without being asked.")))
]


class Migrating(TyperCommand):
    """Commands that change the schema. Each makes its calls and prints the result."""

    @command(name="upgrade", help=str(_("Apply pending migrations.")))
    def upgrade(
        self,
        target: Annotated[
            str | None,
            Argument(
                help=str(
                    _(
                        "The target: a migration's name, its beginning or number, app.name, or +N. The newest by "
                        "default."
                    )
                ),
                shell_complete=complete_migration,
            ),
        ] = None,
        *,
        branch: Branch = None,
        plan: Plan = False,
        sql: Sql = False,
        lock_timeout: LockTimeout = LOCK_TIMEOUT,
        as_json: Json = False,
    ) -> None:
        """Apply the pending migrations of one branch or of all.

        Raises:
            CommandError: there is no such migration or branch, or a migration failed.
        """
        with errors_told():
            if plan or sql:
                steps = migrating.plan_upgrade(target, branch=branch)
                _show(self.stdout, steps, sql=sql, branch=branch, as_json=as_json)
                return
            said = say_to(self.stdout, as_json=as_json)
            done = migrating.upgrade(target, branch=branch, lock_timeout=lock_timeout, said=said)
        if as_json:
            print_json(self.stdout, {"applied": done})
        elif not done:
            self.stdout.write(gettext("Nothing to do: all migrations are applied."))

    # Otherwise -2 would be parsed as an option.
    @command(
        name="downgrade",
        help=str(_("Undo migrations; the last one by default.")),
        context_settings={"ignore_unknown_options": True},
    )
    def downgrade(
        self,
        target: Annotated[
            str | None,
            Argument(
                help=str(_("The last migration to keep; -N for a number of steps; base for none.")),
                shell_complete=complete_way_back,
            ),
        ] = None,
        *,
        branch: Branch = None,
        plan: Plan = False,
        sql: Sql = False,
        yes: Yes = False,
        lock_timeout: LockTimeout = LOCK_TIMEOUT,
        as_json: Json = False,
    ) -> None:
        """Undo migrations of a branch, by default Keystone's, and those of other apps that depend on them.

        Raises:
            CommandError: there is no such migration or branch, it is not applied, a migration is irreversible, the user
                did not confirm, or a migration failed.
        """
        with errors_told():
            reached, steps = migrating.plan_downgrade(target, branch=branch)
            if plan or sql:
                _show(self.stdout, steps, sql=sql, branch=reached.label, as_json=as_json)
                return
            planning.refuse_irreversible(steps)
            if steps:
                if not as_json:
                    show_plan(self.stdout, steps, branch=reached.label)
                text = ngettext(
                    "Undo this migration, and lose the data in what it created?",
                    "Undo these %(count)d migrations, and lose the data in what they created?",
                    len(steps),
                )
                confirm(text % {"count": len(steps)}, yes=yes)
            said = say_to(self.stdout, as_json=as_json)
            done = migrating.downgrade(reached, steps, lock_timeout=lock_timeout, said=said)
        if as_json:
            print_json(self.stdout, {"undone": done})
        elif not done:
            self.stdout.write(gettext("Nothing to do: there are no migrations to undo."))

    @command(name="reset", help=str(_("Drop everything in the database, and migrate from scratch.")))
    def reset(
        self,
        *,
        database: Database = None,
        force: Annotated[
            bool,
            Option(
                "--force",
                "-f",
                help=str(_("Do not ask for confirmation; only in the local environment, on this machine.")),
            ),
        ] = False,
        seed: Annotated[bool, Option("--seed", help=str(_("Create the development accounts afterwards.")))] = False,
        disconnect: Annotated[bool, Option("--disconnect", help=str(_("End the connections of others.")))] = False,
        override_production: Annotated[
            bool, Option("--override-production", help=str(_("Allow it in production and staging.")))
        ] = False,
        lock_timeout: LockTimeout = LOCK_TIMEOUT,
        as_json: Json = False,
    ) -> None:
        """Drop everything and apply all migrations. The database's name has to be typed.

        Raises:
            CommandError: the database belongs to a server, others are connected, the typed name does not match, or it
                failed.
        """
        with errors_told():
            resetting.refuse(override=override_production, ends_others=disconnect)
            if seed:
                require_local()
            place = resetting.place()
            if force and database is None:
                resetting.refuse_force()
                database = place.database
            where = {"name": place.database, "server": place.server}
            if not as_json:
                self.stdout.write(gettext("Everything in the database %(name)s on %(server)s will be dropped.") % where)
            question = gettext("Type the database's name to continue")
            confirm_by_name(question, name=place.database, given=database, option="--database")
            applied = resetting.reset(
                override=override_production,
                ends_others=disconnect,
                lock_timeout=lock_timeout,
                said=say_to(self.stdout, as_json=as_json),
            )
            people = ensure_accounts().people if seed else 0
        if as_json:
            data = {"database": place.database, "applied": applied, "people": people}
            print_json(self.stdout, data)
            return
        self.stdout.write(gettext("%(name)s has been recreated.") % {"name": place.database})
        if seed:
            text = ngettext("Created %(count)d sample person.", "Created %(count)d sample people.", people)
            self.stdout.write(text % {"count": people})

    @command(
        name="mark", help=str(_("Show the mark that keeps a server's database from being reset; set or remove it."))
    )
    def mark(
        self,
        *,
        set_it: Annotated[bool, Option("--set", help=str(_("Mark it as a database of this environment.")))] = False,
        remove: Annotated[bool, Option("--remove", help=str(_("Remove the mark, after typing the name.")))] = False,
        database: Database = None,
        as_json: Json = False,
    ) -> None:
        """Print the mark, after setting or removing it if requested.

        Raises:
            CommandError: both were requested, the typed name does not match, or there is no terminal.
        """
        if set_it and remove:
            raise CommandError(gettext("Give --set or --remove, not both."))
        with errors_told():
            place = resetting.place()
            if set_it:
                marks.set_mark()
            elif remove and marks.mark() is not None:
                where = {"name": place.database, "server": place.server}
                if not as_json:
                    self.stdout.write(gettext("The database %(name)s on %(server)s can then be reset.") % where)
                question = gettext("Type the database's name to continue")
                confirm_by_name(question, name=place.database, given=database, option="--database")
                marks.remove_mark(by=Actor.cli())
            there = marks.mark()
        if as_json:
            print_json(self.stdout, {"database": place.database, "mark": there})
        else:
            self.stdout.write(there or gettext("There is no mark."))


def _show(out: OutputWrapper, steps: Sequence[Step], *, sql: bool, branch: str | None, as_json: bool) -> None:
    if sql:
        show_sql(out, steps, as_json=as_json)
    else:
        show_plan(out, steps, branch=branch, as_json=as_json)
