"""Write migrations, with names that say what they do."""

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

LONGEST = 60  # signs of a slug; more would be a text


class NoName(Refusal):
    """The message has no letter and no digit that a file's name could have."""

    code = "no_name"
    message: ClassVar[str | Promise] = _("The message names the file: give one with Latin letters or digits.")


class NotWrittenHere(Refusal):
    """The branch is a library's."""

    code = "not_written_here"

    def __init__(self, label: str) -> None:
        text = gettext("%(label)s is a library's branch; its migrations are written there. Written here are: %(own)s.")
        super().__init__(text % {"label": label, "own": ", ".join(own_labels())})


class ConflictingLeaves(Refusal):
    """More than one migration is the branch's last one."""

    code = "conflicting_leaves"

    def __init__(self, label: str, names: list[str]) -> None:
        text = gettext("%(label)s ends in more than one migration: %(names)s. Let one of them depend on the other.")
        super().__init__(text % {"label": label, "names": ", ".join(names)})


class ChangesElsewhere(Refusal):
    """Another branch has to come first."""

    code = "changes_elsewhere"

    def __init__(self, label: str, others: list[str]) -> None:
        text = gettext("%(label)s needs changes that %(others)s has no migration for yet. Make that one first.")
        super().__init__(text % {"label": label, "others": ", ".join(others)})


@dataclass(frozen=True)
class Made:
    """A migration that was made.

    Attributes:
        path: its file; with `dry_run`, where it would be.
        operations: what it does, in words.
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
) -> list[Made]:
    """Write what the branch's models have and its migrations lack; nothing where they lack nothing.

    What cannot be seen, such as whether a field was renamed, is asked on the terminal.

    Args:
        message: what changes; the file is called by it.
        autogenerate: whether to look; else the migration is empty, to be filled in by hand.
        dry_run: whether to write no file, and to ask nothing.

    Raises:
        NoName: the message cannot be a file's name.
        UnknownBranch, NotWrittenHere: the branch is not one of those that are written here.
        ConflictingLeaves: its last migration is not a single one.
        ChangesElsewhere: it depends on what another branch has no migration for.
        NeedsAnswer: there is something to ask, and no terminal.
        EOFError: the input ended where an answer was expected.
    """
    name = name_of(message)
    loader = MigrationLoader(None, ignore_no_migrations=True)
    _refuse_others(loader, branch)
    if conflicting := loader.detect_conflicts().get(branch):
        raise ConflictingLeaves(branch, conflicting)
    with translation.override(None):  # what is translated at run time is written in its own language
        questioner = questioner_for(branch, dry_run=dry_run)
        changes = _changes(loader, branch, name, questioner, autogenerate=autogenerate)
    if others := sorted(set(changes) - {branch}):
        raise ChangesElsewhere(branch, others)
    return [_made(migration, dry_run=dry_run) for migration in changes.get(branch, [])]


def name_of(message: str) -> str:
    """The message as the part of a file's name that follows the number.

    Raises:
        NoName: nothing of it is left.
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


def _made(migration: Migration, *, dry_run: bool) -> Made:
    writer = MigrationWriter(migration)
    path = Path(writer.path)
    if not dry_run:
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(writer.as_string(), encoding="utf-8")
    return Made(
        branch=migration.app_label,
        name=migration.name,
        path=path,
        operations=[operation.describe() for operation in migration.operations],
    )
