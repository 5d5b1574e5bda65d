"""The accounts' background tasks: they take ids, fetch, delegate."""

from typing import Any

from django.tasks import task

from keystone.accounts.emails import EMAILS
from keystone.accounts.models import User
from keystone.accounts.password_reset import mail_reset_link
from keystone.accounts.verification import mail_link_again
from keystone.mail.outgoing import send


@task()
def send_account_emails(*, name: str, user_ids: list[str], context: dict[str, Any]) -> int:
    """Send the mail `name` to each of these people.

    Returns:
        How many were handed to the mail server.
    """
    filled = {key: value for key, value in context.items() if value != ""}
    people = User.objects.filter(pk__in=user_ids).order_by("pk")
    mails = (EMAILS[name](user, **filled) for user in people.iterator())
    return send(mail for mail in mails if mail is not None)


@task()
def mail_password_reset(*, email: str) -> None:
    """Mail the link to set a new password to whoever has this address."""
    mail_reset_link(email)


@task()
def mail_verification_again(*, email: str) -> None:
    """Mail another verification link to whoever has this address and still needs it."""
    mail_link_again(email)
