"""Change one's own password. The current session continues, all others end."""

from uuid import UUID

from django.db import transaction

from keystone.accounts.backends import confirm_password
from keystone.accounts.models import User
from keystone.accounts.passwords import PasswordUnchanged, require_acceptable, set_password
from keystone.actors.actor import Actor
from keystone.sessions.sign_out import renew_session
from keystone.sessions.token_pair import TokenPair


def change_password(
    user: User, *, current_password: str, new_password: str, keep: UUID | None = None
) -> TokenPair | None:
    """Change one's own password. All sessions except `keep`, all tokens and links end; the user is notified by mail.

    Args:
        keep: the user's current session, which continues with new tokens; None if it is one of Django's, which the
            caller must continue itself.

    Returns:
        The new tokens of `keep`.

    Raises:
        TooManyAttempts, HashingBusy: as for signing in, with the same limits.
        WrongPassword: `current_password` is wrong.
        PasswordRefused: the validators do not accept `new_password`.
        PasswordUnchanged: `new_password` is the current password.
        SessionNotFound: `keep` has ended in the meantime; nothing was changed.
    """
    confirm_password(user, current_password)
    if new_password == current_password:
        raise PasswordUnchanged
    require_acceptable(new_password, user)
    with transaction.atomic():
        set_password(user, password=new_password, by=Actor.person(user), keep=keep)
        return renew_session(user, keep) if keep is not None else None
