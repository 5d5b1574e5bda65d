"""Setting passwords."""

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from keystone.accounts import tokens
from keystone.accounts.authority import lock_user, refusal_to_touch
from keystone.accounts.models import User
from keystone.audit.actor import Actor, ActorKind
from keystone.audit.log import event, record
from keystone.sessions.revocation import revoke_sessions


def set_password(user: User, *, password: str, by: Actor) -> User:
    """Give a person a new password. Their sessions end and their links stop working; the log never holds it.

    Args:
        user: who.
        password: one that the validators accepted.
        by: the person, who then changes their own, or an administrator.

    Raises:
        OwnAccount, ProtectedAccount: `by` may not act on this person.
        UserNotFound: the account has gone.
    """
    hashed = make_password(password)  # before the lock: it takes a while
    with transaction.atomic():
        locked = lock_user(user)
        refusal = refusal_to_touch(locked, by=by)
        if refusal is not None:
            raise refusal
        now = timezone.now()
        User.objects.filter(pk=user.pk).update(password=hashed, updated_at=now)
        revoke_sessions([user.pk])
        tokens.revoke([user.pk])
        own = by.kind is ActorKind.PERSON
        record([event("user.password_changed" if own else "user.password_set", user, by=by)])
    user.password, user.updated_at = hashed, now
    return user
