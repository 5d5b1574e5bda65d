"""The mails of the accounts: by subject, one short function each. Tokens are minted while the mail is being sent."""

from keystone.accounts.emails.queueing import queue_email, queue_email_at, queue_password_email

__all__ = ["queue_email", "queue_email_at", "queue_password_email"]
