from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import aauthenticate
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings

from keystone.accounts.backends import WrongPassword, confirm_password, person_with_password
from keystone.accounts.reset_limits import reset_limits, reset_limits_of
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.observability.origin import origin
from keystone.testing.factories import PASSWORD, UserFactory, approver, superuser
from keystone.throttling.limits import TooManyAttempts, count_attempt, count_code, count_request
from keystone.throttling.models import AttemptWindow, Limit
from keystone.throttling.reset import delete_ended_windows

pytestmark = pytest.mark.django_db
LIMITS = {"ATTEMPTS_PER_ADDRESS_AND_IP": 2, "ATTEMPTS_PER_ADDRESS": 3, "ATTEMPTS_PER_IP": 4, "REQUESTS_PER_IP": 2}


@pytest.fixture(autouse=True)
def limits(settings: Settings) -> None:
    settings.KEYSTONE = LIMITS


def attempt(address: str = "ann@example.com", ip_address: str | None = "192.0.2.1") -> bool:
    """Whether an attempt may go on."""
    try:
        with origin(ip_address=ip_address):
            count_attempt(address=address)
    except TooManyAttempts:
        return False
    return True


def counts() -> dict[tuple[str, str, str], int]:
    rows = AttemptWindow.objects.values_list("limit", "address", "source", "count")
    return {(limit, address, source): count for limit, address, source, count in rows}


def test_attempts_are_counted_by_ip_by_both_and_by_address() -> None:
    assert attempt(" ANN@Example.com ")
    assert attempt("ann@example.com", "198.51.100.7")
    assert counts() == {
        ("ip", "", "192.0.2.1"): 1,
        ("ip", "", "198.51.100.7"): 1,
        ("address_and_ip", "ann@example.com", "192.0.2.1"): 1,
        ("address_and_ip", "ann@example.com", "198.51.100.7"): 1,
        ("address", "ann@example.com", ""): 2,
    }


def test_the_limit_of_address_and_ip_holds_for_that_ip_only() -> None:
    assert [attempt() for _ in range(3)] == [True, True, False]
    assert attempt(ip_address="198.51.100.7")
    assert attempt("bob@example.com")


def test_who_is_refused_uses_up_neither_the_owners_attempts_elsewhere_nor_the_offices() -> None:
    for _ in range(9):
        attempt()
    assert counts()["address", "ann@example.com", ""] == 2
    assert counts()["ip", "", "192.0.2.1"] == 2
    assert attempt(ip_address="198.51.100.7")
    assert attempt("bob@example.com")


def test_the_limit_of_an_address_holds_from_wherever() -> None:
    assert [attempt(ip_address=f"192.0.2.{number}") for number in range(5)] == [True, True, True, False, False]


def test_the_limit_of_an_ip_holds_for_whatever_address() -> None:
    assert [attempt(f"person{number}@example.com") for number in range(6)] == [True] * 4 + [False] * 2
    assert not AttemptWindow.objects.filter(address="person5@example.com").exists()


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
    ],
)
def test_an_ipv6_address_counts_as_its_network(first: str, second: str, same: bool) -> None:
    attempt("", first)
    attempt("", second)
    assert AttemptWindow.objects.count() == (1 if same else 2)


def test_without_an_ip_the_address_alone_counts_and_without_both_nothing_does() -> None:
    assert [attempt(ip_address=None) for _ in range(4)] == [True, True, True, False]
    assert attempt("", None)
    with origin(ip_address=None):
        count_request()
    assert list(counts()) == [("address", "ann@example.com", "")]


def test_what_is_no_address_is_counted_as_it_is() -> None:
    assert [attempt("no address\x00\x07\ud800" + "x" * 400) for _ in range(3)] == [True, True, False]
    [address] = {address for _limit, address, _source in counts() if address}
    assert (address[:10], len(address)) == ("no address", 254)


