"""Change one's own password. The current session goes on, every other one ends."""

from uuid import UUID

from django.db import transaction

from keystone.accounts.backends import confirm_password
from keystone.accounts.models import User
from keystone.accounts.passwords import PasswordUnchanged, require_acceptable, set_password
from keystone.actors.actor import Actor
from keystone.sessions.ending import renew_session
from keystone.sessions.token_pair import TokenPair


def change_password(
    user: User, *, current_password: str, new_password: str, keep: UUID | None = None
) -> TokenPair | None:
    """Change one's own password. Every session but `keep`, every token and link ends; the person is told by mail.

    Args:
        keep: the session that the person acts in, which goes on with new tokens; None where it is one of Django's,
            whose caller binds it anew.

    Returns:
        The new tokens of `keep`.

    Raises:
        TooManyAttempts, HashingBusy: as for signing in; the same limits count.
        WrongPassword: `current_password` is not the person's.
        PasswordRefused: the validators do not accept `new_password`.
        PasswordUnchanged: it is the present one.
        SessionNotFound: `keep` has ended in the meantime; nothing is changed.
    """
    confirm_password(user, current_password)
    if new_password == current_password:
        raise PasswordUnchanged
    require_acceptable(new_password, user)
    with transaction.atomic():
        set_password(user, password=new_password, by=Actor.person(user), keep=keep)
        return renew_session(user, keep) if keep is not None else None
