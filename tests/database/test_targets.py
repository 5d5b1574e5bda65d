"""What `upgrade` and `downgrade` take for a target."""

from collections.abc import Callable

import pytest

from keystone.database import planning
from keystone.database.branches import UnknownBranch, in_order
from keystone.database.targets import (
    AmbiguousMigration,
    Forks,
    NeedsBranch,
    Target,
    UnknownMigration,
    WrongMove,
    find,
    target_above,
    target_below,
)
from keystone.exceptions import Refusal
from tests.database.own_database import LABEL, OwnDatabase, made_by

pytestmark = pytest.mark.usefixtures("read_only")

FORK = {
    "0001_a": made_by("a"),
    "0002_left": made_by("l", after="0001_a"),
    "0002_right": made_by("r", after="0001_a"),
    "0003_merge": made_by("m", after="0002_left,0002_right"),
}


@pytest.mark.parametrize(
    ("written", "label", "found"),
    [
        ("0002_triggers", None, ("keystone", "0002_triggers")),
        ("0002_tr", None, ("keystone", "0002_triggers")),
        ("0002", "keystone", ("keystone", "0002_triggers")),
        ("keystone.0002", None, ("keystone", "0002_triggers")),
        ("keystone.0002", "keystone", ("keystone", "0002_triggers")),
        ("0001_initial", "project", ("project", "0001_initial")),
    ],
)
def test_a_migration_is_found_by_what_identifies_it(written: str, label: str | None, found: tuple[str, str]) -> None:
    assert find(planning.executor().loader, written, label) == found


@pytest.mark.parametrize(
    ("written", "label", "refusal", "said"),
    [
        ("0002_none", None, UnknownMigration, "There is no migration 0002_none."),
        ("", None, UnknownMigration, "There is no migration “”."),
        ("keystone.", None, UnknownMigration, "There is no migration keystone.."),
        ("0002_triggers", "project", UnknownMigration, "There is no migration 0002_triggers."),
        ("project.0001", "keystone", UnknownMigration, "project.0001 is not in the branch keystone."),
        ("nothing.0001", None, UnknownBranch, "There is no branch nothing. Known branches: keystone, project, admin, "),
        (
            "0002_a",
            None,
            AmbiguousMigration,
            (
                "0002_a matches more than one migration: auth.0002_alter_permission_name_max_length, "
                "django_apscheduler.0002_a"
            ),
        ),
    ],
)
def test_a_migration_that_is_not_identified_is_refused(
    written: str, label: str | None, refusal: type[Refusal], said: str
) -> None:
    with pytest.raises(refusal) as raised:
        find(planning.executor().loader, written, label)
    assert raised.value.detail.startswith(said)


def test_a_whole_name_wins_over_those_that_begin_so(trial: Callable[..., None]) -> None:
    trial(**{"0001_a": made_by("a"), "0001_ab": made_by("b", after="0001_a")})
    assert find(planning.executor().loader, "0001_a") == (LABEL, "0001_a")


def test_many_candidates_are_not_all_named(trial: Callable[..., None]) -> None:
    names = [f"0001_a{number:02}" for number in range(14)]
    trial(**{name: made_by(f"t{place}", after=",".join(names[:place][-1:])) for place, name in enumerate(names)})
    with pytest.raises(AmbiguousMigration) as raised:
        find(planning.executor().loader, "0001_a", LABEL)
    assert "messages.0001_a11, …. Give" in raised.value.detail


@pytest.mark.parametrize(
    ("written", "label", "reached"),
    [
        (None, None, Target(None)),
        ("head", None, Target(None)),
        ("heads", "project", Target("project")),
        (None, "project", Target("project")),
        ("0003_sign", None, Target("keystone", "0003_signing_in")),
        ("+1", LABEL, Target(LABEL, "0001_a")),
        ("+2", LABEL, Target(LABEL, "0002_b")),
    ],
)
def test_upgrade_leads_to(trial: Callable[..., None], written: str | None, label: str | None, reached: Target) -> None:
    trial(**{"0001_a": made_by("a"), "0002_b": made_by("b", after="0001_a")})
    assert target_above(planning.executor().loader, written, label) == reached