def test_a_refusal_says_when_to_try_again() -> None:
    attempt()
    attempt()
    with origin(ip_address="192.0.2.1"), pytest.raises(TooManyAttempts) as caught:
        count_attempt(address="ann@example.com")
    assert (caught.value.code, caught.value.status) == ("rate_limited", 429)
    assert caught.value.retry_after in range(14 * 60, 15 * 60 + 1)
    assert caught.value.detail == "Too many attempts. Try again in 15 minutes."


def test_a_window_ends_by_itself_and_refused_attempts_do_not_prolong_it() -> None:
    attempt()
    attempt()
    ends = set(AttemptWindow.objects.values_list("ends_at", flat=True))
    assert not attempt()
    assert set(AttemptWindow.objects.values_list("ends_at", flat=True)) == ends
    AttemptWindow.objects.update(ends_at=timezone.now())
    assert attempt()
    assert set(counts().values()) == {1}
    assert not AttemptWindow.objects.filter(refused_at__isnull=False).exists()


def test_what_is_given_back_is_one_attempt_and_no_other() -> None:
    with origin(ip_address="192.0.2.1"):
        count_attempt(address="ann@example.com")
        count_attempt(address="ann@example.com").give_back()
    assert set(counts().values()) == {1}


def test_a_right_one_among_parallel_guesses_lets_no_further_ones_in() -> None:
    with origin(ip_address="192.0.2.1"):
        right = count_attempt(address="ann@example.com")
        count_attempt(address="ann@example.com")
        for _ in range(3):
            assert not attempt()
        right.give_back()
        assert not attempt()
    assert counts()["address_and_ip", "ann@example.com", "192.0.2.1"] == 5
    assert counts()["ip", "", "192.0.2.1"] == 1


def test_right_ones_at_once_leave_nobody_locked_out() -> None:
    with origin(ip_address="192.0.2.1"):
        right = [count_attempt(address="ann@example.com") for _ in range(2)]
        assert not attempt()
        for one in right:
            one.give_back()
    assert not AttemptWindow.objects.refusing().exists()
    assert attempt()


def test_nothing_is_given_back_to_a_later_window() -> None:
    with origin(ip_address="192.0.2.1"):
        old = count_attempt(address="ann@example.com")
        AttemptWindow.objects.update(ends_at=timezone.now(), started_at=F("started_at") - timedelta(minutes=15))
        count_attempt(address="ann@example.com")
        old.give_back()
    assert set(counts().values()) == {1}


def test_requests_have_a_count_of_their_own() -> None:
    with origin(ip_address="192.0.2.1"):
        count_request()
        count_request()
        with pytest.raises(TooManyAttempts):
            count_request()
    assert list(counts()) == [("requests", "", "192.0.2.1")]
    assert attempt()


@pytest.mark.django_db(transaction=True)
def test_a_count_outlives_the_request_and_refuses_to_be_part_of_a_transaction() -> None:
    from django.db import transaction

    with pytest.raises(RuntimeError), transaction.atomic():
        count_attempt(address="ann@example.com")
    assert attempt()


def test_the_right_password_is_not_counted_and_a_wrong_one_is() -> None:
    user = UserFactory(email="ann@example.com")
    with origin(ip_address="192.0.2.1"):
        for _ in range(5):
            assert person_with_password("ann@example.com", PASSWORD) == user
        assert person_with_password("ann@example.com", "wrong") is None
        assert person_with_password("ann@example.com", PASSWORD) == user
        with pytest.raises(WrongPassword):
            confirm_password(user, "wrong")
        with pytest.raises(TooManyAttempts):
            person_with_password("ann@example.com", PASSWORD)
        with pytest.raises(TooManyAttempts):
            confirm_password(user, PASSWORD)


@pytest.mark.parametrize("password", ["x" * 257, "\ud800"])
def test_what_no_account_has_as_a_password_is_wrong_and_counted(password: str) -> None:
    UserFactory(email="ann@example.com")
    with origin(ip_address="192.0.2.1"):
        assert person_with_password("ann@example.com", password) is None
    assert set(counts().values()) == {1}


def test_a_success_leaves_the_failures_of_the_ip_counted() -> None:
    UserFactory(email="ann@example.com")
    with origin(ip_address="192.0.2.1"):
        for number in range(3):
            person_with_password(f"person{number}@example.com", "wrong")
        assert person_with_password("ann@example.com", PASSWORD) is not None
    assert counts()["ip", "", "192.0.2.1"] == 3


