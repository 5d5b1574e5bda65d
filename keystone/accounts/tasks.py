"""The accounts' background tasks: they take ids, fetch, delegate."""

from typing import Any

from django.tasks import task

from keystone.accounts.emails import EMAILS
from keystone.accounts.models import User
from keystone.mail.outgoing import send


@task()
def send_account_emails(*, name: str, user_ids: list[str], context: dict[str, Any]) -> int:
    """Send the mail `name` to each of these people.

    Returns:
        How many were handed to the mail server.
    """
    filled = {key: value for key, value in context.items() if value != ""}
    people = User.objects.filter(pk__in=user_ids).order_by("pk")
    return send(EMAILS[name](user, **filled) for user in people.iterator())
