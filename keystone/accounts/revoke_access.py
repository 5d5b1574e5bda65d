"""Revoke access: sessions, tokens and links stop working with the next request."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import F

from keystone.accounts import tokens
from keystone.accounts.hooks import access_ended
from keystone.accounts.models import User
from keystone.accounts.tokens import Purpose


def revoke_access(people: Collection[User], *, keep: UUID | None = None, keep_links: bool = False) -> None:
    """End the sessions, tokens and links of these people. Call it in the transaction of the cause.

    Sessions and one-time tokens are revoked. The account's version, to which access tokens and the sessions of Django's
    admin are bound, is incremented. Only links that revert a change of email address keep working: access may have been
    ended by a thief, or by an administrator who came to help.

    Args:
        people: the people; the caller has locked their rows. Their `access_version` is updated.
        keep: the id of a session that continues with new tokens, such as the one that the person acts in.
        keep_links: whether one-time tokens stay as they are.
    """
    ids = [user.pk for user in people]
    access_ended(ids, keep=keep)
    if not keep_links:
        tokens.revoke(ids, but=Purpose.REVERT_EMAIL)
    User.objects.filter(pk__in=ids).update(access_version=F("access_version") + 1)
    for user in people:
        user.access_version += 1
