"""Revoke access: sessions, tokens and links stop working with the next request."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import F

from keystone.accounts import tokens
from keystone.accounts.hooks import access_ended
from keystone.accounts.models import User
from keystone.accounts.tokens import Purpose


def revoke_access(people: Collection[User], *, keep: UUID | None = None, keep_links: bool = False) -> None:
    """End the sessions, tokens and links of these people. Call it in the transaction of what is the reason.

    Sessions are revoked, one-time tokens used up, and the account's version is counted up, which access tokens name
    and which the sessions of Django's admin are bound to. Only a link that takes a change of address back outlives it:
    what ended access may have been the thief's doing, or an administrator's who came to help.

    Args:
        people: whose; their rows are locked by the caller. Their `access_version` is brought up to date.
        keep: the id of a session that goes on with new tokens, such as the one that the person acts in.
        keep_links: whether one-time tokens stay as they are.
    """
    ids = [user.pk for user in people]
    access_ended(ids, keep=keep)
    if not keep_links:
        tokens.revoke(ids, but=Purpose.REVERT_EMAIL)
    User.objects.filter(pk__in=ids).update(access_version=F("access_version") + 1)
    for user in people:
        user.access_version += 1
