"""Check codes of the second factor."""

import re
from typing import ClassVar

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from keystone.accounts.authority import lock_user
from keystone.accounts.models import User
from keystone.actors.actor import Actor
from keystone.audit.log import event, record
from keystone.audit.models import AuditEvent
from keystone.exceptions import Refusal
from keystone.throttling.limits import count_attempt, count_code
from keystone.throttling.models import AttemptWindow, Limit
from keystone.two_factor.models import DIGITS, Authenticator, RecoveryCode
from keystone.two_factor.notices import queue_notice
from keystone.two_factor.recovery_codes import use_recovery_code

MAX_CODE_LENGTH = 64  # characters, including spaces and dashes
WRONG_CODES_TOLD = 5  # wrong codes in a window after which the user is notified
SEPARATORS = re.compile(r"[\s\-\u2010-\u2015]+")


class CodeNeeded(Refusal):
    """The password was right, and the account has a second factor."""

    code = "second_factor_required"
    status: ClassVar[int] = 401
    message: ClassVar[str | Promise] = _("Enter the code of your authenticator app, or one of your recovery codes.")


class CodeWrong(Refusal):
    """The code is not one of this user's, or was used before. The response does not say which."""

    code = "invalid_code"
    status: ClassVar[int] = 401
    message: ClassVar[str | Promise] = _(
        "This code is wrong or has already been used. Wait until your app shows the next one."
    )


class RecoveryCodeWrong(CodeWrong):
    """The code cannot be one of an app, and is not a valid recovery code either."""

    message: ClassVar[str | Promise] = _("This recovery code is wrong or has already been used. Each works once.")


def has_second_factor(user: User) -> bool:
    """Return whether the user has set up a second factor, which signing in then asks for. This takes one query."""
    return Authenticator.objects.confirmed_of(user).exists()


def second_factor_of(user: User) -> Authenticator | None:
    """Return the authenticator whose codes are asked for; None if the user has set up none."""
    return Authenticator.objects.confirmed_of(user).first()


def typed_code(code: str | None) -> str:
    """Return the code without spaces and dashes.

    Raises:
        CodeNeeded: nothing is left.
    """
    text = SEPARATORS.sub("", code or "")
    if not text:
        raise CodeNeeded
    return text


def check_code(user: User, code: str | None) -> Authenticator:
    """Check and use up a code of the user's authenticator or a recovery code. Each works once, even concurrently.

    The attempt is counted durably before anything is compared, by the same limits as the password. Attempts at codes of
    the app also count by a separate limit (see `count_code`), because six digits are few. Recovery codes do not: they
    cannot be guessed, and they let the owner in when somebody who knows the password has used up that limit.

    Call this outside a transaction, and only after the user has otherwise proved their identity.

    Returns:
        The user's authenticator, for `django_otp.login`; also after a recovery code.

    Raises:
        CodeNeeded: no code was given.
        CodeWrong: the code is wrong or was used before, or the user has no second factor.
        TooManyAttempts: there were too many wrong attempts; this one was not checked.
        UserNotFound: the account no longer exists.
    """
    text = typed_code(code)
    count = count_attempt if is_recovery_code(text) else count_code
    attempt = count(address=user.email_normalized)
    with transaction.atomic():
        lock_user(user)  # before the authenticator, in the same order as code that removes it
        authenticator = Authenticator.objects.confirmed_of(user).select_for_update().first()
        if authenticator is None or not _fits(user, authenticator, text):
            raise RecoveryCodeWrong if is_recovery_code(text) else CodeWrong
    attempt.give_back()
    return authenticator


def check_code_of_sign_in(user: User, code: str | None) -> Authenticator:
    """Check the code of somebody who has just given the right password, and record a wrong one for the account's owner.

    A wrong code is recorded in the audit log. After the fifth one within the window of codes, a mail warns the owner
    that somebody knows their password.

    Returns and raises the same as `check_code`.
    """
    try:
        return check_code(user, code)
    except CodeWrong:
        _note_wrong_code(user)
        raise


@transaction.atomic
def _note_wrong_code(user: User) -> None:
    """Record a wrong code in the audit log, and notify the owner once per window.

    The user's row is locked, so wrong codes are processed one by one.
    """
    if lock_user(user).erased_at is not None:
        return  # erased in the meantime
    windows = AttemptWindow.objects.running().filter(limit=Limit.CODE, address=user.email_normalized)
    window = windows.select_for_update().first()
    record([event("user.wrong_code", user, by=Actor.system())])  # it is unknown who entered the code
    if window is None:  # an administrator has reset the limit in the meantime
        return
    wrong = AuditEvent.objects.filter(
        action="user.wrong_code", target_id=str(user.pk), created_at__gte=window.started_at
    )
    if wrong.count() == WRONG_CODES_TOLD:
        queue_notice("wrong_codes", user, by=Actor.person(user))


def is_recovery_code(code: str) -> bool:
    """Return whether the typed code is meant as a recovery code and not as a code of an app."""
    return len(SEPARATORS.sub("", code)) != DIGITS


def _fits(user: User, authenticator: Authenticator, text: str) -> bool:
    if not is_recovery_code(text):
        return authenticator.verify_token(text)
    if len(text) > MAX_CODE_LENGTH or not use_recovery_code(user, text):
        return False
    by = Actor.person(user)
    record([event("user.recovery_code_used", user, by=by)])
    queue_notice("recovery_code_used", user, by=by, left=str(RecoveryCode.objects.unused(user).count()))
    return True
