"""What mails say and where they lead, by where an account stands: no contradiction, and no link to nothing."""

import re
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.utils import timezone
from pytest_django import Settings

from keystone.accounts.lifecycle import approve_user, reopen_user
from keystone.accounts.models import User
from keystone.accounts.password_reset import reset_password
from keystone.accounts.registration import create_user, register_user
from keystone.accounts.status import ApprovalFlow, Status
from keystone.accounts.verification import verify_email
from keystone.actors.actor import Actor
from keystone.conf import options
from keystone.mail.outgoing import Mail, message_of
from keystone.mail.registry import EMAILS
from keystone.sign_in.with_tokens import sign_in
from keystone.testing.factories import UserFactory, approver
from tests.accounts.mailed_links import token_in

pytestmark = pytest.mark.django_db
BY = Actor.system()
NEW = "another long password"
LINK = re.compile(r"^https?://\S+$", re.MULTILINE)
SIGN_IN = ("approved", "reactivated", "already_registered", "account_created")


def built(name: str, user: User, **context: str) -> EmailMessage:
    mail = EMAILS[name](user, **context)
    assert mail is not None
    return message_of(mail, message_id="<1@example.com>")


def words(message: EmailMessage) -> str:
    return " ".join(str(message.body).split())


def links(message: EmailMessage) -> list[str]:
    """Those of the text, without the signature's."""
    return LINK.findall(str(message.body).partition("\n-- \n")[0])


def person(status: Status, **fields: Any) -> User:
    """Somebody with a proved email address."""
    reasons = {Status.REJECTED: "Too few places.", Status.SUSPENDED: "Unpaid."}
    return UserFactory(first_name="Ann", status=status, status_reason=reasons.get(status, ""), **fields)


# -- Where there is a page to sign in on -------------------------------------------------------------------------
def test_a_mail_leads_to_signing_in_only_where_there_is_a_page_for_it(settings: Settings) -> None:
    ann, staff = person(Status.ACTIVE), approver()
    settings.KEYSTONE = {"PUBLIC_URL": "https://id.example.com"}
    for name in SIGN_IN:
        pages = {re.sub(r"/[\w-]{43}/", "/", link) for link in links(built(name, ann))}
        assert pages <= {"https://id.example.com/reset-password/"}, name
        assert "https://id.example.com/admin/" in links(built(name, staff)), name
        assert "Go to Keystone" not in built(name, ann).alternatives[0][0], name  # type: ignore[attr-defined]  # EmailMessage has none
    settings.KEYSTONE = {"PUBLIC_URL": "https://id.example.com", "FRONTEND_URL": "https://app.example.com"}
    for name in SIGN_IN:
        for who in (ann, staff):
            assert "https://app.example.com/" in links(built(name, who)), name


# -- One mail with the link that sets the password ----------------------------------------------------------------
def test_somebody_whom_an_administrator_adds_gets_one_mail_with_the_link_that_sets_the_password(
    do: Any, mailoutbox: list[EmailMessage]
) -> None:
    do(create_user, email="ann@example.com", by=BY)
    [mail] = mailoutbox
    assert "expires in 3 days" in words(mail)
    do(reset_password, token_in(mail, "reset-password"), new_password=NEW)
    user = User.objects.get()
    assert user.email_verified_at is not None
    assert sign_in(email="ann@example.com", password=NEW).access
    assert [mail.subject for mail in mailoutbox[1:]] == ["Your password was changed"]


def test_the_link_that_sets_the_password_is_only_for_accounts_without_one_that_work() -> None:
    for name in ("approved", "reactivated", "account_created"):
        user = person(Status.ACTIVE)
        assert not any("reset-password" in link and len(link) > 60 for link in links(built(name, user))), name
        User.objects.filter(pk=user.pk).update(password=make_password(None))
        user.refresh_from_db()
        message = built(name, user)
        assert token_in(message, "reset-password"), name
        assert "expires in 3 days" in words(message), name
        for untrue in ("the password you chose", "the same password", "password that you were given"):
            assert untrue not in words(message), name
    assert EMAILS["account_created"](person(Status.DEACTIVATED)) is None


def test_who_is_approved_with_a_password_is_told_to_use_it() -> None:
    said = words(built("approved", person(Status.ACTIVE)))
    assert "You can now sign in with this email address and the password you chose." in said


# -- Registering again -------------------------------------------------------------------------------------------
AGAIN = {
    Status.ACTIVE: ("You already have an account", "you can sign in with the password you chose before."),
    Status.PENDING_ADMIN_APPROVAL: ("You have already registered", "is awaiting an administrator's decision."),
    Status.REJECTED: ("You have already registered", "did not approve it. You cannot sign in, and registering again"),
    Status.SUSPENDED: ("You have already registered", "Your account is suspended. You cannot sign in for now."),
    Status.DEACTIVATED: ("You have already registered", "Your account was closed. You cannot sign in,"),
}


