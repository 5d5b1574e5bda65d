"""Fixtures of a person whose address is changed, and who takes it back; and of what a command reads."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.mail import EmailMessage

from keystone.accounts.email_change import confirm_email_change, request_email_change
from keystone.accounts.models import User
from keystone.testing.factories import PASSWORD, UserFactory
from tests.accounts.mailed_links import token_in


@pytest.fixture
def ann() -> User:
    """A person."""
    return UserFactory(email="ann@example.com", first_name="Ann")


@pytest.fixture
def change_email(do: Callable[..., Any], mailoutbox: list[EmailMessage]) -> Callable[[User, str], str]:
    """Changes an address by the mailed link; returns the token that takes it back."""

    def change_email(user: User, email: str) -> str:
        user.refresh_from_db()
        do(request_email_change, user, email=email, current_password=PASSWORD)
        do(confirm_email_change, token_in(mailoutbox[-1], "confirm-email"))
        user.refresh_from_db()
        assert user.email == email
        return token_in(mailoutbox[-1], "revert-email")

    return change_email


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Gives commands a text in standard input, as a pipe does."""

    def pipe(text: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))

    return pipe
