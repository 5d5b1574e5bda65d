"""Which migrations count as missing."""

from django.db.migrations.migration import Migration

from keystone.monitoring.health.migrations import known, unapplied


def migration(name: str, *replaces: str) -> Migration:
    kind = type("Migration", (Migration,), {"replaces": [("shop", other) for other in replaces]})
    made: Migration = kind(name, "shop")
    return made


FIRST, SECOND, BOTH = ("shop", "0001"), ("shop", "0002"), ("shop", "0001_0002")
PLAIN = {FIRST: migration("0001"), SECOND: migration("0002")}
SQUASHED = {**PLAIN, BOTH: migration("0001_0002", "0001", "0002")}


def test_what_was_not_applied_is_missing_and_what_only_newer_code_knows_is_not() -> None:
    assert unapplied(set(), PLAIN) == {FIRST, SECOND}
    assert unapplied({FIRST}, PLAIN) == {SECOND}
    assert unapplied({FIRST, SECOND, ("shop", "0003_of_the_next_release")}, PLAIN) == set()


def test_a_squashed_migration_stands_for_what_it_replaces() -> None:
    assert unapplied(set(), SQUASHED) == {BOTH}
    assert unapplied({BOTH}, SQUASHED) == set()
    assert unapplied({FIRST, SECOND}, SQUASHED) == set()
    assert unapplied({FIRST}, SQUASHED) == {SECOND}


def test_the_migrations_of_this_code_are_read_once() -> None:
    assert ("keystone", "0001_initial") in known()
    assert ("project", "0001_initial") in known()
    assert known() is known()
