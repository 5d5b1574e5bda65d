"""Parse the target of a migration: `0007`, `project.0001_initial`, `+1`, `-2`, `base` or nothing."""

import re
from dataclasses import dataclass
from typing import ClassVar

from django.db.migrations.loader import MigrationLoader
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from keystone.database.branches import CORE, Branch, branch
from keystone.exceptions import Refusal

Key = tuple[str, str]  # app label and migration name

_LATEST = {"head", "heads"}
_NOTHING = {"base", "zero"}
_RELATIVE = re.compile(r"[+-]([0-9]{1,6})")


class UnknownMigration(Refusal):
    """No migration matches."""

    code = "unknown_migration"
    status = 404


class AmbiguousMigration(Refusal):
    """More than one migration matches."""

    code = "ambiguous_migration"


class Forks(AmbiguousMigration):
    """The branch forks, so a number of steps is ambiguous."""

    def __init__(self, moved: Branch) -> None:
        text = gettext("%(label)s forks there, so a number of steps is ambiguous. Give the migration's name.")
        super().__init__(text % {"label": moved.label})


class WrongMove(Refusal):
    """The target cannot be reached in this direction."""

    code = "wrong_move"


class NeedsBranch(Refusal):
    """A number of steps was given without a branch."""

    code = "needs_branch"
    message: ClassVar[str | Promise] = _("A number of migrations needs --branch.")


@dataclass(frozen=True)
class Target:
    """The target of a migration.

    Attributes:
        label: the branch; None for all.
        name: the last applied migration when the target is reached. None means the newest for `upgrade`, none for
            `downgrade`.
    """

    label: str | None
    name: str | None = None


def target_above(loader: MigrationLoader, written: str | None, label: str | None) -> Target:
    """Return the target of `upgrade`.

    Args:
        written: a migration's name, the beginning of its name or its number; `app.name`; `+N`; None or `head` for the
            newest.
        label: the branch.

    Raises:
        Refusal: there is no such branch or migration, or the target is ambiguous.
    """
    if label is not None:
        branch(label, loader)
    if written is None or written in _LATEST:
        return Target(label)
    relative = _RELATIVE.fullmatch(written)
    if relative is None:
        return Target(*find(loader, written, label))
    if written.startswith("-"):
        raise WrongMove(gettext("%(written)s is already applied. Use downgrade.") % {"written": written})
    if label is None:
        raise NeedsBranch
    return Target(label, _above(loader, branch(label, loader), int(relative[1])))


def target_below(loader: MigrationLoader, written: str | None, label: str | None) -> Target:
    """Return the target of `downgrade`. The branch defaults to Keystone's.

    Args:
        written: the migration that remains as the last applied one, as for `target_above`; `-N`; `base` to undo all;
            None for `-1`.
        label: the branch.

    Raises:
        Refusal: there is no such branch or migration, it is not applied, or the target is ambiguous.
    """
    if label is None and written is not None and "." in written:
        label = written.partition(".")[0]
    below = branch(label or CORE, loader)
    _refuse_unknown_applied(loader, below)
    if written in _NOTHING:
        return Target(below.label)
    relative = _RELATIVE.fullmatch("-1" if written is None else written)
    if relative is None:
        found = find(loader, str(written), below.label)
        if found[1] not in below.applied:
            text = gettext("%(name)s is not applied, so the database cannot be downgraded to it.")
            raise WrongMove(text % {"name": ".".join(found)})
        return Target(*found)
    if written is not None and written.startswith("+"):
        raise WrongMove(gettext("%(written)s is not applied yet. Use upgrade.") % {"written": written})
    return Target(below.label, _below(loader, below, int(relative[1])))


def find(loader: MigrationLoader, written: str, label: str | None = None) -> Key:
    """Return the migration with this name, or the only one whose name starts with it.

    Args:
        written: such as `0007_mark`, `0007`, or `keystone.0007`.
        label: the branch to search; None for all.

    Raises:
        UnknownMigration: no migration matches.
        AmbiguousMigration: several migrations match.
        UnknownBranch: the app of `app.name` has no migrations.
    """
    prefix, dot, name = written.partition(".")
    if dot:
        if label is not None and prefix != label:
            text = gettext("%(written)s is not in the branch %(label)s.")
            raise UnknownMigration(text % {"written": written, "label": label})
        label = branch(prefix, loader).label
    else:
        name = written
    keys: list[Key] = sorted(key for key in loader.graph.nodes if label in {None, key[0]})
    found = [key for key in keys if key[1] == name] or [key for key in keys if name and key[1].startswith(name)]
    if not found:
        is_option = written.startswith("-")  # commands that accept -1 accept any unknown option as an argument
        text = (
            gettext("There is no option %(written)s.") if is_option else gettext("There is no migration %(written)s.")
        )
        raise UnknownMigration(text % {"written": written or "“”"})
    if len(found) > 1:
        listed = ", ".join(".".join(key) for key in found[:12]) + (", …" if len(found) > 12 else "")
        text = gettext("%(written)s matches more than one migration: %(listed)s. Give more of its name, or --branch.")
        raise AmbiguousMigration(text % {"written": written, "listed": listed})
    return found[0]


def _above(loader: MigrationLoader, moved: Branch, steps: int) -> str:
    """Return the migration that is `steps` migrations ahead."""
    if not 0 < steps <= len(moved.pending):
        text = gettext("%(label)s cannot be upgraded by %(steps)d. Pending: %(count)d.")
        raise WrongMove(text % {"label": moved.label, "count": len(moved.pending), "steps": steps})
    name = moved.pending[steps - 1]
    key = (moved.label, name)
    needed = {found[1] for found in loader.graph.forwards_plan(key) if found[0] == moved.label}
    later = {found[1] for found in loader.graph.backwards_plan(key) if found[0] == moved.label}
    if needed & set(moved.pending) != set(moved.pending[:steps]) or not later >= set(moved.pending[steps:]):
        raise Forks(moved)
    return name


def _below(loader: MigrationLoader, moved: Branch, steps: int) -> str | None:
    """Return the migration that is `steps` migrations back, or None if all are undone."""
    if not 0 < steps <= len(moved.applied):
        text = gettext("%(label)s cannot be downgraded by %(steps)d. Applied: %(count)d.")
        raise WrongMove(text % {"label": moved.label, "count": len(moved.applied), "steps": steps})
    if steps == len(moved.applied):
        return None
    name = moved.applied[-steps - 1]
    undone: set[str] = set()
    for child in loader.graph.node_map[moved.label, name].children:
        if child.key[0] == moved.label:
            undone |= {key[1] for key in loader.graph.backwards_plan(child.key) if key[0] == moved.label}
    if undone & set(moved.applied) != set(moved.applied[-steps:]):
        raise Forks(moved)
    return name


def _refuse_unknown_applied(loader: MigrationLoader, moved: Branch) -> None:
    """Raise an error if migrations are applied that the code does not have.

    Only the code that has them can undo them, and that has to happen before earlier ones are undone.
    """
    known = set(loader.disk_migrations)
    unknown = sorted(name for label, name in loader.applied_migrations if label == moved.label)
    unknown = [name for name in unknown if (moved.label, name) not in known]
    if unknown:
        text = gettext(
            "The database has migrations of %(label)s that this code does not have: %(names)s. Undo them first."
        )
        raise WrongMove(text % {"label": moved.label, "names": ", ".join(unknown)})
