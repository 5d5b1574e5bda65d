"""Look up users by email address."""

from collections.abc import Iterable

from django.core.exceptions import ValidationError

from keystone import email_address
from keystone.accounts.models import User
from keystone.accounts.transition_rules import UserNotFound


def person_of(address: str) -> User:
    """Return the user with this email address in any spelling.

    Raises:
        UserNotFound: nobody has this email address.
    """
    user: User | None = User.objects.with_email(address).first()
    if user is None:
        raise UserNotFound
    return user


def people_of(addresses: Iterable[str]) -> tuple[list[User], list[str]]:
    """Return the users with these email addresses, and the email addresses that nobody has.

    Each user is returned once, in the order of the email addresses.
    """
    wanted = {address: _normalized(address) for address in addresses}
    rows = User.objects.filter(email_normalized__in={spelling for spelling in wanted.values() if spelling})
    people = {user.email_normalized: user for user in rows}
    found = dict.fromkeys(spelling for spelling in wanted.values() if spelling in people)
    return [people[spelling] for spelling in found], [name for name in wanted if wanted[name] not in people]


def _normalized(address: str) -> str:
    try:
        return email_address.normalize(address)
    except ValidationError:
        return ""
