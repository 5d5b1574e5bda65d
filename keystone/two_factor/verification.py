"""Checking the second factor: a code of the authenticator, or a recovery code."""

import re
from typing import ClassVar

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from keystone.accounts.models import User
from keystone.attempts.counting import count_attempt
from keystone.audit.actor import Actor
from keystone.audit.log import event, record
from keystone.refusals import Refusal
from keystone.two_factor.models import DIGITS, Authenticator
from keystone.two_factor.recovery_codes import use_recovery_code

MAX_CODE_LENGTH = 64  # characters, with whatever spaces and dashes people type
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


def has_second_factor(user: User) -> bool:
    """Whether the person has set up a second factor: then signing in asks for it. One query."""
    return Authenticator.objects.confirmed_of(user).exists()


def second_factor_of(user: User) -> Authenticator | None:
    """The authenticator whose codes are asked for; None where the person has set up none."""
    return Authenticator.objects.confirmed_of(user).first()


def check_code(user: User, code: str | None) -> Authenticator:
    """Take a code of the person's authenticator or a recovery code. Each works once, for one of any number of callers.

    The attempt is counted, durably, before anything is compared, by the same limits as the password. Call it outside
    of any transaction, and only after whatever else proves the person.

    Returns:
        The person's authenticator, also after a recovery code; for `django_otp.login`.

    Raises:
        CodeNeeded: nothing was given.
        CodeWrong: it is wrong, was used before, or the person has no second factor.
        TooManyAttempts: too many were wrong before; whether this one is right is not looked at.
    """
    text = SEPARATORS.sub("", code or "")
    if not text:
        raise CodeNeeded
    attempt = count_attempt(address=user.email_normalized)
    with transaction.atomic():
        authenticator = Authenticator.objects.confirmed_of(user).select_for_update().first()
        if authenticator is None or not _fits(user, authenticator, text):
            raise CodeWrong
    attempt.give_back()
    return authenticator


def is_recovery_code(code: str) -> bool:
    """Whether what was typed stands for a recovery code, and not for a code of an app."""
    return len(SEPARATORS.sub("", code)) != DIGITS


def _fits(user: User, authenticator: Authenticator, text: str) -> bool:
    if len(text) == DIGITS:
        return authenticator.verify_token(text)
    if len(text) > MAX_CODE_LENGTH or not use_recovery_code(user, text):
        return False
    record([event("user.recovery_code_used", user, by=Actor.person(user))])
    return True
