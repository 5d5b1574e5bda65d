"""Checking a code: which are taken, which count as attempts."""

from typing import Any

import pytest

from keystone.audit.models import AuditEvent
from keystone.observability.origin import origin
from keystone.testing.factories import UserFactory
from keystone.throttling.limits import TooManyAttempts
from keystone.throttling.models import AttemptWindow
from keystone.two_factor import enrolment
from keystone.two_factor.models import Authenticator, RecoveryCode
from keystone.two_factor.verification import (
    MAX_CODE_LENGTH,
    CodeNeeded,
    CodeWrong,
    check_code,
    has_second_factor,
    second_factor_of,
)
from tests.two_factor.phone import WRONG, fresh_code, set_up, shown

pytestmark = pytest.mark.django_db


def counts() -> dict[str, int]:
    return dict(AttemptWindow.objects.values_list("limit", "count"))


def test_only_a_confirmed_authenticator_is_a_second_factor(django_assert_num_queries: Any) -> None:
    user = UserFactory()
    enrolment.begin(user)
    assert (has_second_factor(user), second_factor_of(user)) == (False, None)
    set_up(user)
    set_up(UserFactory())
    with django_assert_num_queries(1):
        assert has_second_factor(user) is True
    assert second_factor_of(user) == Authenticator.objects.get(user=user)


@pytest.mark.parametrize("between", ["", " ", "-", "\u2011", "\u00a0"])
def test_a_code_is_taken_in_any_spelling(between: str) -> None:
    user = UserFactory()
    set_up(user)
    code = fresh_code(user)
    assert check_code(user, f" {code[:3]}{between}{code[3:]}\n") == second_factor_of(user)


def test_a_code_is_taken_once() -> None:
    user = UserFactory()
    set_up(user)
    code = fresh_code(user)
    check_code(user, code)
    with pytest.raises(CodeWrong) as caught:
        check_code(user, code)
    assert (caught.value.code, caught.value.status) == ("invalid_code", 401)


def test_the_first_code_of_the_set_up_is_used_up_by_it() -> None:
    user = UserFactory()
    authenticator = enrolment.begin(user)
    code = shown(authenticator)
    enrolment.confirm(user, authenticator.pk, code)
    with pytest.raises(CodeWrong):
        check_code(user, code)


def test_a_recovery_code_gives_the_authenticator_and_is_audited() -> None:
    user = UserFactory()
    code = set_up(user)[3]
    assert check_code(user, f" {code.lower()} ") == second_factor_of(user)
    [event] = AuditEvent.objects.filter(action="user.recovery_code_used")
    assert (event.actor_kind, event.target_id, event.changes) == ("person", str(user.pk), {})
    with pytest.raises(CodeWrong):
        check_code(user, code)
    assert RecoveryCode.objects.unused(user).count() == 9


@pytest.mark.parametrize("code", [None, "", "  ", "-"])
def test_a_missing_code_is_asked_for_and_counts_for_nothing(code: str | None) -> None:
    user = UserFactory()
    set_up(user)
    AttemptWindow.objects.all().delete()
    with pytest.raises(CodeNeeded) as caught:
        check_code(user, code)
    assert (caught.value.code, caught.value.status) == ("second_factor_required", 401)
    assert counts() == {}


@pytest.mark.parametrize("code", [WRONG, "x" * 500, "\ud800" * 6, "1" * (MAX_CODE_LENGTH + 1)])
def test_a_wrong_code_is_wrong_whatever_it_is(code: str) -> None:
    user = UserFactory()
    set_up(user)
    with pytest.raises(CodeWrong):
        check_code(user, code)


def test_nothing_fits_somebody_without_a_second_factor() -> None:
    user = UserFactory()
    enrolment.begin(user)
    with pytest.raises(CodeWrong):
        check_code(user, "123456")


def test_wrong_codes_count_and_a_right_one_is_given_back() -> None:
    user = UserFactory()
    with origin(ip_address="192.0.2.7"):
        set_up(user)
        assert counts() == {"ip": 0, "code": 0, "address_and_ip": 0, "address": 0}
        with pytest.raises(CodeWrong):
            check_code(user, WRONG)
        check_code(user, fresh_code(user))
    assert counts() == {"ip": 1, "code": 1, "address_and_ip": 1, "address": 1}


def test_after_five_wrong_codes_the_right_one_is_not_looked_at() -> None:
    user = UserFactory()
    with origin(ip_address="192.0.2.7"):
        set_up(user)
        for _attempt in range(5):
            with pytest.raises(CodeWrong):
                check_code(user, WRONG)
        code = fresh_code(user)
        with pytest.raises(TooManyAttempts) as caught:
            check_code(user, code)
    assert (caught.value.status, caught.value.code) == (429, "rate_limited")
    with origin(ip_address="192.0.2.8"):  # nothing has used it up
        assert check_code(user, code) == second_factor_of(user)