@pytest.mark.parametrize("status", AGAIN)
def test_who_registers_again_is_told_where_the_account_stands(
    do: Any, mailoutbox: list[EmailMessage], settings: Settings, status: Status
) -> None:
    settings.KEYSTONE = {"SUPPORT_EMAIL": "help@example.org"}
    user = person(status, email="ann@example.com")
    do(register_user, email="ann@example.com", password="a good long one")
    [mail] = mailoutbox
    subject, sentence = AGAIN[status]
    said = words(mail)
    assert (mail.subject, sentence in said) == (subject, True)
    is_closed = status not in {Status.ACTIVE, Status.PENDING_ADMIN_APPROVAL}
    assert ("If you think this is a mistake, please contact help@example.org." in said) is is_closed
    assert (user.status_reason in said) is True
    assert ("you can sign in" in said, "reset-password" in said) == (status == Status.ACTIVE, status == Status.ACTIVE)


@pytest.mark.parametrize("status", [Status.REJECTED, Status.SUSPENDED, Status.DEACTIVATED])
def test_who_registers_an_unproved_address_of_a_closed_account_is_told_the_truth_too(status: Status) -> None:
    said = words(built("already_registered", person(status, verified=False)))
    assert said.startswith("Hello, Somebody, probably you, has just registered this email address")
    assert AGAIN[status][1] in said
    for untrue in (
        "reset-password",
        "take it over",
        "take the account over",
        "please contact",
        "belongs to an account",
    ):
        assert untrue not in said


# -- A rejection that is taken back ------------------------------------------------------------------------------
def test_a_rejection_that_is_taken_back_is_told_as_that(do: Any, mailoutbox: list[EmailMessage]) -> None:
    user = person(Status.REJECTED)
    do(reopen_user, user, by=BY)
    [mail] = mailoutbox
    assert (user.status, mail.subject) == (Status.PENDING_ADMIN_APPROVAL, "Your registration has been reopened")
    assert "withdrawn the rejection of your registration with Keystone. It is awaiting a decision again." in words(mail)
    assert links(mail) == []
    do(approve_user, user, by=BY)
    assert mailoutbox[-1].subject == "Welcome to Keystone"


def test_who_has_still_to_prove_their_address_gets_the_link_for_it(do: Any, mailoutbox: list[EmailMessage]) -> None:
    flow = ApprovalFlow.EMAIL_VERIFICATION_AND_ADMIN_APPROVAL
    user = person(Status.REJECTED, verified=False, approval_flow=flow)
    do(reopen_user, user, by=BY)
    [mail] = mailoutbox
    assert mail.subject == "Your registration has been reopened"
    assert "Please confirm that this email address is yours so that your registration can continue:" in words(mail)
    do(verify_email, token_in(mail, "verify-email"))
    user.refresh_from_db()
    assert user.status == Status.PENDING_ADMIN_APPROVAL


# -- Whom to write to --------------------------------------------------------------------------------------------
def test_mails_name_the_support_address_where_there_is_one_and_answers_go_to_it(settings: Settings) -> None:
    user = person(Status.REJECTED)
    for given in ("", "help@example.org"):
        settings.KEYSTONE = {"SUPPORT_EMAIL": given} if given else {}
        for name, kind in EMAILS.items():
            mail = Mail(template=name, to="a@example.com", context=dict(kind.sample))
            message = message_of(mail, message_id="<1@example.com>")
            assert message.reply_to == ([given] if given else [])
            said = words(message) + str(message.alternatives[0][0])
            assert not (given and "the people who run" in said), name
            assert "contact ." not in said, name
    assert "please contact help@example.org." in words(built("rejected", user))
    settings.KEYSTONE = {}
    assert "mistake" not in words(built("rejected", user))
    for wrong in ("help", "Help <help@example.org>", "hélp@example.org", "a@example.org, b@example.org"):
        settings.KEYSTONE = {"SUPPORT_EMAIL": wrong}
        with pytest.raises(ImproperlyConfigured, match="SUPPORT_EMAIL"):
            options()


def test_a_second_registration_is_answered_alike_whatever_the_status(do: Any, client: Any) -> None:
    answers = []
    for number, status in enumerate([*AGAIN, None]):
        if status is not None:
            person(status, email=f"ann{number}@example.com", awaiting_since=timezone.now())
        body = {"email": f"ann{number}@example.com", "password": "a good long one", "first_name": "Ann"}
        response = do(client.post, "/api/auth/register/", body, content_type="application/json")
        answers.append((response.status_code, response.json()))
    assert all(answer == answers[0] for answer in answers)


def test_pages_name_the_support_address_where_there_is_one(client: Any, settings: Settings) -> None:
    page = "/revert-email/nonsense/"
    assert "Otherwise, please contact the people who run Keystone." in client.get(page).content.decode()
    settings.KEYSTONE = {"SUPPORT_EMAIL": "help@example.org"}
    assert "Otherwise, please contact help@example.org." in client.get(page).content.decode()
