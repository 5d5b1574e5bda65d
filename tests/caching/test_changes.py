"""Values are void with the commit that changes what they were made from, however that was written."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from psycopg import sql

from keystone.accounts.models import User
from keystone.audit.models import AuditEvent
from keystone.caching import tokens
from keystone.caching.backend import RedisCache
from keystone.caching.changes import changed, written
from keystone.caching.tokens import tables_of
from keystone.caching.values import remembered
from keystone.testing.factories import UserFactory
from tests.at_once import at_once

pytestmark = pytest.mark.django_db(transaction=True)
computed: list[int] = []


@remembered(models=(Group,))
def names() -> list[str]:
    computed.append(1)
    return list(Group.objects.order_by("name").values_list("name", flat=True))


@remembered(models=("keystone.User",))
def memberships() -> int:
    return Group.objects.filter(user__isnull=False).count()


@pytest.fixture(autouse=True)
def _uncounted(shared: RedisCache) -> Iterator[None]:
    Group.objects.create(name="a")
    computed.clear()
    assert names() == names() == ["a"]
    assert computed == [1]
    yield
    computed.clear()


def run(statement: object, *params: object) -> None:
    """Run a statement of raw SQL."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params or None)  # type: ignore[arg-type]  # psycopg's composed ones, too


WAYS: dict[str, tuple[Callable[[], object], list[str]]] = {
    "save": (lambda: Group(name="b").save(), ["a", "b"]),
    "update": (lambda: Group.objects.update(name="c"), ["c"]),
    "bulk_create": (lambda: Group.objects.bulk_create([Group(name="b"), Group(name="c")]), ["a", "b", "c"]),
    "bulk_update": (lambda: Group.objects.bulk_update([Group(pk=Group.objects.get().pk, name="d")], ["name"]), ["d"]),
    "delete": (lambda: Group.objects.all().delete(), []),
    "raw": (lambda: run("update auth_group set name = upper(name)"), ["A"]),
    "raw with": (lambda: run("WITH g AS (UPDATE auth_group SET name = 'w' RETURNING 1) SELECT * FROM g"), ["w"]),
    "two in one": (lambda: run("SELECT 1; UPDATE auth_group SET name = 't'"), ["t"]),
    "composed": (lambda: run(sql.SQL("DELETE FROM {}").format(sql.Identifier("auth_group"))), []),
    "many": (lambda: connection.cursor().executemany("INSERT INTO auth_group (name) VALUES (%s)", [["b"]]), ["a", "b"]),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_value_is_void_with_the_commit_whatever_writes(way: str) -> None:
    write, expected = WAYS[way]
    with transaction.atomic():
        write()
        assert names() == expected  # its own writing is seen, and kept for nobody
        [other] = at_once(names)
        assert other == ["a"]
    assert names() == names() == expected
    assert len(computed) == 3


@pytest.mark.parametrize("way", WAYS)
def test_a_value_is_void_without_a_transaction_as_well(way: str) -> None:
    write, expected = WAYS[way]
    write()
    assert names() == names() == expected


def test_what_is_rolled_back_voids_nothing() -> None:
    with suppress(ZeroDivisionError), transaction.atomic():
        Group.objects.create(name="b")
        assert names() == ["a", "b"]
        raise ZeroDivisionError
    with transaction.atomic():
        with suppress(ZeroDivisionError), transaction.atomic():
            Group.objects.create(name="c")
            raise ZeroDivisionError
        assert names() == ["a"]
    assert names() == ["a"]
    assert len(computed) == 2  # the one in the transaction


def test_what_a_savepoint_kept_voids_with_the_commit() -> None:
    with transaction.atomic():
        with suppress(ZeroDivisionError), transaction.atomic():
            Group.objects.create(name="b")
            raise ZeroDivisionError
        with transaction.atomic():
            Group.objects.create(name="c")
        Group.objects.create(name="d")
    assert names() == ["a", "c", "d"]


def test_values_are_void_before_anything_else_hears_of_the_commit() -> None:
    heard: list[list[str]] = []

    def fails() -> None:
        heard.append(names())
        raise ZeroDivisionError

    @transaction.atomic
    def write() -> None:
        transaction.on_commit(fails)
        Group.objects.create(name="b")

    with pytest.raises(ZeroDivisionError):
        write()
    assert [*heard, names()] == [["a", "b"]] * 2


def test_a_value_that_was_computed_before_a_commit_is_not_kept_after_it() -> None:
    @remembered(models=(Group,))
    def slow() -> int:
        number = Group.objects.count()
        if number == 1:
            at_once(lambda: Group.objects.create(name="b"))  # while this one computes
        return number

    assert [slow(), slow()] == [1, 2]


def test_relations_and_what_cascades_count_as_rows_of_the_model() -> None:
    user, group = UserFactory(), Group.objects.get()
    assert memberships() == 0
    user.groups.add(group)
    assert memberships() == 1
    group.delete()
    assert memberships() == 0
    assert tables_of(User) >= {"keystone_user", "keystone_user_groups", "keystone_user_user_permissions"}
    assert "keystone_session" not in tables_of(User)


def test_a_token_that_was_lost_voids_what_was_made_under_it(shared: RedisCache) -> None:
    redis = shared.client.get_client()
    for key in list(redis.scan_iter("*caching:table*auth_group")):
        redis.delete(key)
    assert names() == ["a"]
    assert len(computed) == 2


def test_what_nobody_can_see_can_be_said() -> None:
    with connection.cursor() as cursor, cursor.copy("COPY auth_group (name) FROM STDIN") as copy:
        copy.write("b\n")
    assert names() == ["a"]
    changed(Group)
    assert names() == ["a", "b"]
    changed()
    assert names() == ["a", "b"]
    assert len(computed) == 3


def test_many_statements_wait_for_the_commit_as_one() -> None:
    with transaction.atomic():
        for number in range(20):
            Group.objects.create(name=str(number))
        assert len(connection.run_on_commit) == 1
    assert len(names()) == 21


@pytest.mark.parametrize(
    ("statement", "tables"),
    [
        ('SELECT * FROM "auth_group" FOR UPDATE', set()),
        ('SAVEPOINT "auth_group"', set()),
        ('UPDATE "keystone_user" SET x = (SELECT 1 FROM "auth_group")', {"keystone_user"}),
        ('  INSERT INTO\n public."auth_group" ("name") VALUES (%s)', {"auth_group"}),
        ("DELETE FROM ONLY Auth_Group", {"auth_group"}),
        ("INSERT INTO auth_group WITH d AS (DELETE FROM keystone_user) SELECT 1", {"auth_group", "keystone_user"}),
        ("WITH due AS (SELECT 1 FROM keystone_user) SELECT * FROM due", set()),
        ("WITH gone AS (DELETE FROM keystone_user RETURNING 1) SELECT * FROM gone", {"keystone_user"}),
        ("UPDATE no_table_of_ours SET a = 1", set()),
    ],
)
def test_the_tables_that_a_statement_writes(statement: str, tables: set[str]) -> None:
    assert written(statement) == tables


def test_a_truncated_table_is_a_written_one() -> None:
    assert written('TRUNCATE "auth_group", "keystone_auditevent";') >= {"auth_group", AuditEvent._meta.db_table}
    assert tokens.is_shared()


def test_a_value_is_kept_for_each_of_its_arguments() -> None:
    @remembered()
    def twice(number: object, *, of: str = "") -> str:
        return f"{number}{of}{len(computed)}"

    assert [twice(1), twice("1"), twice(1, of="a"), twice((1, None))] == ["11", "11", "1a1", "(1, None)1"]
    computed.append(1)
    assert [twice(1), twice("1"), twice(1, of="a"), twice((1, None))] == ["11", "11", "1a1", "(1, None)1"]
    assert twice(2) == "22"
    with pytest.raises(TypeError, match="must be plain, not a Group"):
        twice(Group.objects.get())


def test_a_function_without_a_name_is_refused() -> None:
    with pytest.raises(TypeError, match="must have a name"):
        remembered()(lambda: 1)
