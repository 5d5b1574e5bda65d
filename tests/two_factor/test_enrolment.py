"""Setting up, moving and taking away: what is written, who may, who is told."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django import Settings

from keystone.accounts.authority import OwnAccount
from keystone.accounts.models import User
from keystone.accounts.transition_rules import UserNotFound
from keystone.actors.acting import AccessEnded
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.exceptions import Refusal
from keystone.observability.origin import origin
from keystone.testing.factories import UserFactory, approver, superuser
from keystone.throttling.limits import TooManyAttempts
from keystone.two_factor import enrolment
from keystone.two_factor.enrolment import NoSecondFactor, NothingBegun, SecondFactorRequired, SuperusersOnly
from keystone.two_factor.models import Authenticator, RecoveryCode
from keystone.two_factor.verification import CodeNeeded, CodeWrong, check_code, has_second_factor
from tests.two_factor.phone import WRONG, fresh_code, set_up, shown

pytestmark = pytest.mark.django_db
Capture = Callable[..., Any]


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


def test_nothing_is_asked_for_until_the_first_right_code() -> None:
    user = UserFactory()
    authenticator = enrolment.begin(user)
    assert (authenticator.confirmed, authenticator.confirmed_at) == (False, None)
    with pytest.raises(CodeNeeded):
        enrolment.confirm(user, authenticator.pk, " ")
    with pytest.raises(CodeWrong):
        enrolment.confirm(user, authenticator.pk, WRONG)
    assert has_second_factor(user) is False
    assert (actions(), RecoveryCode.objects.count()) == ([], 0)


def test_the_first_right_code_sets_it_up_tells_the_person_and_gives_ten_codes(
    django_capture_on_commit_callbacks: Capture,
) -> None:
    user = UserFactory(email="ann@example.com")
    authenticator = enrolment.begin(user)
    with (
        origin(ip_address="192.0.2.7", request_id="abc"),
        django_capture_on_commit_callbacks(execute=True),
    ):
        done = enrolment.confirm(user, authenticator.pk, shown(authenticator))
    codes = done.recovery_codes
    assert done.authenticator == authenticator
    assert len(codes) == 10
    assert has_second_factor(user) is True
    stored = Authenticator.objects.get()
    assert stored.pk == authenticator.pk
    assert stored.confirmed_at is not None
    [event] = AuditEvent.objects.all()
    assert (event.action, event.actor_kind, event.changes) == ("user.second_factor_set_up", "person", {})
    [sent] = mail.outbox
    assert (sent.to, sent.subject) == (["ann@example.com"], "Two-factor sign-in is on")
    assert "UTC, from the IP address 192.0.2.7." in " ".join(sent.body.split())
    assert not any(code in sent.body for code in codes)


def test_a_set_up_that_is_begun_anew_ends_the_one_before() -> None:
    user = UserFactory()
    first = enrolment.begin(user)
    second = enrolment.begin(user)
    assert Authenticator.objects.get() == second
    with pytest.raises(NothingBegun):
        enrolment.confirm(user, first.pk, shown(first))
    assert enrolment.confirm(user, second.pk, shown(second)).authenticator == second
    with pytest.raises(NothingBegun):
        enrolment.confirm(user, second.pk, shown(second))


def test_a_set_up_takes_half_an_hour_at_most() -> None:
    user = UserFactory()
    authenticator = enrolment.begin(user)
    assert enrolment.begun(user, authenticator.pk) == authenticator
    assert [enrolment.begun(user, key) for key in (None, authenticator.pk + 1)] == [None, None]
    assert enrolment.begun(UserFactory(), authenticator.pk) is None
    Authenticator.objects.update(created_at=timezone.now() - timedelta(minutes=31))
    assert enrolment.begun(user, authenticator.pk) is None
    with pytest.raises(NothingBegun):
        enrolment.confirm(user, authenticator.pk, shown(authenticator))


def test_moving_to_another_device_keeps_the_old_one_until_the_new_one_works() -> None:
    user = UserFactory()
    old_codes = set_up(user)
    old = Authenticator.objects.get()
    new = enrolment.begin(user)
    check_code(user, fresh_code(user))
    new_codes = enrolment.confirm(user, new.pk, shown(new)).recovery_codes
    assert Authenticator.objects.get() == new
    for code in (shown(old), old_codes[0]):
        with pytest.raises(CodeWrong):
            check_code(user, code)
    assert check_code(user, new_codes[0]) == new
    assert actions() == ["user.second_factor_set_up", "user.second_factor_set_up", "user.recovery_code_used"]


def test_wrong_codes_of_a_set_up_are_limited() -> None:
    user = UserFactory()
    authenticator = enrolment.begin(user)
    with origin(ip_address="192.0.2.7"):
        for _attempt in range(5):
            with pytest.raises(CodeWrong):
                enrolment.confirm(user, authenticator.pk, WRONG)
        with pytest.raises(TooManyAttempts):
            enrolment.confirm(user, authenticator.pk, shown(authenticator))
    assert has_second_factor(user) is False


def test_new_recovery_codes_are_audited_and_need_a_second_factor() -> None:
    user = UserFactory()
    with pytest.raises(NoSecondFactor):
        enrolment.new_recovery_codes(user, by=Actor.person(user))
    old = set_up(user)
    new = enrolment.new_recovery_codes(user, by=Actor.person(user))
    assert not set(old) & set(new)
    with pytest.raises(CodeWrong):
        check_code(user, old[0])
    check_code(user, new[0])
    assert actions()[1:] == ["user.recovery_codes_made", "user.recovery_code_used"]


def test_removing_ones_own_takes_everything_and_tells_by_mail(django_capture_on_commit_callbacks: Capture) -> None:
    user = UserFactory()
    set_up(user)
    enrolment.begin(user)
    with origin(ip_address="192.0.2.7"), django_capture_on_commit_callbacks(execute=True):
        enrolment.remove(user, by=Actor.person(user))
    assert has_second_factor(user) is False
    assert (Authenticator.objects.count(), RecoveryCode.objects.count()) == (0, 0)
    assert actions()[1:] == ["user.second_factor_removed"]
    sent = mail.outbox[-1]
    assert sent.subject == "Two-factor sign-in is off"
    text = " ".join(sent.body.split())
    assert text.startswith(f"Hello {user.first_name}, You removed two-factor sign-in")
    assert "from the IP address 192.0.2.7." in text


def test_a_superuser_helps_somebody_who_has_lost_theirs(django_capture_on_commit_callbacks: Capture) -> None:
    root, anna = superuser(), approver()
    set_up(anna)
    with origin(ip_address="192.0.2.7"), django_capture_on_commit_callbacks(execute=True):
        enrolment.remove(anna, by=Actor.administrator(root))
    event = AuditEvent.objects.get(action="user.second_factor_removed")
    assert (event.actor_id, event.target_id) == (root.pk, str(anna.pk))
    text = " ".join(str(mail.outbox[-1].body).split())
    assert "An administrator removed two-factor sign-in" in text
    assert "192.0.2.7" not in text  # it is the administrator's


@pytest.mark.parametrize(
    ("actor", "refusal"),
    [
        (lambda _user: Actor.administrator(approver()), SuperusersOnly),
        (lambda _user: Actor.administrator(approver("suspend_user", "change_user")), SuperusersOnly),
        (lambda _user: Actor.person(UserFactory()), SuperusersOnly),
        (Actor.administrator, OwnAccount),
    ],
)
def test_nobody_else_takes_it_away(actor: Callable[[User], Actor], refusal: type[Refusal]) -> None:
    user = UserFactory()
    set_up(user)
    with pytest.raises(refusal) as caught:
        enrolment.remove(user, by=actor(user))
    assert caught.value.status == 403
    assert has_second_factor(user) is True
    assert actions() == ["user.second_factor_set_up"]


def test_staff_who_must_have_one_keep_their_own(settings: Settings) -> None:
    anna, ann = approver(), UserFactory()
    settings.KEYSTONE = {"TWO_FACTOR_REQUIRED": True}
    assert (enrolment.is_required_of(anna), enrolment.is_required_of(ann)) == (True, False)
    set_up(anna)
    set_up(ann)
    with pytest.raises(SecondFactorRequired):
        enrolment.remove(anna, by=Actor.person(anna))
    enrolment.remove(ann, by=Actor.person(ann))
    enrolment.remove(anna, by=Actor.cli())
    assert not Authenticator.objects.exists()


def test_a_set_up_that_was_not_finished_is_taken_away_without_a_mail(
    django_capture_on_commit_callbacks: Capture,
) -> None:
    user = UserFactory()
    authenticator = enrolment.begin(user)
    with django_capture_on_commit_callbacks(execute=True):
        assert enrolment.remove(user, by=Actor.cli()) is False
    assert (actions(), mail.outbox) == (["user.second_factor_set_up_ended"], [])
    with pytest.raises(NothingBegun):
        enrolment.confirm(user, authenticator.pk, shown(authenticator))


def test_there_must_be_one_to_take_away() -> None:
    user = UserFactory()
    with pytest.raises(NoSecondFactor):
        enrolment.remove(user, by=Actor.cli())


def test_an_account_that_has_gone_is_told_so() -> None:
    user = UserFactory()
    User.objects.filter(pk=user.pk).delete()
    with pytest.raises(UserNotFound):
        enrolment.remove(user, by=Actor.cli())
    with pytest.raises(AccessEnded):
        enrolment.begin(user)
    with pytest.raises(AccessEnded):
        enrolment.new_recovery_codes(user, by=Actor.person(user))
