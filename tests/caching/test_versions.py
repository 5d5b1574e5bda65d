"""Values are void with the commit that changes what they were made from."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, models, transaction
from django.test.utils import isolate_apps

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.approval.queue import AwaitingDecision
from keystone.caching import versions
from keystone.caching.backend import RedisCache
from keystone.caching.values import remembered
from keystone.caching.versions import changed
from keystone.testing.factories import UserFactory
from tests.at_once import at_once

pytestmark = pytest.mark.django_db(transaction=True)
computed: list[int] = []


@remembered(models=(User,))
def names() -> list[str]:
    computed.append(1)
    return list(User.objects.order_by("first_name").values_list("first_name", flat=True))


@remembered(models=("keystone.User",))
def memberships() -> int:
    return Group.objects.filter(user__isnull=False).count()


@pytest.fixture(autouse=True)
def _uncounted(shared: RedisCache) -> Iterator[None]:
    UserFactory(first_name="a")
    computed.clear()
    assert names() == names() == ["a"]
    assert computed == [1]
    yield
    computed.clear()


def said(*, copied: str) -> None:
    """Write by SQL, and say so."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE keystone_user SET first_name = %s", [copied])
    changed(User)


WAYS: dict[str, tuple[Callable[[], object], list[str]]] = {
    "save": (lambda: UserFactory(first_name="b"), ["a", "b"]),
    "update": (lambda: User.objects.update(first_name="c"), ["c"]),
    "bulk_create": (
        lambda: User.objects.bulk_create([UserFactory.build(first_name="b", email_normalized="b@example.com")]),
        ["a", "b"],
    ),
    "bulk_update": (
        lambda: User.objects.bulk_update([User(pk=User.objects.get().pk, first_name="d")], ["first_name"]),
        ["d"],
    ),
    "delete one": (lambda: User.objects.get().delete(), []),
    "delete": (lambda: User.objects.all().delete(), []),
    "sql": (lambda: said(copied="s"), ["s"]),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_value_is_void_with_the_commit_whatever_writes(way: str) -> None:
    write, expected = WAYS[way]
    with transaction.atomic():
        write()
        assert names() == expected  # its own writing is seen, and cached for nobody
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
        UserFactory(first_name="b")
        assert names() == ["a", "b"]
        raise ZeroDivisionError
    with transaction.atomic():
        with suppress(ZeroDivisionError), transaction.atomic():
            UserFactory(first_name="c")
            raise ZeroDivisionError
        assert names() == ["a"]
    assert names() == ["a"]
    assert len(computed) == 2  # the one in the transaction


def test_what_a_savepoint_kept_voids_with_the_commit() -> None:
    with transaction.atomic():
        with suppress(ZeroDivisionError), transaction.atomic():
            UserFactory(first_name="b")
            raise ZeroDivisionError
        with transaction.atomic():
            UserFactory(first_name="c")
        UserFactory(first_name="d")
    assert names() == ["a", "c", "d"]


def test_values_are_void_before_anything_else_hears_of_the_commit() -> None:
    heard: list[list[str]] = []

    def fails() -> None:
        heard.append(names())
        raise ZeroDivisionError

    @transaction.atomic
    def write() -> None:
        transaction.on_commit(fails)
        UserFactory(first_name="b")

    with pytest.raises(ZeroDivisionError):
        write()
    assert [*heard, names()] == [["a", "b"]] * 2


def test_a_value_that_was_computed_before_a_commit_is_not_cached_after_it() -> None:
    @remembered(models=(User,))
    def slow() -> int:
        number: int = User.objects.count()
        if number == 1:
            at_once(UserFactory)  # while this one computes
        return number

    assert [slow(), slow()] == [1, 2]


def test_writes_by_a_proxy_count() -> None:
    waiting = AwaitingDecision.objects.get(pk=UserFactory(status=Status.PENDING_ADMIN_APPROVAL, first_name="w").pk)
    assert names() == ["a", "w"]
    waiting.first_name = "x"
    waiting.save()
    assert names() == ["a", "x"]
    waiting.delete()
    assert names() == ["a"]


def test_a_proxy_has_the_version_of_its_model() -> None:
    assert versions.keys_of((AwaitingDecision,)) == versions.keys_of((User,))


@isolate_apps("project")
def test_a_child_model_has_the_versions_of_its_parents() -> None:
    @versions.versioned
    class Parent(models.Model):  # noqa: DJ008 - nobody sees one
        class Meta:
            app_label = "project"

    class Child(Parent):  # noqa: DJ008 - as above
        class Meta:
            app_label = "project"

    try:
        assert versions.keys_of((Child,)) == versions.keys_of((Parent,))
    finally:
        versions._versioned.discard(Parent)


def test_the_version_changes_after_a_set_based_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it, another process could cache the old rows under the new version."""
    seen: list[str] = []
    monkeypatch.setattr(versions, "_renew", lambda _keys: seen.append(User.objects.get().first_name))
    User.objects.update(first_name="z")
    assert seen == ["z"]


def test_a_change_of_a_relation_changes_both_sides() -> None:
    user, group = User.objects.get(), Group.objects.create(name="g")
    assert memberships() == 0
    user.groups.add(group)
    assert memberships() == 1
    group.user_set.clear()
    assert memberships() == 0
    group.permissions.add(Permission.objects.earliest("pk"))  # of nobody who has a version
    assert len(computed) == 1


def test_what_has_no_version_cannot_be_depended_on() -> None:
    @remembered(models=(User, Group))
    def members() -> int:
        return 0

    with pytest.raises(ImproperlyConfigured, match=r"What depends on auth\.Group cannot be cached"):
        members()


def test_a_version_that_was_lost_voids_what_was_made_under_it(shared: RedisCache) -> None:
    redis = shared.client.get_client()
    for key in list(redis.scan_iter("*caching:version:keystone.user")):
        redis.delete(key)
    assert names() == ["a"]
    assert len(computed) == 2


def test_everything_can_be_voided() -> None:
    changed()
    assert names() == ["a"]
    assert len(computed) == 2


def test_many_writes_wait_for_the_commit_as_one() -> None:
    with transaction.atomic():
        for number in range(20):
            UserFactory(first_name=str(number))
        assert len(connection.run_on_commit) == 1
    assert len(names()) == 21


def test_a_value_is_cached_for_each_of_its_arguments() -> None:
    @remembered()
    def twice(number: object, *, of: str = "") -> str:
        return f"{number}{of}{len(computed)}"

    assert [twice(1), twice("1"), twice(1, of="a"), twice((1, None))] == ["11", "11", "1a1", "(1, None)1"]
    computed.append(1)
    assert [twice(1), twice("1"), twice(1, of="a"), twice((1, None))] == ["11", "11", "1a1", "(1, None)1"]
    assert twice(2) == "22"
    with pytest.raises(TypeError, match="must be plain, not a User"):
        twice(User.objects.get())


def test_a_function_without_a_name_and_a_coroutine_are_refused() -> None:
    async def coroutine() -> int:
        return 1

    for function in (lambda: 1, coroutine):
        with pytest.raises(TypeError, match="a function with a name that is no coroutine"):
            remembered()(function)