def test_lifting_lets_people_try_again_and_is_audited() -> None:
    user = UserFactory(email="ann@example.com")
    for _ in range(3):
        attempt()
    [refusing] = AttemptWindow.objects.refusing()
    assert reset_limits([refusing.pk], by=Actor.cli()) == 1
    event = AuditEvent.objects.get()
    assert (event.action, event.target_label) == ("rate_limit.reset", "ann@example.com 192.0.2.1")
    assert event.changes == {"counted_by": ["address_and_ip", None], "attempts": [3, 0]}
    assert attempt()
    assert reset_limits_of(user, by=Actor.cli()) == 2
    assert list(counts()) == [("ip", "", "192.0.2.1")]


def test_staff_do_not_lift_the_limits_of_superusers() -> None:
    root, staff = superuser(email="ann@example.com"), approver("reset_attemptwindow")
    for _ in range(3):
        attempt()
    assert reset_limits_of(root, by=Actor.administrator(staff)) == 0
    assert AttemptWindow.objects.refusing().exists()
    assert reset_limits_of(root, by=Actor.administrator(superuser())) == 2


def test_djangos_asynchronous_way_in_is_counted_too() -> None:
    UserFactory(email="ann@example.com")
    with origin(ip_address="192.0.2.1"):
        for _ in range(3):
            assert async_to_sync(aauthenticate)(username="ann@example.com", password="wrong") is None
        assert async_to_sync(aauthenticate)(username="ann@example.com", password=PASSWORD) is None


def test_ended_windows_are_forgotten() -> None:
    attempt()
    AttemptWindow.objects.filter(limit=Limit.IP).update(ends_at=timezone.now())
    assert delete_ended_windows() == 1
    assert AttemptWindow.objects.count() == 2


@pytest.mark.parametrize(
    ("ip_address", "order"), [("192.0.2.1", ["ip", "code", "address_and_ip", "address"]), (None, ["code", "address"])]
)
def test_codes_are_counted_by_the_person_too_in_the_order_in_which_limits_are_lifted(
    ip_address: str | None, order: list[str]
) -> None:
    with origin(ip_address=ip_address):
        attempt = count_code(address="Ann@Example.com")
    rows = AttemptWindow.objects.in_bulk()
    assert [rows[place.row].limit for place in attempt.counted] == order
    assert list(AttemptWindow.objects.order_by("-limit").values_list("limit", flat=True)) == order
    window = AttemptWindow.objects.get(limit=Limit.CODE)
    assert (window.address, window.source, window.count) == ("ann@example.com", "", 1)
    assert window.ends_at - window.started_at == timedelta(hours=24)
    attempt.give_back()
    assert set(counts().values()) == {0}


def test_codes_have_a_limit_of_their_own(settings: Settings) -> None:
    settings.KEYSTONE = {"ATTEMPTS_PER_CODE_WINDOW": 2, "CODE_WINDOW": timedelta(hours=2, minutes=30)}
    for number in range(2):
        with origin(ip_address=f"192.0.2.{number}"):
            count_code(address="ann@example.com")
    with origin(ip_address="192.0.2.9"), pytest.raises(TooManyAttempts) as caught:
        count_code(address="ann@example.com")
    assert caught.value.detail == "Too many attempts. Try again in 3 hours."
    assert counts()["ip", "", "192.0.2.9"] == 0
    assert ("address_and_ip", "ann@example.com", "192.0.2.9") not in counts()
    assert attempt(ip_address="192.0.2.9")  # the password still counts by itself


def test_an_attempt_costs_a_bounded_number_of_statements(
    django_assert_num_queries: Callable[[int], Any],
) -> None:
    # Three counts between the begin and the end of a savepoint.
    with origin(ip_address="192.0.2.1"), django_assert_num_queries(5):
        counted = count_attempt(address="ann@example.com")
    with django_assert_num_queries(1):
        counted.give_back()
