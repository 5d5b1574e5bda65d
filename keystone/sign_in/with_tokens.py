"""Log in through the API."""

from typing import ClassVar

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from keystone.accounts.backends import person_with_password
from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.conf import options
from keystone.exceptions import Refusal
from keystone.observability.origin import current_origin
from keystone.sessions.models import Session
from keystone.sessions.token_pair import TokenPair, new_token_id, sign_pair
from keystone.sessions.tokens import token_digest
from keystone.text.devices import kept_user_agent
from keystone.throttling.limits import count_change
from keystone.two_factor.verification import CodeNeeded, check_code_of_sign_in, has_second_factor


class InvalidCredentials(Refusal):
    """No account has this email address and password. The response does not say which of them is wrong."""

    code = "invalid_credentials"
    status: ClassVar[int] = 401
    message: ClassVar[str | Promise] = _("The email address or the password is wrong.")


class SignInRefused(Refusal):
    """The password was right, but the account may not sign in. Only then is its status disclosed."""

    status: ClassVar[int] = 403


class EmailUnverified(SignInRefused):
    """The email address is not verified yet."""

    code = "email_unverified"
    message: ClassVar[str | Promise] = _("Verify your email address first. The link is in the email that we sent you.")


class ApprovalPending(SignInRefused):
    """The registration has not been decided on yet."""

    code = "approval_pending"
    message: ClassVar[str | Promise] = _(
        "Your registration is awaiting an administrator's approval. We will email you."
    )


class Rejected(SignInRefused):
    """The registration was rejected."""

    code = "rejected"
    message: ClassVar[str | Promise] = _("Your registration was not approved.")


class Suspended(SignInRefused):
    """The account is suspended."""

    code = "suspended"
    message: ClassVar[str | Promise] = _("Your account is suspended.")


class Deactivated(SignInRefused):
    """The account is deactivated."""

    code = "deactivated"
    message: ClassVar[str | Promise] = _("Your account is deactivated.")


REFUSALS: dict[str, type[SignInRefused]] = {
    Status.PENDING_EMAIL_VERIFICATION: EmailUnverified,
    Status.PENDING_ADMIN_APPROVAL: ApprovalPending,
    Status.REJECTED: Rejected,
    Status.SUSPENDED: Suspended,
    Status.DEACTIVATED: Deactivated,
}


def sign_in(*, email: str, password: str, code: str = "", user_agent: str = "") -> TokenPair:
    """Open a session for the user with this email address and password.

    Args:
        code: a code from the authenticator or a recovery code, for users who have set up a second factor.
        user_agent: the client's `User-Agent`, for the list of sessions.

    Raises:
        TooManyAttempts: there were too many wrong attempts; this one was not checked.
        InvalidCredentials: the email address or the password is wrong.
        EmailUnverified, ApprovalPending, Rejected, Suspended, Deactivated: the password is right, but the account may
            not sign in.
        CodeNeeded, CodeWrong: the password is right, but the second factor is missing or wrong.
    """
    person = person_with_password(email, password)
    if person is None:
        raise InvalidCredentials
    refuse_inactive(person)
    factor = check_code_of_sign_in(person, code) if has_second_factor(person) else None
    count_change(address=person.email)
    with transaction.atomic():
        # Lock the user, so that a concurrent suspension comes before or after the session is opened, not in between.
        user = User.objects.select_for_update(no_key=True).filter(pk=person.pk).first()
        if user is None or user.password != person.password:
            raise InvalidCredentials
        refuse_inactive(user)
        if factor is None and has_second_factor(user):
            raise CodeNeeded  # it was set up in the meantime
        now = timezone.now()
        token_id = new_token_id()
        session = Session.objects.create(
            user=user,
            refresh_digest=token_digest(token_id),
            expires_at=now + options().session_lifetime,
            ip_address=current_origin().ip_address,
            user_agent=kept_user_agent(user_agent),
        )
        User.objects.filter(pk=user.pk).update(last_login=now)
        record([event("user.signed_in", user, by=Actor.person(user))])
    return sign_pair(session, user, token_id, now=now)


def refuse_inactive(user: User) -> None:
    """Raise a refusal with the reason why this user may not sign in. Active users pass."""
    if user.status == Status.ACTIVE:
        return
    refusal = REFUSALS[user.status]
    message = str(refusal.message)
    if user.suspended_until:
        end = date_format(timezone.localtime(user.suspended_until), "DATETIME_FORMAT")
        message += " " + gettext("The suspension ends on %(end)s UTC.") % {"end": end}
    if user.status_reason and user.status in {Status.REJECTED, Status.SUSPENDED}:
        message += " " + gettext("Reason: %(reason)s") % {"reason": user.status_reason}
    raise refusal(message)
