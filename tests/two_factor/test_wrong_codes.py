"""Codes behind a known password: how many are taken, what the log says, and what the owner is told."""

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from keystone.accounts.models import User
from keystone.accounts.reset_limits import reset_limits_of
from keystone.actors.actor import Actor
from keystone.audit.models import AuditEvent
from keystone.observability.origin import origin
from keystone.privacy.erasing import erase_person
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.factories import PASSWORD, UserFactory, approver
from keystone.throttling.limits import TooManyAttempts
from keystone.throttling.models import AttemptWindow, Limit
from keystone.two_factor import enrolment
from keystone.two_factor.verification import CodeWrong, RecoveryCodeWrong, check_code, check_code_of_sign_in
from tests.two_factor.phone import WRONG, fresh_code, set_up, verified_browser

# Not in one transaction: the log's time is that of the transaction, and is compared with the window's.
pytestmark = pytest.mark.django_db(transaction=True)
CODE = "/admin/login/code/"
SUBJECT = "Failed sign-in attempts with your password"


@pytest.fixture
def ann() -> User:
    user: User = UserFactory(email="ann@example.com")
    set_up(user)
    mail.outbox.clear()
    return user


def guess(user: User, *, times: int = 1, code: str = WRONG) -> None:
    for number in range(times):
        with origin(ip_address=f"192.0.2.{number // 4}"), pytest.raises(CodeWrong):
            check_code_of_sign_in(user, code)


def noted() -> int:
    return AuditEvent.objects.filter(action="user.wrong_code").count()


def subjects() -> list[str]:
    return [str(sent.subject) for sent in mail.outbox]


def test_codes_of_one_person_are_limited_for_a_day_from_wherever(ann: User, settings: Settings) -> None:
    settings.KEYSTONE = {"ATTEMPTS_PER_CODE_WINDOW": 7}
    guess(ann, times=7)
    AttemptWindow.objects.exclude(limit=Limit.CODE).delete()  # 15 minutes later
    with origin(ip_address="198.51.100.7"), pytest.raises(TooManyAttempts) as caught:
        check_code(ann, fresh_code(ann))
    assert 23 * 3600 < (caught.value.retry_after or 0) <= 24 * 3600
    assert caught.value.detail == "Too many attempts. Try again in 24 hours."
    assert not AttemptWindow.objects.filter(limit=Limit.ADDRESS).exists()  # and uses up nothing else
    assert reset_limits_of(ann, by=Actor.cli()) == 1
    assert check_code(ann, fresh_code(ann)).user == ann


def test_a_wrong_code_after_the_right_password_is_noted_by_the_api(ann: User) -> None:
    with origin(ip_address="192.0.2.7"), pytest.raises(CodeWrong):
        sign_in(email=ann.email, password=PASSWORD, code=WRONG)
    event = AuditEvent.objects.get(action="user.wrong_code")
    assert (event.actor_kind, event.target_id, event.changes) == ("system", str(ann.pk), {})
    assert event.ip_address == "192.0.2.7"


def test_a_wrong_code_is_noted_at_a_sign_in_and_not_on_ones_own_pages() -> None:
    anna = approver()
    set_up(anna)
    client = verified_browser(anna)
    client.post("/admin/two-factor/codes/", {"code": WRONG})
    assert noted() == 0
    other = Client()
    other.post("/admin/login/", {"username": anna.email, "password": PASSWORD})
    other.post(CODE, {"code": WRONG})
    assert noted() == 1
    earlier = Client()
    earlier.force_login(anna)  # signed in before it was set up: no password was given for this code
    assert earlier.post(CODE, {"code": WRONG}).status_code == 200
    assert noted() == 1


def test_the_fifth_wrong_code_of_a_window_is_told_once(ann: User) -> None:
    guess(ann, times=4)
    assert (noted(), subjects()) == (4, [])
    guess(ann)
    [sent] = mail.outbox
    assert (sent.to, sent.subject) == (["ann@example.com"], SUBJECT)
    text = " ".join(str(sent.body).split())
    assert "UTC, from the IP address 192.0.2.0." in text
    assert "http://localhost:8000/reset-password/" in text
    AttemptWindow.objects.exclude(limit=Limit.CODE).delete()
    guess(ann, times=6)
    assert (noted(), subjects()) == (11, [SUBJECT])


def test_it_is_told_again_in_the_next_window(ann: User) -> None:
    guess(ann, times=5)
    AttemptWindow.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    guess(ann, times=5)
    assert subjects() == [SUBJECT, SUBJECT]


def test_a_limit_that_is_lifted_meanwhile_does_not_break_the_note(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def lifted(user: User, code: str | None) -> None:
        AttemptWindow.objects.all().delete()
        raise CodeWrong

    monkeypatch.setattr("keystone.two_factor.verification.check_code", lifted)
    guess(ann, times=6)
    assert (noted(), subjects()) == (6, [])


def test_a_right_code_is_neither_noted_nor_counted(ann: User) -> None:
    assert check_code_of_sign_in(ann, fresh_code(ann)).user == ann
    assert (noted(), AttemptWindow.objects.get(limit=Limit.CODE).count) == (0, 0)


def test_a_wrong_recovery_code_is_told_of_recovery_codes(ann: User) -> None:
    with pytest.raises(RecoveryCodeWrong) as caught:
        check_code(ann, "0000-0000-0000-0000")
    assert (caught.value.code, caught.value.status) == ("invalid_code", 401)
    assert caught.value.detail == "This recovery code is wrong or has already been used. Each works once."


def test_a_recovery_code_that_was_used_is_told_by_mail(ann: User) -> None:
    [code, *_rest] = enrolment.new_recovery_codes(ann, by=Actor.cli())
    mail.outbox.clear()
    with origin(ip_address="192.0.2.7"):
        check_code(ann, code)
    [sent] = mail.outbox
    assert (sent.to, sent.subject) == (["ann@example.com"], "A recovery code was used")
    text = " ".join(str(sent.body).split())
    assert "was used instead of your authenticator app. 9 are left;" in text
    assert "from the IP address 192.0.2.7." in text
    assert code not in text


@pytest.mark.parametrize(("by", "from_where"), [(Actor.person, True), (lambda _user: Actor.cli(), False)])
def test_new_recovery_codes_are_told_by_mail(ann: User, by: object, from_where: bool) -> None:
    with origin(ip_address="192.0.2.7"):
        codes = enrolment.new_recovery_codes(ann, by=by(ann))  # type: ignore[operator]  # one of the two above
    [sent] = mail.outbox
    assert (sent.to, sent.subject) == (["ann@example.com"], "You have new recovery codes")
    assert ("192.0.2.7" in str(sent.body)) is from_where
    assert not any(code in str(sent.body) for code in codes)


def test_a_code_beside_an_erasure_is_wrong_and_names_nobody(ann: User) -> None:
    code = fresh_code(ann)
    erase_person(User.objects.get(pk=ann.pk), by=Actor.cli())  # after the password was found to be right
    for given in (code, WRONG):
        guess(ann, code=given)
    assert not AuditEvent.objects.filter(target_label="ann@example.com").exists()
    assert noted() == 0
