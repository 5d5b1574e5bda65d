"""What is special to single mails: whom they go to, and the links that they bring."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import make_password
from django.core.mail import EmailMessage
from django.test import override_settings
from django.utils import timezone

from keystone.accounts.lifecycle import approve_user, reject_user, reopen_user
from keystone.accounts.models import User
from keystone.accounts.status import ApprovalFlow, Status
from keystone.accounts.tokens import OneTimeToken, Purpose, digest, reserve
from keystone.actors.actor import Actor
from keystone.mail.models import OutgoingMail
from keystone.mail.outgoing import message_of
from keystone.mail.registry import EMAILS
from keystone.testing.factories import UserFactory
from tests.mail.sending import deliver

pytestmark = pytest.mark.django_db
AT = "2026-12-24T18:30:00+00:00"


def built(name: str, user: User, **context: str) -> EmailMessage:
    mail = EMAILS[name](user, **context)
    assert mail is not None
    return message_of(mail, message_id="<1@example.com>")


def words(message: EmailMessage) -> str:
    """The text part, as if it had no line ends."""
    return " ".join(str(message.body).split())


def unproved(user: User, status: Status = Status.PENDING_EMAIL_VERIFICATION) -> User:
    """The person, as somebody who has not proved the address."""
    User.objects.filter(pk=user.pk).update(status=status, email_verified_at=None)
    user.refresh_from_db()
    return user


def right(user: User, purpose: Purpose, email: str) -> str:
    return str(reserve(purpose=purpose, user=user, email=email, lifetime=timedelta(hours=1)).pk)


@pytest.mark.parametrize(
    ("name", "purpose", "page", "email"),
    [
        ("verify_email", Purpose.VERIFY_EMAIL, "verify-email", "ann@example.com"),
        ("reset_password", Purpose.RESET_PASSWORD, "reset-password", "ann@example.com"),
        ("choose_password", Purpose.RESET_PASSWORD, "reset-password", "ann@example.com"),
        ("confirm_email", Purpose.CONFIRM_EMAIL, "confirm-email", "Other@example.com"),
        ("email_changed", Purpose.REVERT_EMAIL, "revert-email", "Other@example.com"),
    ],
)
@override_settings(KEYSTONE={"PUBLIC_URL": "https://id.example.com"})
def test_a_mail_with_a_token_goes_to_the_address_it_is_about_and_nothing_else_knows_it(
    ann: User, name: str, purpose: Purpose, page: str, email: str
) -> None:
    if name == "verify_email":
        ann = unproved(ann)
    context = {"reserved": right(ann, purpose, email)} if name != "verify_email" else {}
    if name == "email_changed":
        context |= {"at": AT, "old_email": email, "new_email": "new@example.com"}
    message = built(name, ann, **context)
    assert message.to == [email]
    [token] = re.findall(rf"^https://id\.example\.com/{page}/([\w-]{{43}})/$", str(message.body), re.MULTILINE)
    row = OneTimeToken.objects.latest("id")
    assert (row.digest, row.purpose, row.email, row.user) == (digest(token), purpose, email, ann)
    assert token not in str(OneTimeToken.objects.values())
    html = message.alternatives[0][0]  # type: ignore[attr-defined]  # it is an EmailMultiAlternatives
    assert html.count(f'href="https://id.example.com/{page}/{token}/"') == 2
    assert token not in str(message.subject) + "".join(map(str, message.extra_headers.values()))


@pytest.mark.parametrize("name", ["verify_email", "reset_password"])
@override_settings(KEYSTONE={"PUBLIC_URL": "https://id.example.com", "FRONTEND_URL": "https://app.example.com"})
def test_links_lead_to_the_front_end_where_there_is_one(ann: User, name: str) -> None:
    reset = {"reserved": right(ann, Purpose.RESET_PASSWORD, ann.email)}
    message = built(name, unproved(ann)) if name == "verify_email" else built(name, ann, **reset)
    body = str(message.body)
    assert re.search(r"^https://app\.example\.com/(verify-email|reset-password)/[\w-]{43}/$", body, re.MULTILINE)
    assert "id.example.com" not in body


@pytest.mark.parametrize(
    ("name", "purpose"),
    [
        ("confirm_email", Purpose.CONFIRM_EMAIL),
        ("email_changed", Purpose.REVERT_EMAIL),
        ("reset_password", Purpose.RESET_PASSWORD),
        ("choose_password", Purpose.RESET_PASSWORD),
    ],
)
def test_a_right_that_has_ended_brings_no_token(ann: User, name: str, purpose: Purpose) -> None:
    reserved = right(ann, purpose, "other@example.com")
    OneTimeToken.objects.all().delete()
    if name != "email_changed":
        assert EMAILS[name](ann, reserved=reserved) is None
    else:
        message = built(name, ann, reserved=reserved, at=AT, old_email="other@example.com", new_email="n@example.com")
        assert "If this was not you, please contact the people who run Keystone immediately." in words(message)
        assert "revert-email" not in str(message.body)
    assert not OneTimeToken.objects.exists()


def test_the_old_address_is_told_the_new_one_and_when(ann: User) -> None:
    reserved = right(ann, Purpose.REVERT_EMAIL, "old@example.com")
    facts = {"at": AT, "old_email": "old@example.com", "new_email": "n@b.example"}
    message = built("email_changed", ann, reserved=reserved, **facts)
    assert "was changed on 24 December 2026, 18:30 UTC. It is now n@b.example. This email" in words(message)


def test_the_address_that_lost_the_account_is_told_the_other_one(ann: User) -> None:
    message = built("email_reverted", ann, at=AT, old_email="lost@example.com", new_email="ann@example.com")
    assert message.to == ["lost@example.com"]
    assert "was reverted on 24 December 2026, 18:30 UTC" in words(message)
    assert "The account's email address is ann@example.com again" in words(message)


@pytest.mark.parametrize(
    ("ip_address", "said"),
    [
        ("192.0.2.7", "was changed on 24 December 2026, 18:30 UTC, from the IP address 192.0.2.7. All"),
        ("", "was changed on 24 December 2026, 18:30 UTC. All other devices were signed out."),
    ],
)
def test_a_changed_password_is_told_with_where_from_and_what_to_do(ann: User, ip_address: str, said: str) -> None:
    message = built("password_changed", ann, at=AT, ip_address=ip_address)
    assert said in words(message)
    assert "\nhttp://localhost:8000/reset-password/\n" in str(message.body)


@pytest.mark.parametrize(
    ("context", "said", "not_said"),
    [
        (
            {"device": "Mozilla/5.0 (X11; Linux) Firefox/146.0", "ip_address": "192.0.2.7"},
            "The session was started with Firefox on Linux. The second use came from the IP address 192.0.2.7.",
            "Mozilla",
        ),
        ({"device": "Firefox/146.0"}, "The session was started with Firefox.", "IP address"),
        ({"ip_address": "2001:db8::1"}, "The second use came from the IP address 2001:db8::1.", "started with"),
        ({"device": "see http://evil.example/"}, "Nobody can use that session any longer", "evil"),
        ({}, "Nobody can use that session any longer", "IP address"),
    ],
)
def test_a_stolen_session_is_told_with_what_is_known(
    ann: User, context: dict[str, str], said: str, not_said: str
) -> None:
    message = built("session_stolen", ann, at=AT, **context)
    assert "was ended on 24 December 2026, 18:30 UTC, because its token was used a second time." in words(message)
    assert said in words(message)
    assert not_said not in words(message)
    assert "\nhttp://localhost:8000/reset-password/\n" in str(message.body)


def test_why_there_is_no_password_is_told(ann: User) -> None:
    reserved = right(ann, Purpose.RESET_PASSWORD, ann.email)
    said = words(built("choose_password", ann, reserved=reserved))
    assert "registered with Keystone more than once" in said
    said = words(built("choose_password", ann, reserved=reserved, after="revert"))
    assert "Your account with Keystone has this email address again." in said


def test_who_waits_without_a_password_is_told_to_choose_one(ann: User) -> None:
    assert "You do not need to do anything. We will email" in words(built("awaiting_approval", ann))
    ann.password = make_password(None)
    said = words(built("awaiting_approval", ann))
    assert "In the meantime, choose your password: the link is in another email from us. We will email" in said
    assert "do not need to do anything" not in said


@pytest.mark.parametrize("name", ["already_registered", "account_created"])
def test_who_has_an_account_is_told_how_to_get_a_password(ann: User, name: str) -> None:
    """Beside the link that sets one, where the account has none."""
    assert "\nhttp://localhost:8000/reset-password/\n" in str(built(name, ann).body)


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.PENDING_ADMIN_APPROVAL])
def test_who_registers_an_address_that_nobody_has_proved_is_told_how_to_take_it_over(ann: User, status: Status) -> None:
    User.objects.filter(pk=ann.pk).update(approval_flow=ApprovalFlow.ADMIN_APPROVAL, awaiting_since=timezone.now())
    message = built("already_registered", unproved(ann, status))
    assert message.subject == "This email address already has an account"
    said = words(message)
    assert "but nobody has confirmed that the email address is theirs." in said
    assert "This confirms that the email address is yours and signs everybody else out." in said
    assert "However, whoever created that account keeps using your email address until you take it over." in said
    assert "\nhttp://localhost:8000/reset-password/\n" in str(message.body)
    for untrue in ("the password you chose", "nothing was changed", "cannot get into it", "belongs to an account"):
        assert untrue not in said


def test_the_mail_of_an_administrator_greets_by_the_name_that_they_typed() -> None:
    message = built("account_created", UserFactory(first_name="Ann", verified=False))
    assert str(message.body).startswith("Hello Ann,")


@pytest.mark.parametrize("name", ["verify_email", "reset_password"])
def test_an_account_that_has_gone_keeps_no_mail_back(ann: User, name: str) -> None:
    """It may go between the task's look at it and its turn."""
    reserved = {"reserved": right(ann, Purpose.RESET_PASSWORD, ann.email)} if name == "reset_password" else {}
    User.objects.filter(pk=ann.pk).delete()
    assert EMAILS[name](ann, **reserved) is None


@pytest.mark.parametrize("status", [status for status in Status if status != Status.PENDING_EMAIL_VERIFICATION])
def test_a_verification_mail_that_is_late_brings_no_link_to_who_has_none_to_use(status: Status) -> None:
    assert EMAILS["verify_email"](UserFactory(status=status)) is None
    assert not OneTimeToken.objects.exists()


def test_a_decision_that_was_kept_back_is_not_told_after_a_later_one(mailoutbox: list[EmailMessage]) -> None:
    person = UserFactory(status=Status.PENDING_ADMIN_APPROVAL, approval_flow=ApprovalFlow.ADMIN_APPROVAL)
    by = Actor.system()
    reject_user(person, by=by, reason="Fees")
    reopen_user(person, by=by)
    approve_user(person, by=by)
    deliver(list(OutgoingMail.objects.order_by("-pk").values_list("pk", flat=True)))  # the latest goes first
    states = OutgoingMail.objects.order_by("pk").values_list("template", "state")
    assert list(states) == [("rejected", "obsolete"), ("reopened", "obsolete"), ("approved", "sent")]
    assert [message.to for message in mailoutbox] == [[person.email]]
