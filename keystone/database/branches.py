"""Migration branches: one per app, with those of Keystone and the project first."""

from dataclasses import dataclass

from django.apps import apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils.translation import gettext

from keystone.exceptions import Refusal

CORE = "keystone"


class UnknownBranch(Refusal):
    """No app with this name has migrations."""

    code = "unknown_branch"
    status = 404

    def __init__(self, name: str, known: list[str]) -> None:
        text = gettext("There is no branch %(name)s. Known branches: %(known)s.")
        super().__init__(text % {"name": name, "known": ", ".join(known)})


@dataclass(frozen=True)
class Branch:
    """The migrations of one app, in the order in which they are applied.

    Attributes:
        label: the app label.
        applied: names of the migrations that are applied in the database.
        pending: names of the migrations that are not applied yet.
        leaves: the last migrations; more than one is a conflict.
    """

    label: str
    applied: list[str]
    pending: list[str]
    leaves: list[str]

    @property
    def current(self) -> str | None:
        """The last applied migration."""
        return self.applied[-1] if self.applied else None


def own_labels() -> list[str]:
    """Return Keystone's branch, then those of the project's apps, which precede it in INSTALLED_APPS."""
    labels = [config.label for config in apps.get_app_configs()]
    return [CORE, *labels[: labels.index(CORE)]]


def loaded() -> MigrationLoader:
    """Load the migrations of every app and their state in the database.

    Raises:
        OperationalError: the database does not answer.
        NodeNotFoundError: a migration depends on one that does not exist.
    """
    return MigrationLoader(connection)


def branches(loader: MigrationLoader | None = None) -> list[Branch]:
    """Return every branch, Keystone's and the project's first."""
    loader = loader or loaded()
    found = {label: _branch(loader, label) for label in sorted(loader.migrated_apps)}
    own = [label for label in own_labels() if label in found]
    return [found[label] for label in [*own, *(label for label in found if label not in own)]]


def branch(label: str, loader: MigrationLoader | None = None) -> Branch:
    """Return the branch with this label.

    Raises:
        UnknownBranch: there is no such branch.
    """
    listed = branches(loader)
    for found in listed:
        if found.label == label:
            return found
    raise UnknownBranch(label, [found.label for found in listed])


def in_order(loader: MigrationLoader, label: str) -> list[str]:
    """Return the names of an app's migrations, each after those it depends on."""
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
