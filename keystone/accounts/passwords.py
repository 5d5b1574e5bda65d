"""Set and validate passwords."""

from typing import ClassVar
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from keystone.accounts.authority import lock_for, refusal_to_touch
from keystone.accounts.emails import queue_email
from keystone.accounts.hooks import password_saved
from keystone.accounts.models import User
from keystone.accounts.revoke_access import revoke_access
from keystone.actors.actor import Actor, ActorKind
from keystone.audit.log import event, record
from keystone.exceptions import Refusal
from keystone.observability.origin import current_origin
from keystone.throttling.reset import reset_code_attempts


class PasswordRefused(Refusal):
    """The validators reject the new password; `fields` says why."""

    code = "invalid"
    status: ClassVar[int] = 400
    message: ClassVar[str | Promise] = _("Some fields are not valid.")


class PasswordUnchanged(PasswordRefused):
    """The new password is the current one."""

    def __init__(self) -> None:
        super().__init__(fields={"new_password": [str(_("This is your current password. Choose another one."))]})


def set_password(user: User, *, password: str, by: Actor, keep: UUID | None = None) -> User:
    """Set a person's password. Their sessions and links end; the password is never logged.

    Args:
        user: the person.
        password: a password that the validators accepted.
        by: the person, changing their own password, or an administrator.
        keep: the id of a session that doesn't end.

    Raises:
        OwnAccount, ProtectedAccount: `by` may not act on this person.
        AccessEnded: the access of `by` has ended in the meantime.
        UserNotFound: the account no longer exists.
    """
    hashed = make_password(password)  # before the lock: hashing takes a while
    with transaction.atomic():
        locked = lock_for(user, by=by)
        refusal = refusal_to_touch(locked, by=by)
        if refusal is not None:
            raise refusal
        store_password(locked, hashed, by=by, keep=keep)
        own = by.kind is ActorKind.PERSON
        record([event("user.password_changed" if own else "user.password_set", user, by=by)])
    for name in ("password", "updated_at", "access_version"):
        setattr(user, name, getattr(locked, name))
    return user


def store_password(user: User, hashed: str, *, by: Actor, keep: UUID | None = None) -> None:
    """Write the hash of a new password to a locked row, and revoke access.

    The person is notified by email, so that they learn of a change that is not theirs.
    """
    user.password, user.updated_at = hashed, timezone.now()
    User.objects.filter(pk=user.pk).update(password=hashed, updated_at=user.updated_at)
    _revoke_and_notify(user, by=by, keep=keep)


@password_saved.register
def note_new_password(user: User) -> None:
    """Revoke access and notify the person after a password was saved without the functions of this module."""
    by = Actor.system()
    user.updated_at = timezone.now()  # saving only a few columns doesn't update it, and each change has its own email
    User.objects.filter(pk=user.pk).update(updated_at=user.updated_at)
    record([event("user.password_set", user, by=by)])
    _revoke_and_notify(user, by=by, keep=None)


def _revoke_and_notify(user: User, *, by: Actor, keep: UUID | None) -> None:
    revoke_access([user], keep=keep)
    reset_code_attempts(user)
    where = current_origin().ip_address if by.kind is ActorKind.PERSON else None  # an administrator's is not disclosed
    at = user.updated_at.isoformat()
    queue_email("password_changed", [user.pk], key=at, at=at, ip_address=where or "")


def require_acceptable(password: str, user: User, *, field: str = "new_password") -> None:
    """Run the validators of AUTH_PASSWORD_VALIDATORS.

    Raises:
        PasswordRefused: the validators reject the password; their messages are under the name `field`.
    """
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise PasswordRefused(fields={field: error.messages}) from error
