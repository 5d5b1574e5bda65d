"""The emails about accounts, one short function each. Tokens are minted while a mail is being sent."""

from keystone.accounts.emails.queueing import (
    queue_email,
    queue_email_at,
    queue_password_email,
    queue_registration_email,
)

__all__ = ["queue_email", "queue_email_at", "queue_password_email", "queue_registration_email"]
