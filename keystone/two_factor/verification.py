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
from keystone.two_factor.notices import tell
from keystone.two_factor.recovery_codes import use_recovery_code

MAX_CODE_LENGTH = 64  # characters, with whatever spaces and dashes people type
WRONG_CODES_TOLD = 5  # wrong codes of a window after which the person is told
SEPARATORS = re.compile(r"[\s\-\u2010-\u2015]+")


class CodeNeeded(Refusal):
    """The password was right, and the account has a second factor."""

    code = "second_factor_required"
    status: ClassVar[int] = 401
    message: ClassVar[str | Promise] = _("Enter the code of your authenticator app, or one of your recovery codes.")


class CodeWrong(Refusal):
    """The code is none of this person's, or was used before; which of these is not told."""

    code = "invalid_code"
    status: ClassVar[int] = 401
    message: ClassVar[str | Promise] = _(
        "This code is wrong, or was used already. Wait until your app shows the next one."
    )


class RecoveryCodeWrong(CodeWrong):
    """What was given cannot be a code of an app, and it is no recovery code either."""

    message: ClassVar[str | Promise] = _("This recovery code is wrong, or was used already. Each works once.")


def has_second_factor(user: User) -> bool:
    """Whether the person has set up a second factor: then signing in asks for it. One query."""
    return Authenticator.objects.confirmed_of(user).exists()


def second_factor_of(user: User) -> Authenticator | None:
    """The authenticator whose codes are asked for; None where the person has set up none."""
    return Authenticator.objects.confirmed_of(user).first()


def typed_code(code: str | None) -> str:
    """The code without the spaces and dashes that people type.

    Raises:
        CodeNeeded: nothing is left.
    """
    text = SEPARATORS.sub("", code or "")
    if not text:
        raise CodeNeeded
    return text


def check_code(user: User, code: str | None) -> Authenticator:
    """Take a code of the person's authenticator or a recovery code. Each works once, for one of any number of callers.

    The attempt is counted, durably, before anything is compared, by the same limits as the password. That at a code of
    the app counts by one of its own as well (see `count_code`), because six digits are few; a recovery code cannot be
    guessed, and lets the owner in when somebody who knows the password has used up the codes.

    Call it outside of any transaction, and only after whatever else proves the person.

    Returns:
        The person's authenticator, also after a recovery code; for `django_otp.login`.

    Raises:
        CodeNeeded: nothing was given.
        CodeWrong: it is wrong, was used before, or the person has no second factor.
        TooManyAttempts: too many were wrong before; whether this one is right is not looked at.
        UserNotFound: the account has gone.
    """
    text = typed_code(code)
    count = count_attempt if is_recovery_code(text) else count_code
    attempt = count(address=user.email_normalized)
    with transaction.atomic():
        lock_user(user)  # before the authenticator, as whatever takes that away does
        authenticator = Authenticator.objects.confirmed_of(user).select_for_update().first()
        if authenticator is None or not _fits(user, authenticator, text):
            raise RecoveryCodeWrong if is_recovery_code(text) else CodeWrong
    attempt.give_back()
    return authenticator


def check_code_of_sign_in(user: User, code: str | None) -> Authenticator:
    """Take the code of somebody who has just given the right password. A wrong one is news for the account's owner.

    It is noted in the audit log. At the fifth within the window of codes, a mail tells the owner that somebody knows
    their password.

    Returns, raises: as `check_code`.
    """
    try:
        return check_code(user, code)
    except CodeWrong:
        _note_wrong_code(user)
        raise


@transaction.atomic
def _note_wrong_code(user: User) -> None:
    """Note it in the log; tell the owner once a window. Wrong codes come one by one here: the row is locked."""
    if lock_user(user).erased_at is not None:
        return  # at this moment
    windows = AttemptWindow.objects.running().filter(limit=Limit.CODE, address=user.email_normalized)
    window = windows.select_for_update().first()
    record([event("user.wrong_code", user, by=Actor.system())])  # who it was is not known
    if window is None:  # an administrator has lifted the limit at this moment
        return
    wrong = AuditEvent.objects.filter(
        action="user.wrong_code", target_id=str(user.pk), created_at__gte=window.started_at
    )
    if wrong.count() == WRONG_CODES_TOLD:
        tell("wrong_codes", user, by=Actor.person(user))


def is_recovery_code(code: str) -> bool:
    """Whether what was typed stands for a recovery code, and not for a code of an app."""
    return len(SEPARATORS.sub("", code)) != DIGITS


def _fits(user: User, authenticator: Authenticator, text: str) -> bool:
    if not is_recovery_code(text):
        return authenticator.verify_token(text)
    if len(text) > MAX_CODE_LENGTH or not use_recovery_code(user, text):
        return False
    by = Actor.person(user)
    record([event("user.recovery_code_used", user, by=by)])
    tell("recovery_code_used", user, by=by, left=str(RecoveryCode.objects.unused(user).count()))
    return True
