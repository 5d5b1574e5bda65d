"""Write migrations with descriptive names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from django.apps import apps
from django.db.migrations import Migration
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.questioner import MigrationQuestioner
from django.db.migrations.state import ProjectState
from django.db.migrations.writer import MigrationWriter
from django.utils import translation
from django.utils.functional import Promise
from django.utils.text import slugify
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from keystone.database.branches import CORE, UnknownBranch, own_labels
from keystone.database.questioning import questioner_for
from keystone.exceptions import Refusal

LONGEST = 60  # characters of the slug


class NoName(Refusal):
    """The message has no letter or digit that can be used in a file name."""

    code = "no_name"
    message: ClassVar[str | Promise] = _(
        "The message becomes the file's name: it must contain Latin letters or digits."
    )


class NotWrittenHere(Refusal):
    """The branch belongs to a third-party library."""

    code = "not_written_here"

    def __init__(self, label: str) -> None:
        text = gettext("%(label)s belongs to a library, which brings its own migrations. Yours are: %(own)s.")
        super().__init__(text % {"label": label, "own": ", ".join(own_labels())})


class ConflictingLeaves(Refusal):
    """The branch has more than one leaf migration."""

    code = "conflicting_leaves"

    def __init__(self, label: str, names: list[str]) -> None:
        text = gettext("%(label)s has more than one latest migration: %(names)s. Make one of them depend on the other.")
        super().__init__(text % {"label": label, "names": ", ".join(names)})


class ChangesElsewhere(Refusal):
    """Another branch needs a migration first."""

    code = "changes_elsewhere"

    def __init__(self, label: str, others: list[str]) -> None:
        text = gettext("%(label)s depends on changes of %(others)s that have no migration yet. Create that one first.")
        super().__init__(text % {"label": label, "others": ", ".join(others)})


@dataclass(frozen=True)
class CreatedMigration:
    """A migration that was created.

    Attributes:
        path: its file; with `dry_run`, where the file would be.
        operations: descriptions of its operations.
    """

    branch: str
    name: str
    path: Path
    operations: list[str]


def make(
    message: str,
    *,
    branch: str = CORE,
    autogenerate: bool = True,
    dry_run: bool = False,
) -> list[CreatedMigration]:
    """Write the migrations for changes of a branch's models. If there are none, write nothing.

    Changes that cannot be detected, such as a renamed field, are asked about on the terminal.

    Args:
        message: what changes; used for the file name.
        autogenerate: whether to detect changes; otherwise an empty migration is written, to be filled in by hand.
        dry_run: write no file and ask no questions.

    Raises:
        NoName: the message cannot be used as a file name.
        UnknownBranch, NotWrittenHere: the branch is neither Keystone's nor one of the project's.
        ConflictingLeaves: the branch has more than one leaf migration.
        ChangesElsewhere: the changes depend on changes of another branch that has no migration for them yet.
        NeedsAnswer: a question has to be answered and there is no terminal.
        EOFError: the input ended instead of an answer.
    """
    name = name_of(message)
    loader = MigrationLoader(None, ignore_no_migrations=True)
    _refuse_others(loader, branch)
    if conflicting := loader.detect_conflicts().get(branch):
        raise ConflictingLeaves(branch, conflicting)
    with translation.override(None):  # write lazy strings in their original language
        questioner = questioner_for(branch, dry_run=dry_run)
        changes = _changes(loader, branch, name, questioner, autogenerate=autogenerate)
    if others := sorted(set(changes) - {branch}):
        raise ChangesElsewhere(branch, others)
    return [_create_file(migration, dry_run=dry_run) for migration in changes.get(branch, [])]


def name_of(message: str) -> str:
    """Return the message as the part of a file name that follows the number.

    Raises:
        NoName: nothing is left of the message.
    """
    name = slugify(message).replace("-", "_")
    if len(name) > LONGEST:
        name = name[: LONGEST + 1].rpartition("_")[0] or name[:LONGEST]
    name = re.sub(r"_+", "_", name).strip("_")
    if not name:
        raise NoName
    return name


def _refuse_others(loader: MigrationLoader, label: str) -> None:
    if label in own_labels():
        return
    if label in loader.migrated_apps:
        raise NotWrittenHere(label)
    raise UnknownBranch(label, own_labels())


def _changes(
    loader: MigrationLoader, label: str, name: str, questioner: MigrationQuestioner, *, autogenerate: bool
) -> Mapping[str, list[Migration]]:
    detector = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps), questioner)
    if autogenerate:
        return detector.changes(graph=loader.graph, trim_to_apps={label}, convert_apps={label}, migration_name=name)
    empty = {label: [Migration("custom", label)]}
    return detector.arrange_for_graph(changes=empty, graph=loader.graph, migration_name=name)


def _create_file(migration: Migration, *, dry_run: bool) -> CreatedMigration:
    writer = MigrationWriter(migration)
    path = Path(writer.path)
    if not dry_run:
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(writer.as_string(), encoding="utf-8")
    return CreatedMigration(
        branch=migration.app_label,
        name=migration.name,
        path=path,
        operations=[operation.describe() for operation in migration.operations],
    )
