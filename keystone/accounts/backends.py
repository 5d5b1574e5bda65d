"""Authentication by email address and password."""

from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import check_password, make_password
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from keystone.accounts.expiry import apply_expiry
from keystone.accounts.models import User
from keystone.exceptions import Refusal
from keystone.passwords.hashing_slots import hashing_slots
from keystone.passwords.rules import MAX_PASSWORD_LENGTH
from keystone.throttling.limits import Attempt, count_attempt


class WrongPassword(Refusal):
    """The password given for confirmation is wrong."""

    code = "wrong_password"
    status: ClassVar[int] = 400
    message: ClassVar[str | Promise] = _("The password is wrong.")


class EmailBackend(ModelBackend):
    """Backend that finds the account by any spelling of its email address. Only active accounts get in."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """Return the account with this email address and password, if it is active."""
        address = username or kwargs.get(User.USERNAME_FIELD)
        if not address or password is None:
            return None
        try:
            user = person_with_password(address, password)
        except Refusal as refusal:
            # Django's authenticate() has no other way to report it. Our own forms call `person_with_password`.
            raise PermissionDenied(refusal.detail) from refusal
        return user if user is not None and self.user_can_authenticate(user) else None

    def get_user(self, user_id: Any) -> User | None:
        """Return the account of a session, or None if its access has ended, even if no job has applied that yet."""
        user = super().get_user(user_id)
        if not isinstance(user, User):
            return None
        return user if self.user_can_authenticate(apply_expiry(user)) else None

    async def aget_user(self, user_id: Any) -> User | None:
        """Call `get_user`: Django's own asynchronous version reads the table itself."""
        return await sync_to_async(self.get_user)(user_id)

    async def aauthenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """Call `authenticate`: Django's own asynchronous version would compare by itself and count nothing."""
        return await sync_to_async(self.authenticate)(request, username, password, **kwargs)


def person_with_password(email: str, password: str) -> User | None:
    """Return the account with this email address and password, whatever its status.

    The attempt is counted before anything is looked up. An ended suspension is lifted, and ended access is revoked. An
    unknown email address costs one password hash like a known one, so that timing reveals nothing.

    Raises:
        TooManyAttempts: there were too many wrong attempts before.
        HashingBusy: too many passwords are being checked at the moment.
    """
    with hashing_slots().reserved_slot():
        attempt = count_attempt(address=email)
        user: User | None = User.objects.with_email(email).first()
        fits = _fits(password, user, attempt)
    if not fits:
        return None
    assert user is not None  # noqa: S101 - no password matches without an account
    return apply_expiry(user)


def confirm_password(user: User, password: str) -> None:
    """Check a signed-in person's password again, before an action that only they may take.

    It counts towards the same limits as signing in.

    Raises:
        WrongPassword: the password is wrong.
        TooManyAttempts, HashingBusy: as `person_with_password`.
    """
    with hashing_slots().reserved_slot():
        attempt = count_attempt(address=user.email)
        fresh: User | None = User.objects.filter(pk=user.pk).first()
        fits = _fits(password, fresh, attempt)
    if not fits:
        raise WrongPassword


def _fits(password: str, user: User | None, attempt: Attempt) -> bool:
    """Return whether the password is that of `user`. The attempt is given back if it is, or if it was not checked."""
    try:
        fits = _compare(password, user)
    except Refusal:
        attempt.give_back()
        raise
    if fits:
        attempt.give_back()
    return fits


def _compare(password: str, user: User | None) -> bool:
    if len(password) > MAX_PASSWORD_LENGTH or not _is_text(password):
        return False  # no account has such a password
    if user is None or not user.has_usable_password():
        make_password(password)
        return False
    before, is_another = user.password, False

    def upgrade(raw_password: str) -> None:
        """Store a newer hash of the same password, unless another one was stored at the same time."""
        nonlocal is_another
        hashed = make_password(raw_password)
        if User.objects.filter(pk=user.pk, password=before).update(password=hashed):
            user.password = hashed
        else:
            user.refresh_from_db(fields=["password"])
            is_another = True

    if not check_password(password, before, upgrade):
        return False
    # The other hash is of the same password, from a sign-in at the same time, or of a new one: check it.
    return not is_another or check_password(password, user.password)


def _is_text(password: str) -> bool:
    """Return whether the password can be encoded; half a character (a lone surrogate) can't."""
    try:
        password.encode()
    except UnicodeEncodeError:
        return False
    return True
