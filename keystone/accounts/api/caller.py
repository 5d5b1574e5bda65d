"""The account behind a request."""

from rest_framework.request import Request

from keystone.accounts.models import User


def person(request: Request) -> User:
    """Return the account behind a request that a permission class let pass."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - a view without a permission class is a programming error
    return user
