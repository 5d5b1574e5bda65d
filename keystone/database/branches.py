"""Branches of migrations: one for each app, Keystone's and the project's first."""

from dataclasses import dataclass

from django.apps import apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils.translation import gettext

from keystone.exceptions import Refusal

CORE = "keystone"


class UnknownBranch(Refusal):
    """No app of this name has migrations."""

    code = "unknown_branch"
    status = 404

    def __init__(self, name: str, known: list[str]) -> None:
        text = gettext("There is no branch %(name)s. There are: %(known)s.")
        super().__init__(text % {"name": name, "known": ", ".join(known)})


@dataclass(frozen=True)
class Branch:
    """The migrations of one app, in the order in which they are applied.

    Attributes:
        label: the app's.
        applied: names of those that the database has.
        pending: names of those that it lacks.
        leaves: the last ones; more than one is a conflict.
    """

    label: str
    applied: list[str]
    pending: list[str]
    leaves: list[str]

    @property
    def current(self) -> str | None:
        """The last one that is applied."""
        return self.applied[-1] if self.applied else None


def own_labels() -> list[str]:
    """The branches that are written here: Keystone's, then those of the project's apps, which come before it."""
    labels = [config.label for config in apps.get_app_configs()]
    return [CORE, *labels[: labels.index(CORE)]]


def loaded() -> MigrationLoader:
    """The migrations of every app, and what the database says of them.

    Raises:
        OperationalError: the database does not answer.
        NodeNotFoundError: a migration depends on one that is not there.
    """
    return MigrationLoader(connection)


def branches(loader: MigrationLoader | None = None) -> list[Branch]:
    """Every branch: those that are written here first."""
    loader = loader or loaded()
    found = {label: _branch(loader, label) for label in sorted(loader.migrated_apps)}
    own = [label for label in own_labels() if label in found]
    return [found[label] for label in [*own, *(label for label in found if label not in own)]]


def branch(label: str, loader: MigrationLoader | None = None) -> Branch:
    """One branch.

    Raises:
        UnknownBranch: there is none of this name.
    """
    listed = branches(loader)
    for found in listed:
        if found.label == label:
            return found
    raise UnknownBranch(label, [found.label for found in listed])


def in_order(loader: MigrationLoader, label: str) -> list[str]:
    """The names of an app's migrations, each after those that it needs."""
    names: dict[str, None] = {}
    for leaf in sorted(loader.graph.leaf_nodes(label)):
        for app, name in loader.graph.forwards_plan(leaf):
            if app == label:
                names[name] = None
    return list(names)


def _branch(loader: MigrationLoader, label: str) -> Branch:
    names = in_order(loader, label)
    applied = {name for app, name in loader.applied_migrations if app == label}
    return Branch(
        label=label,
        applied=[name for name in names if name in applied],
        pending=[name for name in names if name not in applied],
        leaves=[name for app, name in sorted(loader.graph.leaf_nodes(label))],
    )