@pytest.mark.parametrize(
    ("written", "label", "refusal", "said"),
    [
        ("+1", None, NeedsBranch, "A number of migrations needs --branch."),
        ("+1", "keystone", WrongMove, "keystone cannot be upgraded by 1. Pending: 0."),
        ("+0", LABEL, WrongMove, "messages cannot be upgraded by 0. Pending: 1."),
        ("-1", "keystone", WrongMove, "-1 is already applied. Use downgrade."),
        (None, "nothing", UnknownBranch, "There is no branch nothing. Known branches: "),
        ("base", None, UnknownMigration, "There is no migration base."),
    ],
)
def test_upgrade_is_refused(
    trial: Callable[..., None], written: str | None, label: str | None, refusal: type[Refusal], said: str
) -> None:
    trial(**{"0001_a": made_by("a")})
    with pytest.raises(refusal) as raised:
        target_above(planning.executor().loader, written, label)
    assert raised.value.detail.startswith(said)


@pytest.mark.parametrize(
    ("written", "label", "reached"),
    [
        (None, None, ("keystone", -2)),
        ("-2", "keystone", ("keystone", -3)),
        ("0003", None, ("keystone", 2)),
        ("base", "project", ("project", None)),
        ("zero", None, ("keystone", None)),
        ("-1", "project", ("project", None)),
        ("project.0001", None, ("project", 0)),
    ],
)
def test_downgrade_leads_to(written: str | None, label: str | None, reached: tuple[str, int | None]) -> None:
    loader = planning.executor().loader
    branch, place = reached
    name = None if place is None else in_order(loader, branch)[place]
    assert target_below(loader, written, label) == Target(branch, name)


@pytest.mark.parametrize(
    ("written", "label", "refusal", "said"),
    [
        ("+1", None, WrongMove, "+1 is not applied yet. Use upgrade."),
        ("-2", "project", WrongMove, "project cannot be downgraded by 2. Applied: 1."),
        ("-0", "project", WrongMove, "project cannot be downgraded by 0. Applied: 1."),
        ("0001", LABEL, WrongMove, "messages.0001_a is not applied, so the database cannot be downgraded to it."),
        (None, LABEL, WrongMove, "messages cannot be downgraded by 1. Applied: 0."),
        ("0001_initial", "nothing", UnknownBranch, "There is no branch nothing."),
        ("--plna", None, UnknownMigration, "There is no option --plna."),
        ("", None, UnknownMigration, "There is no migration “”."),
    ],
)
def test_downgrade_is_refused(
    trial: Callable[..., None], written: str | None, label: str | None, refusal: type[Refusal], said: str
) -> None:
    trial(**{"0001_a": made_by("a")})
    with pytest.raises(refusal) as raised:
        target_below(planning.executor().loader, written, label)
    assert raised.value.detail.startswith(said)


def test_downgrade_is_refused_where_the_code_lacks_what_is_applied(migrated: OwnDatabase) -> None:
    migrated.run("INSERT INTO django_migrations (app, name, applied) VALUES ('keystone', '0099_newer', now())")
    with pytest.raises(WrongMove) as raised:
        target_below(planning.executor().loader, None, None)
    assert raised.value.detail == (
        "The database has migrations of keystone that this code does not have: 0099_newer. Undo them first."
    )
    assert target_below(planning.executor().loader, "base", "project") == Target("project")


@pytest.mark.parametrize("steps", ["+2", "+3"])
def test_steps_up_are_refused_where_a_branch_forks(trial: Callable[..., None], steps: str) -> None:
    trial(**FORK)
    loader = planning.executor().loader
    with pytest.raises(Forks) as raised:
        target_above(loader, steps, LABEL)
    assert raised.value.detail == "messages forks there, so a number of steps is ambiguous. Give the migration's name."
    assert target_above(loader, "+1", LABEL) == Target(LABEL, "0001_a")
    assert target_above(loader, "+4", LABEL) == Target(LABEL, "0003_merge")


def test_steps_down_are_refused_where_a_branch_forks(trial: Callable[..., None], migrated: OwnDatabase) -> None:
    trial(**FORK)
    for name in FORK:
        migrated.run(f"INSERT INTO django_migrations (app, name, applied) VALUES ('{LABEL}', '{name}', now())")  # noqa: S608 - a test's
    loader = planning.executor().loader
    assert target_below(loader, "-1", LABEL).name in {"0002_left", "0002_right"}  # only the merge is undone
    with pytest.raises(Forks):
        target_below(loader, "-2", LABEL)
    assert target_below(loader, "-4", LABEL) == Target(LABEL)
